// Package rtmp is the Routing Table Maintenance Protocol (Inside AppleTalk, second edition, chapter 5): packets, and a router's table.
//
//	d, err := rtmp.ParseData(datagram.Data)
//	for _, tuple := range d.Tuples {
//		table.Update(port, from, tuple)
//	}
//	e := table.Find(net) // the next router for a network number
package rtmp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// Timers. IA2 ch. 5
const (
	SendTime     = 10 * time.Second
	ValidityTime = 20 * time.Second
	RouterTime   = 50 * time.Second // a node that is no router believes in its router so long
)

// Request is the only octet of a request.
type Request uint8

// The requests. IA2 ch. 5
const (
	RequestNetwork Request = 1 // who is the router, and what is the network number
	RequestSplit   Request = 2 // route data, with split horizon
	RequestWhole   Request = 3 // route data, the whole table
)

// ParseRequest reads a request.
func ParseRequest(b []byte) (Request, error) {
	if len(b) != 1 || b[0] < 1 || b[0] > 3 {
		return 0, fmt.Errorf("rtmp: parse request: function: % x is none of 1 to 3", b[:min(len(b), 4)])
	}
	return Request(b[0]), nil
}

const (
	idLength = 8
	version  = 0x82
	extended = 0x80

	// NotifyNeighbor is the distance of a network that cannot be reached any more.
	NotifyNeighbor = 31
	// MaxDistance is how many routers away a network may be.
	MaxDistance = 15

	headerSize = 4
	shortTuple = 3
	longTuple  = 6
)

// Tuple is a network and how many routers away it is from who says so.
type Tuple struct {
	Range    ddp.Range
	Extended bool
	Distance uint8
}

// String writes a tuple as 3-5:1.
func (t Tuple) String() string { return fmt.Sprintf("%v:%d", t.Range, t.Distance) }

func (t Tuple) size() int {
	if t.Extended {
		return longTuple
	}
	return shortTuple
}

func (t Tuple) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, t.Range.First)
	if !t.Extended {
		return append(b, t.Distance)
	}
	b = binary.BigEndian.AppendUint16(append(b, extended|t.Distance), t.Range.Last)
	return append(b, version)
}

// Data is a data packet or a response: who the router is, on which cable, and what networks it knows.
type Data struct {
	Sender   ddp.Addr
	Extended bool
	Range    ddp.Range // of the cable; nonextended: the sender's network twice
	Tuples   []Tuple
}

// String writes all of a packet.
func (d *Data) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "RTMP(%v, cable=%v", d.Sender, d.Range)
	for _, t := range d.Tuples {
		fmt.Fprintf(&b, ", %v", t)
	}
	return b.String() + ")"
}

// IsData reports whether a packet of DDP type 1 is more than a response: the routes of its sender, be there none.
func IsData(b []byte) bool { return len(b) > headerSize }

// ParseData reads a data packet, or a response, which on a nonextended network may end after the node's address. Lax are two bits of
// the distance and the last octet of an extended tuple, which are not looked at.
func ParseData(b []byte) (d Data, err error) {
	// sender's network, ID length in bits, sender's node
	if len(b) < headerSize {
		return d, fmt.Errorf("rtmp: parse data: header: %d octets are less than %d", len(b), headerSize)
	}
	if b[2] != idLength {
		return d, fmt.Errorf("rtmp: parse data: ID length: %d is not %d", b[2], idLength)
	}
	d.Sender = ddp.Addr{Net: binary.BigEndian.Uint16(b), Node: b[3]}
	if d.Sender.Node == 0 || d.Sender.Node == ddp.Broadcast {
		return d, fmt.Errorf("rtmp: parse data: sender: %v is no node", d.Sender)
	}
	d.Range = ddp.Range{First: d.Sender.Net, Last: d.Sender.Net}
	rest := b[headerSize:]
	switch {
	case len(rest) == 0:
	case len(rest) >= shortTuple && rest[0] == 0 && rest[1] == 0 && rest[2] == version:
		rest = rest[shortTuple:]
	default:
		// the first tuple is the range of the cable
		t, n, err := parseTuple(rest)
		if err != nil {
			return d, err
		}
		if !t.Extended || t.Distance != 0 || !t.Range.Has(d.Sender.Net) {
			return d, fmt.Errorf("rtmp: parse data: first tuple: %v is not the range of the sender %v", t, d.Sender)
		}
		d.Extended, d.Range, rest = true, t.Range, rest[n:]
	}
	if !d.Range.Valid() {
		return d, fmt.Errorf("rtmp: parse data: sender: network %v cannot be", d.Range)
	}
	for len(rest) > 0 {
		t, n, err := parseTuple(rest)
		if err != nil {
			return d, err
		}
		d.Tuples = append(d.Tuples, t)
		rest = rest[n:]
	}
	return d, nil
}

func parseTuple(b []byte) (t Tuple, n int, err error) {
	if len(b) < shortTuple {
		return t, 0, fmt.Errorf("rtmp: parse data: tuple: %d octets are less than %d", len(b), shortTuple)
	}
	t.Range.First = binary.BigEndian.Uint16(b)
	t.Range.Last = t.Range.First
	t.Distance = b[2] & NotifyNeighbor
	if b[2]&extended != 0 {
		if len(b) < longTuple {
			return t, 0, fmt.Errorf("rtmp: parse data: tuple: %d octets are less than %d", len(b), longTuple)
		}
		t.Extended = true
		t.Range.Last = binary.BigEndian.Uint16(b[3:])
	}
	if !t.Range.Valid() {
		return t, 0, fmt.Errorf("rtmp: parse data: tuple: network range %v cannot be", t.Range)
	}
	return t, t.size(), nil
}

// Append appends a packet with as many of its tuples as there is room for, and says how many these are: the others are for the next.
func (d *Data) Append(b []byte) (out []byte, n int) {
	start := len(b)
	b = d.AppendResponse(b)
	if !d.Extended {
		b = append(b, 0, 0, version)
	}
	for _, t := range d.Tuples {
		if len(b)-start+t.size() > ddp.MaxData {
			break
		}
		b = t.append(b)
		n++
	}
	return b, n
}

// AppendResponse appends the response to RequestNetwork: on a nonextended network the sender's address alone, as routers send it.
func (d *Data) AppendResponse(b []byte) []byte {
	b = append(binary.BigEndian.AppendUint16(b, d.Sender.Net), idLength, d.Sender.Node)
	if d.Extended {
		b = Tuple{Range: d.Range, Extended: true}.append(b)
	}
	return b
}
