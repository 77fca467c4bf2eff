// Package router is an AppleTalk router with any number of ports: RTMP, ZIP, NBP and AEP, and the forwarding of datagrams (Inside
// AppleTalk, second edition, chapters 4 to 8, and the AppleTalk Phase 2 Protocol Specification).
//
//	r := router.New(router.Config{Logger: log})
//	err := r.Add(link, router.PortConfig{Range: ddp.Range{First: 1, Last: 1}, Zones: []string{"Home"}})
//	defer r.Close()
//
// The Machine is the router without links, clock and goroutines; Router drives it.
//
// # Limitations
//
// A port is on one cable; there are no half routers, no AURP, and no names of the router's own.
package router

import (
	"math/rand/v2"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// MaxPorts is how many ports a router has at most.
const MaxPorts = 64

// Machine is a router.
//
//	commands   AddPort RemovePort Configure Rename Close
//	handlers   Frame Tick
//	getters    Next Snapshot
//
// All that it wants done is in the output that it is given.
type Machine struct {
	rng       *rand.Rand
	ports     [MaxPorts]*rport
	routes    rtmp.Table
	zones     *zip.Table
	sendAt    time.Time
	validAt   time.Time
	queryAt   time.Time
	forwarded uint64
	tuples    []rtmp.Tuple // scratch
}

// NewMachine makes a router without ports.
func NewMachine(now time.Time, rng *rand.Rand) *Machine {
	return &Machine{rng: rng, zones: zip.NewTable(), sendAt: now.Add(rtmp.SendTime), validAt: now.Add(rtmp.ValidityTime),
		queryAt: now.Add(zip.QueryTime)}
}

// Frame takes a frame that has come on a port's link.
func (m *Machine) Frame(now time.Time, i int, b []byte, out *link.Output) {
	p := m.ports[i]
	if p == nil {
		return
	}
	r, ok := p.Receive(now, b, out)
	switch {
	case !ok:
	case p.state != Up:
		// Until the port knows its network it listens to who can tell it.
		if r.ToAll || r.D.Dst.Node == p.Addr().Node {
			m.local(now, p, &r, out)
		}
	default:
		m.route(now, p, &r, out)
	}
}

// route does what a router does with a datagram: it is for this router, or goes on. IA2 ch. 4
func (m *Machine) route(now time.Time, p *rport, r *port.Received, out *link.Output) {
	d := &r.D
	if r.Short {
		d.Dst.Net, d.Src.Net = p.Net, p.Net
		m.local(now, p, r, out)
		return
	}
	self := p.Addr()
	if d.Dst.Net == 0 || p.cable.Has(d.Dst.Net) {
		near := ddp.SameNet(d.Dst.Net, self.Net)
		switch {
		case d.Dst.Node == ddp.AnyRouter, near && (d.Dst.Node == self.Node || d.Dst.Node == ddp.Broadcast):
			m.local(now, p, r, out)
			return
		case d.Dst.Node == ddp.Broadcast:
			return // of another network on the same cable: who is meant has heard it
		case d.Dst.Net == 0:
			p.Drop(now, port.Stranger, out, "to", d.Dst)
			return
		}
	}
	if r.ToAll {
		p.Drop(now, port.Stranger, out, "to", d.Dst) // several routers would send it on
		return
	}
	m.forward(now, p, r, out)
}

// forward sends a datagram on its way.
func (m *Machine) forward(now time.Time, p *rport, r *port.Received, out *link.Output) {
	d := &r.D
	e := m.routes.Find(d.Dst.Net)
	if e == nil || e.State.Bad() {
		p.Drop(now, port.NoRoute, out)
		return
	}
	q := m.ports[e.Port]
	if e.Distance == 0 {
		switch {
		case d.Dst.Node == ddp.AnyRouter, d.Dst.Addr == q.Addr():
			m.local(now, p, r, out)
			return
		case d.Dst.Node == ddp.Broadcast && ddp.SameNet(d.Dst.Net, q.Addr().Net):
			m.local(now, p, r, out)
		}
		m.forwarded++
		q.Send(now, d, port.ToNode(d.Dst.Addr), out)
		return
	}
	if d.Hops >= ddp.MaxHops {
		p.Drop(now, port.Hops, out)
		return
	}
	d.Hops++
	m.forwarded++
	q.Send(now, d, port.ToNode(e.Next), out)
}

// local takes a datagram that is for this router.
func (m *Machine) local(now time.Time, p *rport, r *port.Received, out *link.Output) {
	d := &r.D
	if d.Src.Node == 0 || d.Src.Node == ddp.Broadcast {
		p.Drop(now, port.Stranger, out, "from", d.Src)
		return
	}
	up := p.state == Up
	switch {
	case d.Hops > 0 && isNeighborly(d):
		p.Drop(now, port.Stranger, out, "from", d.Src, "hops", d.Hops)
	case d.Dst.Num == ddp.SocketRTMP && d.Type == ddp.TypeRTMP:
		m.rtmpData(now, p, r, out)
	case d.Dst.Num == ddp.SocketZIP && d.Type == ddp.TypeZIP:
		m.zip(now, p, r, out)
	case !up:
		p.Counts[port.NotUp]++ // others ask before there is an answer: no note
	case d.Dst.Num == ddp.SocketRTMP && d.Type == ddp.TypeRTMPRequest:
		m.rtmpRequest(now, p, r, out)
	case d.Dst.Num == ddp.SocketZIP && d.Type == ddp.TypeATP:
		m.zipList(now, p, r, out)
	case d.Dst.Num == ddp.SocketNBP && d.Type == ddp.TypeNBP:
		m.nbp(now, p, r, out)
	case d.Dst.Num == ddp.SocketAEP && d.Type == ddp.TypeAEP:
		m.echo(now, p, r, out)
	default:
		p.Drop(now, port.ClosedSocket, out, "socket", d.Dst.Num, "type", d.Type.String())
	}
}

// isNeighborly reports whether a datagram is one that only routers of the cable send: what comes from beyond it is no such one.
func isNeighborly(d *ddp.Datagram) bool {
	switch d.Type {
	case ddp.TypeRTMP:
		return true
	case ddp.TypeZIP:
		switch zip.FunctionOf(d.Data) {
		case zip.FunctionReply, zip.FunctionExtendedReply, zip.FunctionNetInfoReply, zip.FunctionNotify:
			return true
		}
	}
	return false
}

// reply answers a datagram, from the socket and the address that it was sent to: if that was no address of one node, from that of
// the port on which it came.
func (m *Machine) reply(now time.Time, p *rport, r *port.Received, t ddp.Type, data []byte, out *link.Output) {
	d := ddp.Datagram{Dst: r.D.Src, Src: ddp.Socket{Addr: p.Addr(), Num: r.D.Dst.Num}, Type: t, Data: data}
	if q := m.addressed(r.D.Dst.Addr); q != nil {
		d.Src.Addr = q.Addr()
	}
	if near := d.Dst.Net == 0 || p.cable.Has(d.Dst.Net) || p.Extended() && ddp.IsStartup(d.Dst.Net); near {
		p.Send(now, &d, port.ToNode(d.Dst.Addr), out)
		return
	}
	m.send(now, p, &d, out)
}

// addressed is the port that has an address, or nil.
func (m *Machine) addressed(a ddp.Addr) *rport {
	for _, q := range m.ports {
		if q != nil && q.state == Up && q.Addr() == a {
			return q
		}
	}
	return nil
}

// send sends a datagram of this router where its network is; what cannot be sent is counted at a port.
func (m *Machine) send(now time.Time, p *rport, d *ddp.Datagram, out *link.Output) {
	e := m.routes.Find(d.Dst.Net)
	if e == nil || e.State.Bad() {
		p.Drop(now, port.NoRoute, out)
		return
	}
	to := d.Dst.Addr
	if e.Distance > 0 {
		d.Hops, to = 1, e.Next
	}
	m.ports[e.Port].Send(now, d, port.ToNode(to), out)
}

// Next is when Tick has something to do.
func (m *Machine) Next() time.Time {
	next := m.sendAt
	for _, at := range []time.Time{m.validAt, m.queryAt} {
		next = earlier(next, at)
	}
	for _, p := range m.ports {
		if p != nil {
			next = earlier(earlier(next, p.Next()), p.at)
		}
	}
	return next
}

// earlier is the earlier of two times, of which the second may be none.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time, out *link.Output) {
	for _, p := range m.ports {
		if p == nil {
			continue
		}
		if at := p.Next(); !at.IsZero() && !now.Before(at) {
			p.Tick(now, out)
		}
		m.portTick(now, p, out)
	}
	if !now.Before(m.validAt) {
		m.validAt = later(m.validAt, rtmp.ValidityTime, now)
		m.forget(m.routes.Age(), out)
	}
	if !now.Before(m.sendAt) {
		m.sendAt = later(m.sendAt, rtmp.SendTime, now)
		for _, p := range m.ports {
			if p != nil && p.state == Up {
				m.sendRoutes(now, p, out)
			}
		}
	}
	if !now.Before(m.queryAt) {
		m.queryAt = later(m.queryAt, zip.QueryTime, now)
		m.queryAll(now, out)
	}
}

// later is when a periodic timer runs out next: a late one does not make up for what it missed.
func later(at time.Time, period time.Duration, now time.Time) time.Time {
	if at = at.Add(period); at.After(now) {
		return at
	}
	return now.Add(period)
}

// forget removes networks that the routing table has no more.
func (m *Machine) forget(gone []ddp.Range, out *link.Output) {
	for _, r := range gone {
		m.zones.Remove(r.First)
		out.Debug(-1, "network gone", "network", r.String())
	}
}
