package rtmp

import (
	"slices"
	"sort"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// MaxRoutes is how many networks a table has at most.
const MaxRoutes = 16384

// State is how far a route is believed in.
//
//	Good --20 s--> Suspect --20 s--> Bad0 --20 s--> Bad1 --20 s--> no more
//
// What its router says again makes it good; distance 31 makes it bad. IA2 ch. 5
type State uint8

// The states.
const (
	Good State = iota
	Suspect
	Bad0
	Bad1
)

var stateNames = [...]string{"good", "suspect", "bad", "bad"}

func (s State) String() string { return stateNames[s] }

// Bad reports whether the network is not reached any more.
func (s State) Bad() bool { return s >= Bad0 }

// Entry is a route.
type Entry struct {
	Range    ddp.Range
	Extended bool
	Distance uint8    // 0: a port of this router is on it
	State    State    // Good for distance 0
	Port     int      // the port that leads there
	Next     ddp.Addr // the next router; zero for distance 0
}

// Change is what an update made of the table.
type Change uint8

// The changes.
const (
	Ignored  Change = iota
	Added           // a network that was not known
	Kept            // the route is confirmed
	Changed         // another route, distance or state
	Removed         // the network is too far away now
	Overlaps        // the range has numbers of another: it is not believed
	Full            // the table has MaxRoutes
)

// Table is a router's routes, in the order of their numbers; no two overlap. The zero table is empty.
type Table struct{ entries []Entry }

// at is the index of the first route that does not end before a network number.
func (t *Table) at(net uint16) int {
	return sort.Search(len(t.entries), func(i int) bool { return t.entries[i].Range.Last >= net })
}

// Find returns the route for a network number, or nil. It is valid until the table changes.
func (t *Table) Find(net uint16) *Entry {
	// A search by hand: this is done for each datagram that is forwarded.
	low, high := 0, len(t.entries)
	for low < high {
		if mid := (low + high) / 2; t.entries[mid].Range.Last < net {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(t.entries) || t.entries[low].Range.First > net {
		return nil
	}
	return &t.entries[low]
}

// Entries are the routes. They belong to the table.
func (t *Table) Entries() []Entry { return t.entries }

// Connect adds the network that a port is on. It replaces what others say of the same range, and reports false if it overlaps with
// another.
func (t *Table) Connect(port int, r ddp.Range, extended bool) bool {
	i := t.at(r.First)
	if i < len(t.entries) && t.entries[i].Range.Overlaps(r) {
		if e := &t.entries[i]; e.Range != r || e.Distance == 0 {
			return false
		}
		t.entries = slices.Delete(t.entries, i, i+1)
	}
	t.entries = slices.Insert(t.entries, i, Entry{Range: r, Extended: extended, Port: port})
	return true
}

// Disconnect removes all routes of a port, and returns their ranges.
func (t *Table) Disconnect(port int) (gone []ddp.Range) {
	return t.remove(func(e *Entry) bool { return e.Port == port })
}

func (t *Table) remove(del func(*Entry) bool) (gone []ddp.Range) {
	kept := t.entries[:0]
	for i := range t.entries {
		if e := t.entries[i]; del(&e) {
			gone = append(gone, e.Range)
		} else {
			kept = append(kept, e)
		}
	}
	t.entries = kept
	return gone
}

// Update takes what a router on a port's network says of a network. IA2 ch. 5
func (t *Table) Update(port int, from ddp.Addr, u Tuple) Change {
	i := t.at(u.Range.First)
	if i == len(t.entries) || !t.entries[i].Range.Overlaps(u.Range) {
		// "notify neighbor" of what is not known says nothing
		switch {
		case u.Distance >= MaxDistance:
			return Ignored
		case len(t.entries) >= MaxRoutes:
			return Full
		}
		t.entries = slices.Insert(t.entries, i, Entry{Range: u.Range, Extended: u.Extended, Distance: u.Distance + 1, Port: port, Next: from})
		return Added
	}
	e := &t.entries[i]
	if e.Range != u.Range || e.Extended != u.Extended {
		return Overlaps
	}
	mine := e.Distance > 0 && e.Port == port && e.Next == from
	switch {
	case e.Distance == 0:
		return Ignored
	case mine && u.Distance == NotifyNeighbor:
		if e.State.Bad() {
			return Kept // its time to go runs on
		}
		e.State = Bad0
		return Changed
	case mine && u.Distance >= MaxDistance:
		t.entries = slices.Delete(t.entries, i, i+1)
		return Removed
	case u.Distance >= MaxDistance || !mine && !e.State.Bad() && e.Distance < u.Distance+1:
		return Ignored
	}
	was := *e
	e.Distance, e.State, e.Port, e.Next = u.Distance+1, Good, port, from
	if was == *e || was.State == Suspect && mine && was.Distance == e.Distance {
		return Kept
	}
	return Changed
}

// Age is what the validity timer does, each ValidityTime: what was not confirmed since the last time goes a step on. It returns the
// networks that are no more.
func (t *Table) Age() (gone []ddp.Range) {
	return t.remove(func(e *Entry) bool {
		if e.Distance == 0 {
			return false
		}
		e.State++
		return e.State > Bad1
	})
}

// Tuples appends what a router says of its routes on a port: not those that the port leads to, by split horizon, unless the port is
// -1. Bad ones are told as such. IA2 ch. 5
func (t *Table) Tuples(tuples []Tuple, port int) []Tuple {
	for i := range t.entries {
		e := &t.entries[i]
		if e.Port == port {
			continue
		}
		u := Tuple{Range: e.Range, Extended: e.Extended, Distance: e.Distance}
		if e.State.Bad() {
			u.Distance = NotifyNeighbor
		}
		tuples = append(tuples, u)
	}
	return tuples
}
