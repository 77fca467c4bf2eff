package nbp

import (
	"fmt"
	"slices"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// MaxNames is how many names a node has at most: one for each enumerator.
const MaxNames = 256

// Names are the names of a node. The zero value has none.
type Names struct{ names []named }

type named struct {
	entity     Entity // without zone
	socket     uint8
	enumerator uint8
}

// Add gives a socket a name. Whoever does it has looked the name up before, and nobody had it.
func (n *Names) Add(e Entity, socket uint8) error {
	switch {
	case e.IsPattern() || e.Object == "" || e.Type == "" || len(e.Object) > MaxName || len(e.Type) > MaxName:
		return fmt.Errorf("nbp: register %v: not a name without wildcards of 1 to %d octets", e, MaxName)
	case n.Has(e):
		return fmt.Errorf("nbp: register %v: this node has it already", e)
	case len(n.names) == MaxNames:
		return fmt.Errorf("nbp: register %v: this node has %d names", e, MaxNames)
	}
	for i := range MaxNames {
		free := func(m named) bool { return m.socket == socket && m.enumerator == uint8(i) }
		if !slices.ContainsFunc(n.names, free) {
			n.names = append(n.names, named{Entity{Object: e.Object, Type: e.Type}, socket, uint8(i)})
			return nil
		}
	}
	panic("BUG: nbp: no enumerator is free")
}

// Has reports whether the node has a name.
func (n *Names) Has(e Entity) bool {
	return slices.ContainsFunc(n.names, func(m named) bool { return e.Matches(m.entity) })
}

// Remove takes a name away.
func (n *Names) Remove(e Entity) {
	n.names = slices.DeleteFunc(n.names, func(m named) bool { return e.Matches(m.entity) })
}

// Answer gives emit the replies to a lookup: the names that it matches, of a node at an address and in a zone. Whether the lookup is
// for that zone is the caller's to say.
func (n *Names) Answer(lookup Packet, at ddp.Addr, zone string, emit func(Packet)) {
	reply, size := Packet{Function: LkUpReply, ID: lookup.ID}, 2
	for _, m := range n.names {
		if !lookup.Tuples[0].Entity.Matches(m.entity) {
			continue
		}
		t := Tuple{Addr: ddp.Socket{Addr: at, Num: m.socket}, Enumerator: m.enumerator, Entity: m.entity}
		t.Entity.Zone = zone
		if len(reply.Tuples) == MaxTuples || size+t.size() > ddp.MaxData {
			emit(reply)
			reply.Tuples, size = nil, 2
		}
		reply.Tuples = append(reply.Tuples, t)
		size += t.size()
	}
	if len(reply.Tuples) > 0 {
		emit(reply)
	}
}
