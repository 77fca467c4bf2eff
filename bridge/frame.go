package bridge

import (
	"encoding/binary"
	"fmt"
)

// HeaderSize is the size of a frame's header in octets. A header alone is a whole frame but for the types that say otherwise.
const HeaderSize = 16

// MaxData is the largest payload of a DATA frame in octets: an SSDU part of 64 KiB with its record and SPDU headers is one frame.
const MaxData = 64<<10 + 64

// MaxExpedited is the largest payload of an EXPEDITED frame in octets.
const MaxExpedited = 16

// ackPayload is the size of an ACK frame's payload in octets.
const ackPayload = 16

// FrameType is the first octet of a frame. docs/wire/bridge.md section 4.
type FrameType uint8

const (
	FrameOpen      FrameType = 0x01 // opens a stream, or repeats that; Arg: credit for the opener's peer, in octets
	FrameData      FrameType = 0x02 // Length octets of the stream at offset Arg follow
	FrameExpedited FrameType = 0x03 // Length octets follow: the expedited TSDU with sequence number Arg
	FrameAck       FrameType = 0x04 // received up to Arg; the payload holds Credit and Expedited
	FrameSkip      FrameType = 0x05 // the octets before Arg will not come; a record begins at Arg
	FrameClose     FrameType = 0x06 // T-DISCONNECT of the stream; Arg: the reason
	FrameClosed    FrameType = 0x07 // answers FrameClose; the stream is forgotten
	FrameReady     FrameType = 0x08 // ends the positions after an attach
	FrameDone      FrameType = 0x09 // the initiator has accepted the responder's proof
	FramePing      FrameType = 0x0a // asks for FramePong with the same Arg
	FramePong      FrameType = 0x0b
	FrameBye       FrameType = 0x0c // the bridge ends; Arg: the reason
	FramePark      FrameType = 0x0d // the initiator wants no carrier for now
	FrameParked    FrameType = 0x0e // the responder agrees
	FrameSimplex   FrameType = 0x0f // FrameOpen of a stream whose session is simplex; only to a peer with Settings.Simplex
)

var frameNames = [...]string{FrameOpen: "OPEN", FrameData: "DATA", FrameExpedited: "EXPEDITED", FrameAck: "ACK", FrameSkip: "SKIP",
	FrameClose: "CLOSE", FrameClosed: "CLOSED", FrameReady: "READY", FrameDone: "DONE", FramePing: "PING", FramePong: "PONG",
	FrameBye: "BYE", FramePark: "PARK", FrameParked: "PARKED", FrameSimplex: "SIMPLEX"}

func (t FrameType) String() string {
	if int(t) < len(frameNames) && frameNames[t] != "" {
		return frameNames[t]
	}
	return fmt.Sprintf("FRAME-%#02x", uint8(t))
}

// Frame is a frame without the octets of user data: those of DATA and EXPEDITED follow it on the carrier.
type Frame struct {
	Type      FrameType
	Stream    uint32 // 0 in frames of the bridge as a whole
	Length    int    // octets of user data that follow: DATA and EXPEDITED
	Arg       uint64 // offset, sequence number, reason or token, as the type says
	Credit    uint64 // ACK: the receiver takes octets of the stream up to this offset
	Expedited uint64 // ACK: the sequence number of the next expedited TSDU that the receiver waits for
}

// Size is the number of octets that AppendBinary appends.
func (f *Frame) Size() int {
	if f.Type == FrameAck {
		return HeaderSize + ackPayload
	}
	return HeaderSize
}

// AppendBinary appends the frame's header, and an ACK's payload:
//
//	Type (1) Length (3) Stream (4) Arg (8) [ Credit (8) Expedited (8) ]
func (f *Frame) AppendBinary(b []byte) ([]byte, error) {
	n := f.Length
	if f.Type == FrameAck {
		n = ackPayload
	}
	b = append(b, byte(f.Type), byte(n>>16), byte(n>>8), byte(n))
	b = binary.BigEndian.AppendUint32(b, f.Stream)
	b = binary.BigEndian.AppendUint64(b, f.Arg)
	if f.Type == FrameAck {
		b = binary.BigEndian.AppendUint64(b, f.Credit)
		b = binary.BigEndian.AppendUint64(b, f.Expedited)
	}
	return b, nil
}

