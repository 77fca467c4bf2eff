package router

import (
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// nbp takes an NBP packet. A router has no names of its own: it passes requests on. IA2 ch. 8
func (m *Machine) nbp(now time.Time, p *rport, r *port.Received, out *link.Output) {
	q, err := nbp.Parse(r.D.Data)
	if err != nil {
		m.bad(now, p, err, out)
		return
	}
	switch q.Function {
	case nbp.BrRq:
		m.broadcastRequest(now, p, q, out)
	case nbp.FwdReq:
		m.forwardRequest(now, p, r, q, out)
	case nbp.LkUp: // of names, of which there are none here
	case nbp.LkUpReply:
		p.Drop(now, port.Unasked, out, "protocol", "NBP")
	}
}

// broadcastRequest makes lookups on the cables that have the zone, and sends requests to the routers of other networks that have it.
func (m *Machine) broadcastRequest(now time.Time, p *rport, q nbp.Packet, out *link.Output) {
	e := &q.Tuples[0].Entity
	if e.IsOwnZone() {
		if p.Extended() {
			// "*" says nothing on a cable with several zones: nodes are to write theirs
			p.Drop(now, port.BadPacket, out, "protocol", "NBP", "zone", "*")
			return
		}
		e.Zone = m.zones.Find(p.cable.First).Zones()[0]
	}
	for _, n := range m.zones.Of(e.Zone) {
		route := m.routes.Find(n.Range.First)
		if route == nil || route.State.Bad() {
			continue
		}
		if route.Distance == 0 {
			m.lookup(now, m.ports[route.Port], q, out)
			continue
		}
		q.Function = nbp.FwdReq
		at := m.ports[route.Port]
		d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Net: n.Range.First, Node: ddp.AnyRouter}, Num: ddp.SocketNBP},
			Src: ddp.Socket{Addr: at.Addr(), Num: ddp.SocketNBP}, Type: ddp.TypeNBP, Data: q.Append(nil)}
		m.send(now, at, &d, out)
	}
}

// lookup asks the nodes of a port's cable that are in the zone of the request. On LocalTalk with the long header: there are nodes that
// answer whoever has sent a short one.
func (m *Machine) lookup(now time.Time, p *rport, q nbp.Packet, out *link.Output) {
	q.Function = nbp.LkUp
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: ddp.SocketNBP}, Src: ddp.Socket{Addr: p.Addr(), Num: ddp.SocketNBP},
		Type: ddp.TypeNBP, Data: q.Append(nil)}
	if p.Extended() {
		p.Send(now, &d, port.ToGroup(zip.Multicast(q.Tuples[0].Entity.Zone)), out)
		return
	}
	d.Dst.Net = p.Net
	p.SendLong(now, &d, port.ToAll(), out)
}

// forwardRequest makes a lookup on the cable that another router has sent the request to.
func (m *Machine) forwardRequest(now time.Time, p *rport, r *port.Received, q nbp.Packet, out *link.Output) {
	at := p
	if e := m.routes.Find(r.D.Dst.Net); e != nil && e.Distance == 0 {
		at = m.ports[e.Port]
	}
	n := m.zones.Find(at.cable.First)
	zone := &q.Tuples[0].Entity
	if zone.IsOwnZone() && !at.Extended() {
		zone.Zone = n.Zones()[0] // there are routers that leave "*" in it
	}
	if !n.Has(zone.Zone) {
		p.Drop(now, port.Stranger, out, "protocol", "NBP", "zone", zone.Zone)
		return
	}
	m.lookup(now, at, q, out)
}
