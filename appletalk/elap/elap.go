// Package elap is the EtherTalk Link Access Protocol of phase 2 (Inside AppleTalk, second edition, chapter 3): frames of 802.3 with
// LLC and SNAP headers that carry datagrams and AARP packets.
package elap

import (
	"encoding/binary"
	"fmt"

	"github.com/tenuto-session/tenuto/appletalk/link"
)

// Protocol is what a frame carries, by its SNAP header.
type Protocol uint8

// The protocols.
const (
	Data Protocol = iota // datagrams
	AARP
)

// Sizes in octets.
const (
	HeaderSize = 22 // addresses, length, LLC, SNAP
	MinFrame   = 60
	ethernet   = 14 // of them before what the length counts
	maxLength  = 1500
)

// Broadcast is the multicast address of all AppleTalk nodes.
var Broadcast = link.Hardware{0x09, 0x00, 0x07, 0xFF, 0xFF, 0xFF}

// Zones is how many multicast addresses there are for zones.
const Zones = 253

// ZoneMulticast is the multicast address of the zones whose name has a hash. IA2 ch. 8
func ZoneMulticast(hash uint16) link.Hardware {
	return link.Hardware{0x09, 0x00, 0x07, 0x00, 0x00, byte(hash % Zones)}
}

var discriminators = [...][8]byte{
	Data: {0xAA, 0xAA, 0x03, 0x08, 0x00, 0x07, 0x80, 0x9B},
	AARP: {0xAA, 0xAA, 0x03, 0x00, 0x00, 0x00, 0x80, 0xF3},
}

// Frame is a frame.
type Frame struct {
	Dst, Src link.Hardware
	Protocol Protocol
	Payload  []byte
}

// String writes a frame without its payload.
func (f *Frame) String() string {
	return fmt.Sprintf("ELAP(%v to %v, %s, data=%d)", f.Src, f.Dst, [...]string{"data", "AARP"}[f.Protocol], len(f.Payload))
}

// Error is what is wrong with a frame that was received.
type Error uint8

// The errors.
const (
	ErrTruncated Error = iota + 1
	ErrLength
	ErrForeign // it is no frame of AppleTalk's
)

var errorTexts = [...]string{
	ErrTruncated: "header: shorter than it is to be",
	ErrLength:    "length: more than was received",
	ErrForeign:   "SNAP header: none of AppleTalk's",
}

func (e Error) Error() string { return "elap: parse frame: " + errorTexts[e] }

// Parse reads a frame, which may have a pad. Payload is part of b.
func Parse(b []byte) (f Frame, err error) {
	if len(b) < HeaderSize {
		return f, ErrTruncated
	}
	f.Dst, f.Src = link.Hardware(b[0:6]), link.Hardware(b[6:12])
	length := int(binary.BigEndian.Uint16(b[12:]))
	switch [8]byte(b[14:22]) {
	case discriminators[Data]:
	case discriminators[AARP]:
		f.Protocol = AARP
	default:
		return f, ErrForeign
	}
	switch {
	case length > maxLength:
		return f, ErrForeign
	case length < HeaderSize-ethernet || ethernet+length > len(b):
		return f, ErrLength
	}
	f.Payload = b[HeaderSize : ethernet+length]
	return f, nil
}

// Begin appends a frame's header. The payload is appended to what it returns; then Finish gives the frame its length and its pad.
func Begin(b []byte, dst, src link.Hardware, p Protocol) []byte {
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	b = append(b, 0, 0)
	return append(b, discriminators[p][:]...)
}

// Finish ends the frame that begins at an offset of b.
func Finish(b []byte, at int) []byte {
	length := len(b) - at - ethernet
	if length > maxLength {
		panic("BUG: elap: a frame with too much data")
	}
	binary.BigEndian.PutUint16(b[at+12:], uint16(length))
	for len(b)-at < MinFrame {
		b = append(b, 0)
	}
	return b
}
