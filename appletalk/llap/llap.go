// Package llap is the LocalTalk Link Access Protocol (Inside AppleTalk, second edition, chapter 1), as far as links without a serial
// line need it: frames, and a machine that acquires a node's address and defends it.
//
//	a := llap.NewAcquirer(true, rng)
//	a.Start(now, 0)          // then Tick at Next, and Control for each control frame, until Node is not 0
//
// # Limitations
//
// RTS and CTS are neither sent nor heeded: links over UDP have none.
package llap

import "fmt"

// Type is the type of a frame.
type Type uint8

// The types. IA2 ch. 1
const (
	TypeShort Type = 1 // a datagram with the short header
	TypeLong  Type = 2 // a datagram with the long header
	TypeENQ   Type = 0x81
	TypeACK   Type = 0x82
	TypeRTS   Type = 0x84
	TypeCTS   Type = 0x85
)

var typeNames = map[Type]string{TypeShort: "short DDP", TypeLong: "long DDP", TypeENQ: "ENQ", TypeACK: "ACK", TypeRTS: "RTS", TypeCTS: "CTS"}

func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type %02x", uint8(t))
}

// Sizes in octets, without the FCS.
const (
	HeaderSize = 3
	MaxData    = 600
	MaxFrame   = HeaderSize + MaxData
)

// Broadcast is the node to which all listen.
const Broadcast = 0xFF

// Frame is a frame.
type Frame struct {
	Dst, Src uint8
	Type     Type
	Data     []byte
}

// String writes a frame without its data.
func (f Frame) String() string {
	return fmt.Sprintf("LLAP(%d to %d, %v, data=%d)", f.Src, f.Dst, f.Type, len(f.Data))
}

// IsControl reports whether the frame is none of data.
func (f Frame) IsControl() bool { return f.Type >= 0x80 }

// Error is what is wrong with a frame that was received.
type Error uint8

// The errors.
const (
	ErrTruncated Error = iota + 1
	ErrTooLong
	ErrType
	ErrLength
)

var errorTexts = [...]string{
	ErrTruncated: "header: shorter than three octets",
	ErrTooLong:   "data: more than 600 octets",
	ErrType:      "type: none that is known",
	ErrLength:    "length: not that of the data",
}

func (e Error) Error() string { return "llap: parse frame: " + errorTexts[e] }

// Parse reads a frame. Data is part of b.
func Parse(b []byte) (f Frame, err error) {
	if len(b) < HeaderSize {
		return f, ErrTruncated
	}
	if len(b) > MaxFrame {
		return f, ErrTooLong
	}
	f = Frame{Dst: b[0], Src: b[1], Type: Type(b[2]), Data: b[HeaderSize:]}
	switch f.Type {
	case TypeENQ, TypeACK, TypeRTS, TypeCTS:
		if len(f.Data) != 0 {
			return f, ErrLength
		}
	case TypeShort, TypeLong:
		// The first two octets have the length of the data in their lower ten bits: it is DDP's own, which ddp checks.
		if len(f.Data) < 2 {
			return f, ErrLength
		}
	default:
		return f, ErrType
	}
	return f, nil
}

// Append appends a frame's header, and its data.
func (f Frame) Append(b []byte) []byte {
	if len(f.Data) > MaxData {
		panic("BUG: llap: a frame with too much data")
	}
	return append(append(b, f.Dst, f.Src, byte(f.Type)), f.Data...)
}
