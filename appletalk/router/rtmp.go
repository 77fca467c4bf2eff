package router

import (
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/aep"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
)

// bad counts a packet that is none of its protocol.
func (m *Machine) bad(now time.Time, p *rport, err error, out *link.Output) {
	p.Drop(now, port.BadPacket, out, "error", err)
}

// rtmpData takes what another router says of itself and of the networks that it knows.
func (m *Machine) rtmpData(now time.Time, p *rport, r *port.Received, out *link.Output) {
	d, err := rtmp.ParseData(r.D.Data)
	if err != nil {
		m.bad(now, p, err, out)
		return
	}
	// The short header has no network: that is what the packet tells.
	same := d.Sender.Node == r.D.Src.Node && (r.Short || ddp.SameNet(d.Sender.Net, r.D.Src.Net))
	if d.Extended != p.Extended() || !same || d.Sender == p.Addr() {
		p.Drop(now, port.Stranger, out, "router", d.Sender)
		return
	}
	if p.state != Up {
		m.heard(now, p, &d, out)
		return
	}
	if d.Range != p.cable {
		p.Drop(now, port.RangeConflict, out, "router", d.Sender, "range", d.Range.String())
		return
	}
	p.note(now, d.Sender)
	var added []uint16
	for _, u := range d.Tuples {
		switch m.routes.Update(p.Index, d.Sender, u) {
		case rtmp.Added:
			m.zones.Add(u.Range, u.Extended)
			added = append(added, u.Range.First)
			out.Debug(p.Index, "network found", "network", u.Range.String(), "distance", u.Distance+1, "router", d.Sender.String())
		case rtmp.Removed:
			m.forget([]ddp.Range{u.Range}, out)
		case rtmp.Overlaps:
			p.Drop(now, port.RangeConflict, out, "router", d.Sender, "range", u.Range.String())
		case rtmp.Full:
			p.Drop(now, port.TableFull, out)
		case rtmp.Ignored, rtmp.Kept, rtmp.Changed:
		}
	}
	// A packet may have a network twice, and take back what it has said.
	slices.Sort(added)
	added = slices.DeleteFunc(slices.Compact(added), func(net uint16) bool { return m.zones.Find(net) == nil })
	m.query(now, p, d.Sender, added, out)
}

// note remembers a router of the cable. One too many is not.
func (p *rport) note(now time.Time, router ddp.Addr) {
	if _, known := p.routers[router]; !known && len(p.routers) == maxRouters {
		for a, at := range p.routers {
			if now.Sub(at) > rtmp.RouterTime {
				delete(p.routers, a)
			}
		}
	}
	if _, known := p.routers[router]; known || len(p.routers) < maxRouters {
		p.routers[router] = now
	}
}

// isRouter reports whether an address is one of a router of the cable.
func (p *rport) isRouter(now time.Time, a ddp.Addr) bool {
	if a.Net == 0 {
		a.Net = p.Addr().Net
	}
	at, known := p.routers[a]
	return known && now.Sub(at) <= rtmp.RouterTime
}

// rtmpRequest answers a request for the network number, or for routes.
func (m *Machine) rtmpRequest(now time.Time, p *rport, r *port.Received, out *link.Output) {
	q, err := rtmp.ParseRequest(r.D.Data)
	if err != nil {
		m.bad(now, p, err, out)
		return
	}
	d := p.data()
	if q == rtmp.RequestNetwork {
		m.reply(now, p, r, ddp.TypeRTMP, d.AppendResponse(nil), out)
		return
	}
	without := -1
	if q == rtmp.RequestSplit {
		without = p.Index
	}
	m.tuples = m.routes.Tuples(m.tuples[:0], without)
	m.eachData(&d, m.tuples, func(b []byte) { m.reply(now, p, r, ddp.TypeRTMP, b, out) })
}

// data is a data packet of the port without routes.
func (p *rport) data() rtmp.Data {
	return rtmp.Data{Sender: p.Addr(), Extended: p.Extended(), Range: p.cable}
}

// eachData makes as many packets of routes as it takes, one at least.
func (m *Machine) eachData(d *rtmp.Data, tuples []rtmp.Tuple, emit func([]byte)) {
	for first := true; first || len(tuples) > 0; first = false {
		d.Tuples = tuples
		b, n := d.Append(nil)
		emit(b)
		tuples = tuples[n:]
	}
}

// sendRoutes tells a port's cable what the router knows beyond it.
func (m *Machine) sendRoutes(now time.Time, p *rport, out *link.Output) {
	d := p.data()
	m.tuples = m.routes.Tuples(m.tuples[:0], p.Index)
	m.eachData(&d, m.tuples, func(b []byte) { m.broadcast(now, p, ddp.SocketRTMP, ddp.TypeRTMP, b, out) })
}

// farewell tells a port's cable that nothing is reached through it any more, and the others that the cable is not.
func (m *Machine) farewell(now time.Time, p *rport, out *link.Output) {
	if p.state != Up {
		return
	}
	for _, q := range m.ports {
		if q == nil || q.state != Up {
			continue
		}
		var gone []rtmp.Tuple
		for _, e := range m.routes.Entries() {
			if q == p && e.Port != p.Index || q != p && e.Port == p.Index {
				gone = append(gone, rtmp.Tuple{Range: e.Range, Extended: e.Extended, Distance: rtmp.NotifyNeighbor})
			}
		}
		if len(gone) > 0 {
			d := q.data()
			m.eachData(&d, gone, func(b []byte) { m.broadcast(now, q, ddp.SocketRTMP, ddp.TypeRTMP, b, out) })
		}
	}
}

// Close says farewell on all ports.
func (m *Machine) Close(now time.Time, out *link.Output) {
	for i := range m.ports {
		m.RemovePort(now, i, out)
	}
}

// echo sends a request back.
func (m *Machine) echo(now time.Time, p *rport, r *port.Received, out *link.Output) {
	q, err := aep.Parse(r.D.Data)
	switch {
	case err != nil:
		m.bad(now, p, err, out)
	case q.Function == aep.Request:
		m.reply(now, p, r, ddp.TypeAEP, aep.Packet{Function: aep.Reply, Data: q.Data}.Append(nil), out)
	default:
		p.Drop(now, port.Unasked, out, "protocol", "AEP")
	}
}
