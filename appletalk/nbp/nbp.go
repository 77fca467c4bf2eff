// Package nbp is the Name Binding Protocol (Inside AppleTalk, second edition, chapter 7): packets, the names of a node, and a lookup.
//
//	e, err := nbp.ParseEntity("=:AFPServer@*")
//	l := nbp.NewLookup(id, own, e, nbp.Tries, nbp.Interval)
//	packet, ok := l.Tick(now)   // to be sent; at Next again, until Done
//	l.Handle(reply)
package nbp

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// Function is what a packet is for.
type Function uint8

// The functions. IA2 ch. 7
const (
	BrRq      Function = 1 // broadcast request, to a router
	LkUp      Function = 2 // lookup, to nodes
	LkUpReply Function = 3
	FwdReq    Function = 4 // forward request, between routers
)

var functionNames = [...]string{BrRq: "BrRq", LkUp: "LkUp", LkUpReply: "LkUp-Reply", FwdReq: "FwdReq"}

func (f Function) String() string { return functionNames[f] }

// Limits and wildcards.
const (
	MaxName   = 32     // octets of an object, a type or a zone
	MaxTuples = 15     // of a reply
	All       = "="    // any object, any type
	Some      = '\xC5' // ≈: zero or more characters of an object or a type, once
	OwnZone   = "*"    // the zone of whoever asks; so is an empty one
)

// Entity is the name of something that can be reached, as MacRoman octets.
type Entity struct{ Object, Type, Zone string }

// String writes a name as object:type@zone.
func (e Entity) String() string {
	return macroman.Decode(e.Object) + ":" + macroman.Decode(e.Type) + "@" + macroman.Decode(e.Zone)
}

// ParseEntity reads what String writes. What is left out at the end is any type, and the own zone.
func ParseEntity(text string) (e Entity, err error) {
	name, zone, ok := cutLast(text, "@")
	if !ok {
		zone = OwnZone
	}
	object, kind, ok := strings.Cut(name, ":")
	if !ok {
		kind = All
	}
	for _, f := range []struct {
		what, text string
		to         *string
	}{{"object", object, &e.Object}, {"type", kind, &e.Type}, {"zone", zone, &e.Zone}} {
		if *f.to, err = macroman.Encode(f.text); err != nil {
			return e, fmt.Errorf("nbp: parse name: %s: %w", f.what, err)
		}
		if n := len(*f.to); n < 1 || n > MaxName {
			return e, fmt.Errorf("nbp: parse name: %s %q: not 1 to %d octets", f.what, f.text, MaxName)
		}
	}
	return e, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Matches reports whether a pattern has a name of a node in its zone: the zone is not compared. A name that is looked up never
// has a wildcard.
func (pattern Entity) Matches(e Entity) bool {
	return matches(pattern.Object, e.Object) && matches(pattern.Type, e.Type)
}

func matches(pattern, name string) bool {
	if pattern == All {
		return true
	}
	before, after, ok := cutLast(pattern, string([]byte{Some}))
	if !ok {
		return macroman.Equal(pattern, name)
	}
	return len(name) >= len(before)+len(after) && macroman.Equal(before, name[:len(before)]) &&
		macroman.Equal(after, name[len(name)-len(after):])
}

// IsPattern reports whether the object or the type has a wildcard: such a name cannot be one of anything.
func (e Entity) IsPattern() bool {
	return e.Object == All || e.Type == All || strings.IndexByte(e.Object+e.Type, Some) >= 0
}

// IsOwnZone reports whether the zone is that of whoever says it.
func (e Entity) IsOwnZone() bool { return e.Zone == OwnZone || e.Zone == "" }

// Tuple is a name with an address: in a reply that of the entity, in requests where the replies are to go.
type Tuple struct {
	Addr       ddp.Socket
	Enumerator uint8
	Entity     Entity
}

// String writes a tuple as object:type@zone=net.node:socket/enumerator.
func (t Tuple) String() string { return fmt.Sprintf("%v=%v/%d", t.Entity, t.Addr, t.Enumerator) }

func (t Tuple) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, t.Addr.Net)
	b = append(b, t.Addr.Node, t.Addr.Num, t.Enumerator)
	for _, name := range []string{t.Entity.Object, t.Entity.Type, t.Entity.Zone} {
		if len(name) > MaxName {
			panic("BUG: nbp: a name that is too long")
		}
		b = append(append(b, byte(len(name))), name...)
	}
	return b
}

func (t Tuple) size() int { return 8 + len(t.Entity.Object) + len(t.Entity.Type) + len(t.Entity.Zone) }

// Packet is a packet.
type Packet struct {
	Function Function
	ID       uint8 // of the lookup; replies have that of the request
	Tuples   []Tuple
}

// String writes a packet.
func (p Packet) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "NBP%v(id=%d", p.Function, p.ID)
	for _, t := range p.Tuples {
		fmt.Fprintf(&b, ", %v", t)
	}
	return b.String() + ")"
}

// Parse reads a packet. Lax: what follows the tuples is not looked at.
func Parse(b []byte) (p Packet, err error) {
	// function and tuple count, ID, tuples
	if len(b) < 2 {
		return p, fmt.Errorf("nbp: parse packet: header: %d octets are less than 2", len(b))
	}
	p.Function, p.ID = Function(b[0]>>4), b[1]
	n := int(b[0] & 0x0F)
	switch {
	case p.Function < BrRq || p.Function > FwdReq:
		return p, fmt.Errorf("nbp: parse packet: function: %d is none of 1 to 4", p.Function)
	case n != 1 && p.Function != LkUpReply:
		return p, fmt.Errorf("nbp: parse packet: tuple count: %d in a request", n)
	}
	rest := b[2:]
	for i := range n {
		var t Tuple
		if t, rest, err = cutTuple(rest); err != nil {
			return p, fmt.Errorf("nbp: parse packet: tuple %d: %w", i+1, err)
		}
		p.Tuples = append(p.Tuples, t)
	}
	return p, nil
}

func cutTuple(b []byte) (t Tuple, rest []byte, err error) {
	// network, node, socket, enumerator, object, type, zone
	if len(b) < 5 {
		return t, nil, fmt.Errorf("address: %d octets are less than 5", len(b))
	}
	t.Addr = ddp.Socket{Addr: ddp.Addr{Net: binary.BigEndian.Uint16(b), Node: b[2]}, Num: b[3]}
	t.Enumerator = b[4]
	b = b[5:]
	for _, name := range []*string{&t.Entity.Object, &t.Entity.Type, &t.Entity.Zone} {
		if len(b) == 0 || int(b[0]) > MaxName || len(b) < 1+int(b[0]) {
			return t, nil, fmt.Errorf("name: longer than %d octets, or cut", MaxName)
		}
		*name = string(b[1 : 1+b[0]])
		b = b[1+b[0]:]
	}
	return t, b, nil
}

// Append appends a packet, which has one tuple, or up to MaxTuples in a reply.
func (p Packet) Append(b []byte) []byte {
	if len(p.Tuples) > MaxTuples {
		panic("BUG: nbp: a packet with too many tuples")
	}
	b = append(b, byte(p.Function)<<4|byte(len(p.Tuples)), p.ID)
	for _, t := range p.Tuples {
		b = t.append(b)
	}
	return b
}
