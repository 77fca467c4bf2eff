package router

import (
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// Status is a router at a moment. Zones are texts, not octets.
type Status struct {
	Ports     []PortStatus
	Routes    []RouteStatus
	Zones     []string
	Forwarded uint64 // datagrams
}

// PortStatus is a port.
type PortStatus struct {
	Index    int
	Link     string // its URL; the machine does not know it
	Kind     link.Kind
	State    State
	Addr     ddp.Addr
	Range    ddp.Range // zero while it is not known
	Seed     bool      // the network is the port's own
	Conflict string    // why the port's own is not used
	Zones    []string  // the default zone first
	Taken    int       // addresses that others had
	Dropped  [port.Causes]uint64
}

// RouteStatus is a route.
type RouteStatus struct {
	Range    ddp.Range
	Distance uint8
	State    string
	Port     int
	Next     ddp.Addr // zero for distance 0
	Zones    []string // empty while they are not all known
}

// Snapshot is the router's status.
func (m *Machine) Snapshot() Status {
	s := Status{Forwarded: m.forwarded}
	for i, p := range m.ports {
		if p == nil {
			continue
		}
		ps := PortStatus{Index: i, Kind: p.Kind, State: p.state, Addr: p.Addr(), Seed: p.seed, Conflict: p.conflict, Taken: p.Taken(), Dropped: p.Counts}
		if p.state == Up {
			ps.Range, ps.Zones = p.cable, decoded(m.zones.Find(p.cable.First).Zones())
		}
		s.Ports = append(s.Ports, ps)
	}
	for _, e := range m.routes.Entries() {
		r := RouteStatus{Range: e.Range, Distance: e.Distance, State: e.State.String(), Port: e.Port, Next: e.Next}
		if n := m.zones.Find(e.Range.First); n != nil && n.Complete() {
			r.Zones = decoded(n.Zones())
		}
		s.Routes = append(s.Routes, r)
	}
	for i := range m.zones.Len() {
		s.Zones = append(s.Zones, macroman.Decode(m.zones.Name(i)))
	}
	return s
}

// Configure gives a port another configuration. What differs only in its zones goes on: a zone in whose place there is another name is
// renamed. With another range the port begins anew, and so does one whose
// own zones were not used.
func (m *Machine) Configure(now time.Time, i int, c PortConfig, out *link.Output) error {
	p := m.ports[i]
	if err := c.Check(p.Kind); err != nil {
		return err
	}
	was := p.config
	p.config = c
	if same := slices.Equal(was.Zones, c.Zones); was.Range != c.Range || c.IsSeed() && !p.seed && !same {
		m.farewell(now, p, out)
		m.forget(m.routes.Disconnect(i), out)
		p.start(now)
		return nil
	}
	if p.state != Up || !p.seed || slices.Equal(was.Zones, c.Zones) {
		return nil
	}
	n := m.zones.Find(p.cable.First)
	if !sameNames(was.Zones, c.Zones) && !m.renameAll(now, p, was.Zones, c.Zones, out) {
		out.Warn(i, "zones changed: routers on other cables know the old ones until the network has been gone for a while",
			"range", p.cable.String(), "time", zip.BringBackTime)
	}
	if !slices.Equal(n.Zones(), c.Zones) {
		m.zones.Seed(p.cable, p.Extended(), c.Zones)
		m.join(p, out)
	}
	return nil
}

// sameNames reports whether two lists have the same zones, in any order.
func sameNames(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(z string) bool {
		return !slices.ContainsFunc(b, func(o string) bool { return macroman.Equal(o, z) })
	})
}

// renameAll renames zones place by place. It reports false, and has done nothing, if the lists do not correspond so.
func (m *Machine) renameAll(now time.Time, p *rport, was, is []string, out *link.Output) bool {
	if len(was) != len(is) {
		return false
	}
	for i := range was {
		if !macroman.Equal(was[i], is[i]) && slices.ContainsFunc(was, func(z string) bool { return macroman.Equal(z, is[i]) }) {
			return false
		}
	}
	for i := range was {
		if was[i] != is[i] {
			m.Rename(now, p.Index, was[i], is[i], out)
		}
	}
	return true
}
