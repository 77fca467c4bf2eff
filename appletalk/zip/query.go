package zip

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// MaxQuery is how many networks a query asks for at most.
const MaxQuery = 255

// Query asks for the zones of networks, each named by the first number of its range.
type Query struct{ Nets []uint16 }

// String writes a query as ZIPQuery(1, 3).
func (q Query) String() string {
	return "ZIPQuery(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(q.Nets), " ", ", "), "[]") + ")"
}

// ParseQuery reads a query.
func ParseQuery(b []byte) (q Query, err error) {
	// function, network count, networks
	if len(b) < 2 || Function(b[0]) != FunctionQuery {
		return q, fmt.Errorf("zip: parse query: header: not that of a query")
	}
	n := int(b[1])
	if n == 0 || len(b) != 2+2*n {
		return q, fmt.Errorf("zip: parse query: network count: %d do not make %d octets", n, len(b))
	}
	for rest := b[2:]; len(rest) > 0; rest = rest[2:] {
		q.Nets = append(q.Nets, binary.BigEndian.Uint16(rest))
	}
	return q, nil
}

// Append appends a query of 1 to MaxQuery networks.
func (q Query) Append(b []byte) []byte {
	if len(q.Nets) < 1 || len(q.Nets) > MaxQuery {
		panic("BUG: zip: a query for no network, or for too many")
	}
	b = append(b, byte(FunctionQuery), byte(len(q.Nets)))
	for _, n := range q.Nets {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// Zone is a zone of a network, as replies have it.
type Zone struct {
	Net  uint16
	Name string
}

// Reply says which zones networks have. In an extended one all zones are of one network, and Count is how many this has, the same
// in all packets of a series. In a plain one the list of each network is whole, and Count is the pairs of network and zone (P2, and what
// Netatalk and Wireshark take it for); to others it is the networks, and so Parse does not rely on it.
type Reply struct {
	Extended bool
	Count    uint8
	Zones    []Zone
}

// String writes a reply.
func (r Reply) String() string {
	var b strings.Builder
	name := "ZIPReply"
	if r.Extended {
		name = "ZIPExtendedReply"
	}
	fmt.Fprintf(&b, "%s(count=%d", name, r.Count)
	for _, z := range r.Zones {
		fmt.Fprintf(&b, ", %d %q", z.Net, macroman.Decode(z.Name))
	}
	return b.String() + ")"
}

// ParseReply reads a reply of either kind. A plain one without zones is no error: there are routers that answer so what they do not know.
func ParseReply(b []byte) (r Reply, err error) {
	// function, network count, then network, zone length, zone; repeated
	if len(b) < 2 || Function(b[0]) != FunctionReply && Function(b[0]) != FunctionExtendedReply {
		return r, fmt.Errorf("zip: parse reply: header: not that of a reply")
	}
	r.Extended, r.Count = Function(b[0]) == FunctionExtendedReply, b[1]
	for rest := b[2:]; len(rest) > 0; {
		if len(rest) < 3 {
			return r, fmt.Errorf("zip: parse reply: network: %d octets are less than 3", len(rest))
		}
		z := Zone{Net: binary.BigEndian.Uint16(rest)}
		if z.Name, rest, err = cutZone(rest[2:]); err != nil {
			return r, fmt.Errorf("zip: parse reply: zone of network %d: %w", z.Net, err)
		}
		r.Zones = append(r.Zones, z)
	}
	if !r.Extended {
		return r, nil
	}
	if len(r.Zones) == 0 || int(r.Count) < len(r.Zones) {
		return r, fmt.Errorf("zip: parse reply: network count: %d is none of a network that has %d zones here", r.Count, len(r.Zones))
	}
	for _, z := range r.Zones {
		if z.Net != r.Zones[0].Net {
			return r, fmt.Errorf("zip: parse reply: network: %d and %d in one extended reply", r.Zones[0].Net, z.Net)
		}
	}
	return r, nil
}

// Append appends a reply. It does not look whether it is too large for a datagram.
func (r Reply) Append(b []byte) []byte {
	f := FunctionReply
	if r.Extended {
		f = FunctionExtendedReply
	}
	b = append(b, byte(f), r.Count)
	for _, z := range r.Zones {
		b = appendName(binary.BigEndian.AppendUint16(b, z.Net), z.Name)
	}
	return b
}

func (z Zone) size() int { return 3 + len(z.Name) }

// Replies packs the zones of networks, each whole, into as few replies as can be, and gives each to emit: lists that fit into a plain
// reply go into one together, others into a series of extended ones. The reply is valid within emit.
func Replies(lists [][]Zone, emit func(Reply)) {
	var plain Reply
	size := 2
	flush := func() {
		if len(plain.Zones) > 0 {
			emit(plain)
		}
		plain, size = Reply{}, 2
	}
	for _, list := range lists {
		n := 0
		for _, z := range list {
			n += z.size()
		}
		if 2+n > ddp.MaxData {
			extendedReplies(list, emit)
			continue
		}
		if size+n > ddp.MaxData {
			flush()
		}
		plain.Count += uint8(len(list)) // no more than there is room for
		plain.Zones = append(plain.Zones, list...)
		size += n
	}
	flush()
}

func extendedReplies(list []Zone, emit func(Reply)) {
	r := Reply{Extended: true, Count: uint8(len(list))}
	for len(list) > 0 {
		n, size := 0, 2
		for n < len(list) && size+list[n].size() <= ddp.MaxData {
			size += list[n].size()
			n++
		}
		r.Zones, list = list[:n], list[n:]
		emit(r)
	}
}
