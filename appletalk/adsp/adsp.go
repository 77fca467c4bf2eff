// Package adsp is the AppleTalk Data Stream Protocol (Inside AppleTalk, second edition, chapter 12): packets, and the machine of one end of a
// connection, which is a stream of octets both ways, with marks between messages and with attention messages beside it.
//
//	m := adsp.New(adsp.Config{}, id, peer, now)
//	m.Open()                       // then Handle for each packet, Tick at Next, and Drain for what is to be sent
//	n := m.Write(now, b, true)     // a message, or as much of it as there is room for
//	n, eom := m.Read(now, b)
//
// # Limitations
//
// A connection's two directions end together: the protocol has no way to end one of them.
package adsp

import (
	"encoding/binary"
	"fmt"
)

// Sizes in octets.
const (
	HeaderSize   = 13
	openSize     = 8
	MaxData      = 572 // of one packet, one less than a datagram has room for
	MaxAttention = 570 // of an attention message
)

// Version is that of all packets that open a connection.
const Version = 0x0100

// LastAttention is the largest code of a client's attention message; what is above is reserved. IA2 ch. 12
const LastAttention = 0xEFFF

// Code says what a control packet is for.
type Code uint8

// The codes. IA2 ch. 12
const (
	Ack              Code = iota // with AckRequest a probe
	OpenRequest                  // of who has heard nothing yet
	OpenAck                      // of who has heard a request
	OpenRequestAck               // both
	OpenDenial                   //
	CloseAdvice                  //
	ForwardReset                 //
	ForwardResetAck              //
	RetransmitAdvice             //
	lastCode         = RetransmitAdvice
)

var codeNames = [...]string{"ack", "open request", "open ack", "open request+ack", "open denial", "close advice", "forward reset", "forward reset ack",
	"retransmit advice"}

func (c Code) String() string {
	if c <= lastCode {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// opens tells whether open parameters follow the header.
func (c Code) opens() bool { return c >= OpenRequest && c <= OpenDenial }

// The descriptor.
const (
	bitControl   = 0x80
	bitAck       = 0x40
	bitEOM       = 0x20
	bitAttention = 0x10
	maskCode     = 0x0F
)

// Packet is a packet.
type Packet struct {
	ConnID     uint16 // the sender's; 0 in a denial
	First      uint32 // of the first octet, or of the next if there is none; of an attention message: its number
	Next       uint32 // of the octet that the sender wants next; of the attention message
	Window     uint16 // how many it has room for; 0 in attention packets
	Control    bool
	AckRequest bool
	EOM        bool // a message ends behind the data
	Attention  bool
	Code       Code   // control packets that are not of attention
	Open       Open   // with codes that open
	Message    uint16 // the code of an attention message
	Data       []byte
}

// Open is what packets say that open a connection, or deny one.
type Open struct {
	Version uint16
	Dst     uint16 // the other's ConnID; 0 in a request
	Message uint32 // the number of the attention message that the sender wants next
}

// String writes a packet without its data.
func (p Packet) String() string {
	s := fmt.Sprintf("ADSP(conn=%d, first=%d, next=%d", p.ConnID, p.First, p.Next)
	switch {
	case p.Attention && p.Control:
		return s + ", attention ack)"
	case p.Attention:
		s += fmt.Sprintf(", attention=%04x", p.Message)
	case p.Control && p.Code == Ack && p.AckRequest:
		return s + fmt.Sprintf(", window=%d, probe)", p.Window)
	case p.Control:
		s += fmt.Sprintf(", window=%d, %v", p.Window, p.Code)
		if p.Code.opens() {
			s += fmt.Sprintf(", version=%04x, to=%d, message=%d", p.Open.Version, p.Open.Dst, p.Open.Message)
		}
		return s + ")"
	default:
		s += fmt.Sprintf(", window=%d", p.Window)
	}
	if p.AckRequest {
		s += ", ack"
	}
	if p.EOM {
		s += ", EOM"
	}
	return s + fmt.Sprintf(", data=%d)", len(p.Data))
}

// Error is what is wrong with a packet that was received. It is a value so that a flood of them costs no memory.
type Error uint8

// The errors.
const (
	ErrTruncated Error = iota + 1
	ErrCode
	ErrOpen
	ErrConnID
	ErrTooLong
	ErrMessage
)

var errorTexts = [...]string{
	ErrTruncated: "header: shorter than 13 octets",
	ErrCode:      "descriptor: a code that there is not",
	ErrOpen:      "open parameters: shorter than 8 octets",
	ErrConnID:    "connection identifier: 0",
	ErrTooLong:   "data: more than 570 octets of attention, or any in a control packet",
	ErrMessage:   "attention message: without a code",
}

func (e Error) Error() string { return "adsp: parse packet: " + errorTexts[e] }

// Parse reads a packet. Data is part of b. Bits that its kind does not have are not looked at.
func Parse(b []byte) (p Packet, err error) {
	// source ConnID, PktFirstByteSeq, PktNextRecvSeq, PktRecvWdw, descriptor
	if len(b) < HeaderSize {
		return p, ErrTruncated
	}
	p.ConnID = binary.BigEndian.Uint16(b)
	p.First = binary.BigEndian.Uint32(b[2:])
	p.Next = binary.BigEndian.Uint32(b[6:])
	p.Window = binary.BigEndian.Uint16(b[10:])
	d := b[12]
	p.Control, p.AckRequest, p.Attention = d&bitControl != 0, d&bitAck != 0, d&bitAttention != 0
	code, rest := Code(d&maskCode), b[HeaderSize:]
	switch {
	case p.Attention && code != 0, code > lastCode, !p.Control && code != 0:
		return p, ErrCode
	case p.Attention && !p.Control:
		if len(rest) < 2 {
			return p, ErrMessage
		}
		p.Message, p.Data = binary.BigEndian.Uint16(rest), rest[2:]
		if len(p.Data) > MaxAttention {
			return p, ErrTooLong
		}
	case p.Control && code.opens():
		if len(rest) < openSize {
			return p, ErrOpen
		}
		p.Code = code
		p.Open = Open{binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:]), binary.BigEndian.Uint32(rest[4:])}
	case p.Control:
		p.Code = code
		if len(rest) > 0 {
			return p, ErrTooLong
		}
	default:
		p.EOM, p.Data = d&bitEOM != 0, rest
	}
	if p.ConnID == 0 && (!p.Control || p.Code != OpenDenial) {
		return p, ErrConnID
	}
	return p, nil
}

// Append appends a packet.
func (p Packet) Append(b []byte) []byte {
	d := byte(p.Code)
	for _, bit := range [...]struct {
		set bool
		bit byte
	}{{p.Control, bitControl}, {p.AckRequest, bitAck}, {p.EOM, bitEOM}, {p.Attention, bitAttention}} {
		if bit.set {
			d |= bit.bit
		}
	}
	b = binary.BigEndian.AppendUint16(b, p.ConnID)
	b = binary.BigEndian.AppendUint32(b, p.First)
	b = binary.BigEndian.AppendUint32(b, p.Next)
	b = append(binary.BigEndian.AppendUint16(b, p.Window), d)
	switch {
	case p.Attention && !p.Control:
		b = binary.BigEndian.AppendUint16(b, p.Message)
	case p.Control && p.Code.opens():
		b = binary.BigEndian.AppendUint16(b, p.Open.Version)
		b = binary.BigEndian.AppendUint16(b, p.Open.Dst)
		b = binary.BigEndian.AppendUint32(b, p.Open.Message)
	}
	return append(b, p.Data...)
}
