// Package atp is the AppleTalk Transaction Protocol (Inside AppleTalk, second edition, chapter 9): packets, and the machines of a
// requester and of a responder, each for one socket. Transactions are at-least-once (ALO) or exactly-once (XO).
//
//	t, err := requester.Begin(now, atp.Request{Peer: router, User: user, Responses: 1, Interval: 2 * time.Second, Tries: 5})
//	done := requester.Handle(now, from, packet) // t when it is complete
//
// What the machines want sent is in their Drain.
package atp

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// Function is what a packet is for.
type Function uint8

// The functions. IA2 ch. 9
const (
	TReq  Function = 1
	TResp Function = 2
	TRel  Function = 3
)

var functionNames = [...]string{TReq: "TReq", TResp: "TResp", TRel: "TRel"}

func (f Function) String() string { return functionNames[f] }

// Sizes.
const (
	HeaderSize   = 8
	MaxData      = ddp.MaxData - HeaderSize // of one packet, in octets
	MaxResponses = 8                        // packets of a response
)

// The bits of the first octet.
const (
	bitXO     = 0x20
	bitEOM    = 0x10
	bitSTS    = 0x08
	maskTimer = 0x07
)

// Release is how long a responder keeps what it has answered, as a code. IA2 ch. 9
type Release uint8

// The codes of release timers.
const (
	Release30s Release = iota
	Release1m
	Release2m
	Release4m
	Release8m
)

// Duration is the time that a code stands for. Reserved ones stand for the shortest, which is what nodes of phase 1 have always.
func (r Release) Duration() time.Duration {
	if r < Release1m || r > Release8m {
		return 30 * time.Second
	}
	return time.Minute << (r - Release1m)
}

// Packet is a packet.
type Packet struct {
	Function Function
	XO       bool    // TReq: exactly once
	Release  Release // TReq with XO
	EOM      bool    // TResp: the last one
	STS      bool    // TResp: the responder wants to hear what has arrived
	Bitmap   uint8   // TReq: the packets that are wanted; TResp: the sequence number
	TID      uint16
	User     [4]byte // the client's
	Data     []byte
}

// String writes a packet without its data.
func (p Packet) String() string {
	s := fmt.Sprintf("ATP%v(tid=%04x", p.Function, p.TID)
	switch p.Function {
	case TReq:
		s += fmt.Sprintf(", bitmap=%02x", p.Bitmap)
		if p.XO {
			s += fmt.Sprintf(", XO, release=%v", p.Release.Duration())
		}
	case TResp:
		s += fmt.Sprintf(", seq=%d", p.Bitmap)
		if p.EOM {
			s += ", EOM"
		}
		if p.STS {
			s += ", STS"
		}
	case TRel:
		return s + ")"
	}
	return s + fmt.Sprintf(", user=%x, data=%d)", p.User, len(p.Data))
}

// Parse reads a packet. Data is part of b. Bits that its function does not have are not looked at.
func Parse(b []byte) (p Packet, err error) {
	// control, bitmap or sequence number, TID, user bytes, data
	if len(b) < HeaderSize {
		return p, fmt.Errorf("atp: parse packet: header: %d octets are less than %d", len(b), HeaderSize)
	}
	control := b[0]
	p.Function = Function(control >> 6)
	p.Bitmap = b[1]
	p.TID = binary.BigEndian.Uint16(b[2:])
	p.User = [4]byte(b[4:8])
	p.Data = b[HeaderSize:]
	if len(p.Data) > MaxData {
		return p, fmt.Errorf("atp: parse packet: data: %d octets exceed %d", len(p.Data), MaxData)
	}
	switch p.Function {
	case TReq:
		if p.XO = control&bitXO != 0; p.XO {
			p.Release = Release(control & maskTimer)
		}
	case TResp:
		p.EOM, p.STS = control&bitEOM != 0, control&bitSTS != 0
		if p.Bitmap >= MaxResponses {
			return p, fmt.Errorf("atp: parse packet: sequence number: %d exceeds %d", p.Bitmap, MaxResponses-1)
		}
	case TRel:
	default:
		return p, fmt.Errorf("atp: parse packet: function: 0")
	}
	return p, nil
}

// Append appends a packet.
func (p Packet) Append(b []byte) []byte {
	if len(p.Data) > MaxData {
		panic("BUG: atp: a packet with too much data")
	}
	control := byte(p.Function) << 6
	for _, bit := range []struct {
		set bool
		bit byte
	}{{p.XO, bitXO | byte(p.Release)}, {p.EOM, bitEOM}, {p.STS, bitSTS}} {
		if bit.set {
			control |= bit.bit
		}
	}
	b = binary.BigEndian.AppendUint16(append(b, control, p.Bitmap), p.TID)
	return append(append(b, p.User[:]...), p.Data...)
}

// Part is one packet of a response, as the clients see it.
type Part struct {
	User [4]byte
	Data []byte
}

// Sending is a packet with the socket that it goes to.
type Sending struct {
	To     ddp.Socket
	Packet Packet
}

// same reports whether an answer comes from where a request went: its network may be one that is not known.
func same(a, b ddp.Socket) bool { return a.Num == b.Num && a.Matches(b.Addr) }