// ParseFrame reads a frame's header (and an ACK's payload) from the beginning of b and returns how many octets that were: 0 if b
// holds too few. An error is a *ProtocolError: the carrier cannot be read on.
func ParseFrame(b []byte) (f Frame, n int, err error) {
	if len(b) < HeaderSize {
		return f, 0, nil
	}
	f.Type = FrameType(b[0])
	length := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	f.Stream = binary.BigEndian.Uint32(b[4:])
	f.Arg = binary.BigEndian.Uint64(b[8:])
	limit := 0
	switch f.Type {
	case FrameData:
		limit, f.Length = MaxData, length
	case FrameExpedited:
		limit, f.Length = MaxExpedited, length
	case FrameAck:
		if length != ackPayload {
			return f, 0, protocolErr(f, "length %d is not %d", length, ackPayload)
		}
		if len(b) < HeaderSize+ackPayload {
			return f, 0, nil
		}
		f.Credit = binary.BigEndian.Uint64(b[16:])
		f.Expedited = binary.BigEndian.Uint64(b[24:])
		return f, HeaderSize + ackPayload, f.check()
	case FrameOpen, FrameSimplex, FrameSkip, FrameClose, FrameClosed, FrameReady, FrameDone, FramePing, FramePong, FrameBye, FramePark, FrameParked:
	default:
		return f, 0, protocolErr(f, "unknown type")
	}
	if length > limit {
		return f, 0, protocolErr(f, "length %d exceeds %d", length, limit)
	}
	return f, HeaderSize, f.check()
}

// check refuses what no state could make right.
func (f *Frame) check() error {
	ofBridge := f.Type >= FrameReady && f.Type != FrameSimplex
	switch {
	case ofBridge && f.Stream != 0:
		return protocolErr(*f, "stream %d in a frame of the bridge", f.Stream)
	case !ofBridge && f.Stream == 0:
		return protocolErr(*f, "stream 0 does not exist")
	case (f.Type == FrameData || f.Type == FrameExpedited) && f.Length == 0:
		return protocolErr(*f, "no octets")
	case f.Arg > maxOffset || f.Credit > maxOffset || f.Expedited > maxOffset:
		return protocolErr(*f, "number exceeds %d", uint64(maxOffset))
	}
	return nil
}

// maxOffset keeps sums of two offsets within 64 bits. A stream at 10 GB/s reaches it after 14 years.
const maxOffset = 1<<62 - 1

// String is the frame in the notation of logs, scripts and traces.
func (f Frame) String() string {
	switch f.Type {
	case FrameOpen, FrameSimplex:
		return fmt.Sprintf("%v(%d, credit=%d)", f.Type, f.Stream, f.Arg)
	case FrameData:
		return fmt.Sprintf("DATA(%d, %d+%d)", f.Stream, f.Arg, f.Length)
	case FrameExpedited:
		return fmt.Sprintf("EXPEDITED(%d, seq=%d, %d)", f.Stream, f.Arg, f.Length)
	case FrameAck:
		return fmt.Sprintf("ACK(%d, received=%d, credit=%d, expedited=%d)", f.Stream, f.Arg, f.Credit, f.Expedited)
	case FrameSkip:
		return fmt.Sprintf("SKIP(%d, to=%d)", f.Stream, f.Arg)
	case FrameClose:
		return fmt.Sprintf("CLOSE(%d, reason=%d)", f.Stream, f.Arg)
	case FrameClosed:
		return fmt.Sprintf("CLOSED(%d)", f.Stream)
	case FrameReady, FrameDone, FramePark, FrameParked:
		return f.Type.String() + "()"
	case FramePing, FramePong:
		return fmt.Sprintf("%v(%d)", f.Type, f.Arg)
	case FrameBye:
		return fmt.Sprintf("BYE(reason=%d)", f.Arg)
	}
	return fmt.Sprintf("%v(%d, arg=%d, %d)", f.Type, f.Stream, f.Arg, f.Length)
}

// ProtocolError says how the peer broke the bridge's protocol. Its carrier is closed; the bridge ends with it when the peer proved
// its key, since two ends that disagree about a stream cannot go on.
type ProtocolError struct {
	Frame Frame
	Text  string
}

func (e *ProtocolError) Error() string { return fmt.Sprintf("bridge: %v: %s", e.Frame, e.Text) }

func protocolErr(f Frame, format string, a ...any) error {
	return &ProtocolError{Frame: f, Text: fmt.Sprintf(format, a...)}
}
