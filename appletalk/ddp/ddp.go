// Package ddp is AppleTalk's Datagram Delivery Protocol (Inside AppleTalk, second edition, chapter 4): addresses, the two headers,
// the checksum, and whom a node sends a datagram to.
//
//	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Net: 3, Node: 10}, Num: ddp.SocketAEP}, Src: own, Type: ddp.TypeAEP, Data: request}
//	d.Checksum = d.Sum()
//	b, err := d.AppendLong(nil)
//	d, err = ddp.ParseLong(b) // d.Data is part of b
//
// # Limitations
//
// It knows no links: package port does.
package ddp

import (
	"fmt"
	"strconv"
	"strings"
)

// Networks. IA2 ch. 4
const (
	FirstStartup = 0xFF00 // the startup range is for nodes that have found no router: it is never routed
	LastStartup  = 0xFFFE
	LastNetwork  = FirstStartup - 1 // the largest that a cable is given; 0 is a network that is not known, and matches any
)

// Nodes.
const (
	AnyRouter     = 0x00 // the first router that is on a network whose range the network number is in
	Broadcast     = 0xFF
	LastLocal     = 0xFE // the largest of a node on LocalTalk
	LastExtended  = 0xFD // the largest of a node on an extended network
	FirstServerID = 0x80 // LocalTalk: nodes below it are of the user class
)

// Sockets. IA2 ch. 4
const (
	SocketRTMP   = 1
	SocketNBP    = 2
	SocketAEP    = 4
	SocketZIP    = 6
	FirstDynamic = 128
	LastSocket   = 254
)

// Type is the protocol that a datagram's data are of.
type Type uint8

// The types. IA2 app. C
const (
	TypeRTMP        Type = 1 // data and responses
	TypeNBP         Type = 2
	TypeATP         Type = 3
	TypeAEP         Type = 4
	TypeRTMPRequest Type = 5
	TypeZIP         Type = 6
	TypeADSP        Type = 7
)

var typeNames = map[Type]string{TypeRTMP: "RTMP", TypeNBP: "NBP", TypeATP: "ATP", TypeAEP: "AEP", TypeRTMPRequest: "RTMP request",
	TypeZIP: "ZIP", TypeADSP: "ADSP"}

func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Addr is the address of a node.
type Addr struct {
	Net  uint16
	Node uint8
}

// String writes network and node as 3.10.
func (a Addr) String() string { return fmt.Sprintf("%d.%d", a.Net, a.Node) }

// Matches reports whether a and b may be the same node: network 0 matches any.
func (a Addr) Matches(b Addr) bool { return a.Node == b.Node && SameNet(a.Net, b.Net) }

// ParseAddr reads what String writes.
func ParseAddr(s string) (Addr, error) {
	net, node, ok := strings.Cut(s, ".")
	n, err := strconv.ParseUint(net, 10, 16)
	m, err2 := strconv.ParseUint(node, 10, 8)
	if !ok || err != nil || err2 != nil {
		return Addr{}, fmt.Errorf("ddp: parse address: %q: not of the form NETWORK.NODE", s)
	}
	return Addr{Net: uint16(n), Node: uint8(m)}, nil
}

// Socket is the address of a socket: an internet socket address in the book's words.
type Socket struct {
	Addr
	Num uint8
}

// String writes it as 3.10:4.
func (s Socket) String() string { return fmt.Sprintf("%v:%d", s.Addr, s.Num) }

// Range is the network numbers of a cable, both ends included. A nonextended network has one number.
type Range struct{ First, Last uint16 }

// String writes a range as 3-5, or as 3.
func (r Range) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Has reports whether a network number is in the range.
func (r Range) Has(net uint16) bool { return net >= r.First && net <= r.Last }

// Overlaps reports whether the ranges have a number in common.
func (r Range) Overlaps(o Range) bool { return r.First <= o.Last && o.First <= r.Last }

// Valid reports whether a cable may have the range: it is not empty, has no 0 and none of the startup range.
func (r Range) Valid() bool { return r.First != 0 && r.First <= r.Last && r.Last <= LastNetwork }

// ParseRange reads what String writes.
func ParseRange(s string) (Range, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	r := Range{First: uint16(a), Last: uint16(b)}
	if err != nil || err2 != nil || !r.Valid() {
		return Range{}, fmt.Errorf("ddp: parse range: %q: not FIRST-LAST of numbers 1 to %d", s, LastNetwork)
	}
	return r, nil
}

// SameNet compares network numbers as every client of DDP does: 0 matches any. IA2 ch. 4
func SameNet(a, b uint16) bool { return a == b || a == 0 || b == 0 }

// IsStartup reports whether a network number is of the startup range.
func IsStartup(net uint16) bool { return net >= FirstStartup && net <= LastStartup }
