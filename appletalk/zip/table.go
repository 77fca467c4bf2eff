package zip

import (
	"slices"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// Limits of a table. What others say of a network that would exceed them is refused, and the network stays without zones; the router's own
// have their place in any case.
const (
	maxNames      = 16384 // zones
	maxMembers    = 65536 // zones of networks, all together
	maxCollectors = 4     // routers whose extended replies for one network are put together at the same time
)

// Table is a router's zone information table: which zones the networks have that its routing table has. IA2 ch. 8
type Table struct {
	nets    map[uint16]*Network
	order   []*Network // by first number
	zones   []*zone    // in the order in which they came
	byName  map[string]*zone
	members int
}

// Network is an entry of the table.
type Network struct {
	Range    ddp.Range
	Extended bool
	Tries    int // queries that were sent since the list was not complete; the table does not count them

	complete   bool
	zones      []*zone // the default zone of a cable of the router's own is the first
	collectors []collector
}

type zone struct {
	name, key string // key: in upper case
	nets      []*Network
}

// collector puts together what one router says of a network in extended replies.
type collector struct {
	from  ddp.Addr
	count uint8
	names []string
}

// NewTable makes an empty table.
func NewTable() *Table { return &Table{nets: map[uint16]*Network{}, byName: map[string]*zone{}} }

// Add adds a network whose zones are not known, and returns it; or the one that there is already.
func (t *Table) Add(r ddp.Range, extended bool) *Network {
	if n := t.nets[r.First]; n != nil {
		return n
	}
	n := &Network{Range: r, Extended: extended}
	t.nets[r.First] = n
	i, _ := slices.BinarySearchFunc(t.order, r.First, compareFirst)
	t.order = slices.Insert(t.order, i, n)
	return n
}

func compareFirst(n *Network, first uint16) int { return int(n.Range.First) - int(first) }

// Seed adds a network with all its zones, of which the first is the default. It replaces what was known of it.
func (t *Table) Seed(r ddp.Range, extended bool, zones []string) *Network {
	t.Remove(r.First)
	n := t.Add(r, extended)
	t.set(n, zones)
	return n
}

// room reports whether the table may have so many zones more of what others say.
func (t *Table) room(names []string) bool {
	return t.members+len(names) <= maxMembers && len(t.zones)+len(names) <= maxNames
}

// Remove removes a network, and with it zones that no other network has.
func (t *Table) Remove(first uint16) {
	n := t.nets[first]
	if n == nil {
		return
	}
	t.unset(n)
	delete(t.nets, first)
	i, _ := slices.BinarySearchFunc(t.order, first, compareFirst)
	t.order = slices.Delete(t.order, i, i+1)
}

// Find returns the network whose range begins with a number, or nil.
func (t *Table) Find(first uint16) *Network { return t.nets[first] }

// Networks are all networks, by number. They belong to the table.
func (t *Table) Networks() []*Network { return t.order }

// set gives a network its whole list.
func (t *Table) set(n *Network, names []string) {
	for _, name := range names {
		t.join(n, name)
	}
	n.complete, n.collectors = true, nil
}

func (t *Table) join(n *Network, name string) {
	key := macroman.Fold(name)
	z := t.byName[key]
	if z == nil {
		z = &zone{name: name, key: key}
		t.byName[key] = z
		t.zones = append(t.zones, z)
	}
	if slices.Contains(n.zones, z) {
		return
	}
	n.zones = append(n.zones, z)
	z.nets = append(z.nets, n)
	t.members++
}

func (t *Table) unset(n *Network) {
	for _, z := range n.zones {
		t.leave(n, z)
	}
	n.zones, n.complete = nil, false
}

func (t *Table) leave(n *Network, z *zone) {
	t.members--
	i := slices.Index(z.nets, n)
	if z.nets = slices.Delete(z.nets, i, i+1); len(z.nets) > 0 {
		return
	}
	delete(t.byName, z.key)
	i = slices.Index(t.zones, z)
	t.zones = slices.Delete(t.zones, i, i+1)
}

// Learned says what a reply did for a network.
type Learned uint8

// What it did.
const (
	LearnedNothing  Learned = iota // the list was complete, or the network is not known
	LearnedPart                    // more extended replies are to come
	LearnedComplete                // the list is complete now
	LearnedTooMuch                 // the table has no room for it
)

// Learn takes what a router says of one network. The caller has made sure that the router was asked; zones are those of the reply that
// are of this network.
func (t *Table) Learn(from ddp.Addr, n *Network, r Reply, zones []string) Learned {
	if n.complete || len(zones) == 0 {
		return LearnedNothing
	}
	names := distinct(nil, zones)
	if r.Extended {
		c := n.collector(from, r.Count)
		c.names = distinct(c.names, zones)
		if len(c.names) < int(r.Count) {
			return LearnedPart
		}
		names = c.names
	}
	if len(names) > MaxZones || !t.room(names) {
		n.collectors = nil
		return LearnedTooMuch
	}
	t.set(n, names)
	return LearnedComplete
}

// collector finds the collector of a router. One that now counts otherwise begins anew, and the oldest makes room.
func (n *Network) collector(from ddp.Addr, count uint8) *collector {
	i := slices.IndexFunc(n.collectors, func(c collector) bool { return c.from == from })
	switch {
	case i >= 0 && n.collectors[i].count == count:
		return &n.collectors[i]
	case i >= 0:
		n.collectors = slices.Delete(n.collectors, i, i+1)
	case len(n.collectors) == maxCollectors:
		n.collectors = slices.Delete(n.collectors, 0, 1)
	}
	n.collectors = append(n.collectors, collector{from: from, count: count})
	return &n.collectors[len(n.collectors)-1]
}

// distinct adds names that are not among them.
func distinct(names, more []string) []string {
	for _, name := range more {
		if !slices.ContainsFunc(names, func(have string) bool { return macroman.Equal(have, name) }) {
			names = append(names, name)
		}
	}
	return names
}

// Complete reports whether the network's list of zones is whole: no other may be used.
func (n *Network) Complete() bool { return n.complete }

// Zones are the names of the network's zones; the default zone first, if the network is the router's own.
func (n *Network) Zones() []string {
	names := make([]string, len(n.zones))
	for i, z := range n.zones {
		names[i] = z.name
	}
	return names
}

// Has reports whether the network has the zone, by the name's comparison.
func (n *Network) Has(name string) bool {
	return slices.ContainsFunc(n.zones, func(z *zone) bool { return macroman.Equal(z.name, name) })
}

// List is the network's zones as replies have them.
func (n *Network) List() []Zone {
	list := make([]Zone, len(n.zones))
	for i, z := range n.zones {
		list[i] = Zone{n.Range.First, z.name}
	}
	return list
}

// Default makes a zone of the network its default zone: the first. It reports false if the network does not have it.
func (n *Network) Default(name string) bool {
	i := slices.IndexFunc(n.zones, func(z *zone) bool { return macroman.Equal(z.name, name) })
	if i > 0 {
		z := n.zones[i]
		n.zones = slices.Insert(slices.Delete(n.zones, i, i+1), 0, z)
	}
	return i >= 0
}

// Rename gives a zone of a network another name, there alone, and in the same place of the list. It reports false if the network does
// not have the old one, or has another zone of the new name.
func (t *Table) Rename(n *Network, old, name string) bool {
	names := n.Zones()
	i := slices.IndexFunc(names, func(have string) bool { return macroman.Equal(have, old) })
	if i < 0 || !macroman.Equal(old, name) && n.Has(name) {
		return false
	}
	names[i] = name
	t.unset(n)
	t.set(n, names)
	return true
}

// Len is how many zones the internet has, and Name the name of one, from 0.
func (t *Table) Len() int          { return len(t.zones) }
func (t *Table) Name(i int) string { return t.zones[i].name }

// Of are the networks that have a zone, in no order. They belong to the table.
func (t *Table) Of(zone string) []*Network {
	if z := t.byName[macroman.Fold(zone)]; z != nil {
		return z.nets
	}
	return nil
}
