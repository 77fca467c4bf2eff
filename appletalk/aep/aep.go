// Package aep is the AppleTalk Echo Protocol (Inside AppleTalk, second edition, chapter 6): who gets a request on socket 4 sends it back.
package aep

import "fmt"

// Function is the first octet of a packet.
type Function uint8

// The functions.
const (
	Request Function = 1
	Reply   Function = 2
)

// MaxData is the most octets after the function.
const MaxData = 585

// Packet is a packet.
type Packet struct {
	Function Function
	Data     []byte
}

// String writes a packet without its data.
func (p Packet) String() string {
	name := "request"
	if p.Function == Reply {
		name = "reply"
	}
	return fmt.Sprintf("AEP(%s, data=%d)", name, len(p.Data))
}

// Parse reads a packet. Data is part of b.
func Parse(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, fmt.Errorf("aep: parse packet: function: missing")
	}
	if f := Function(b[0]); f != Request && f != Reply {
		return Packet{}, fmt.Errorf("aep: parse packet: function: %d is neither request nor reply", b[0])
	}
	return Packet{Function(b[0]), b[1:]}, nil
}

// Append appends a packet.
func (p Packet) Append(b []byte) []byte { return append(append(b, byte(p.Function)), p.Data...) }
