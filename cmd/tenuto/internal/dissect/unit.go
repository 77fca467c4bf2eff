package dissect

import (
	"fmt"
	"strings"
	"time"
)

// Side is one end of a transport connection.
type Side uint8

// The sides. The input may leave open who is who: then all octets are taken for those of one flow.
const (
	Unknown   Side = iota
	Initiator      // of the TCP connection, which sends CR
	Responder
)

var sideNames = [...]string{"", "initiator", "responder"}

func (s Side) String() string { return sideNames[s] }

// other is the side that receives what s sends.
func (s Side) other() Side {
	switch s {
	case Initiator:
		return Responder
	case Responder:
		return Initiator
	}
	return Unknown
}

// Position says where in the input an octet is.
type Position struct {
	Packet int64 // its number in a capture, from 1; else 0
	Line   int   // of hex text, from 1; else 0
	Octet  int64 // octets before it: in a capture and in hex text of that flow, in raw octets of the input
}

func (p Position) String() string {
	switch {
	case p.Packet > 0:
		return fmt.Sprintf("packet %d, octet %d of its stream", p.Packet, p.Octet)
	case p.Line > 0:
		return fmt.Sprintf("line %d, octet %d", p.Line, p.Octet)
	}
	return fmt.Sprintf("octet %d", p.Octet)
}

// Link says which connection octets belong to.
type Link struct {
	Number    int    // from 1, in the order in which connections begin
	Initiator string // address and port, of a capture alone
	Responder string
}

// Unit is what is told at a time: a TPDU, with the TSDU if it ends one.
type Unit struct {
	Link     *Link
	Time     time.Time // zero if it is not known
	From     Side
	Position Position // of the TPDU's first octet, or the bare TSDU's
	Begin    Position // of the TSDU's first TPDU, if there is a TSDU
	TPDU     string   // in notation; empty for a bare TSDU, and where there is only a problem
	User     *Data    // what a TPDU other than DT and ED has of its user, nil if it has nothing
	More     bool     // a DT that does not end its TSDU
	TPDUs    int      // in how many TPDUs the TSDU came; 0 if there is no TSDU
	Octets   int64    // of the TSDU
	SPDUs    []SPDU
	Problems []Problem
}

// SPDU is an SPDU as far as it could be decoded.
type SPDU struct {
	Name     string // such as MIP
	Title    string // such as MINOR SYNC POINT
	Notation string
	Code     uint8
	Offset   int // in the TSDU
	Length   int // octets up to its user information, as its LI says
	Head     []byte
	Items    []Item
	User     *Data // its user information, nil if it is of a kind that has none
}

// Item is a parameter group or parameter.
type Item struct {
	Depth  int // 1, or 2 in a group
	Group  bool
	Code   uint8
	Name   string // such as "serial number", empty if X.225 does not define it
	Offset int    // in the TSDU
	Head   []byte // code and LI
	Length int    // of the value, as the LI says
	Value  []byte // its first octets; of a group whose parameters follow, none
	Text   string // what the value means, empty if that is unknown
}

// Data is octets of the user.
type Data struct {
	Offset int    // in the TSDU or TPDU
	Octets int64  // how many there are
	Shown  []byte // the first of them
}

// Problem is something that is wrong in the input.
type Problem struct {
	Text     string
	Code     string // such as "bad length"; empty if it is none of package spdu's
	Offset   int    // in the TSDU or TPDU, -1 if that is not known
	Position Position
	Clause   string // what is broken, empty if it is no rule
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Text)
	if p.Offset >= 0 {
		fmt.Fprintf(&b, ", at octet %d", p.Offset)
	}
	fmt.Fprintf(&b, " (%v", p.Position)
	if p.Clause != "" {
		fmt.Fprintf(&b, "; %s", p.Clause)
	}
	b.WriteByte(')')
	return b.String()
}
