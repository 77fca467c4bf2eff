package node

import (
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// ask begins to ask for the network.
func (m *Machine) ask(now time.Time) { m.state, m.tries, m.at = Asking, 0, now }

func (m *Machine) askTick(now time.Time, out *link.Output) {
	if m.tries == askTries {
		m.ready(out) // without a router
		return
	}
	m.tries++
	m.at = now.Add(askInterval)
	if m.Extended() {
		m.broadcast(now, ddp.SocketZIP, ddp.SocketZIP, ddp.TypeZIP, zip.GetNetInfo{Zone: m.settings.Zone}.Append(nil), out)
		return
	}
	m.broadcast(now, ddp.SocketRTMP, ddp.SocketRTMP, ddp.TypeRTMPRequest, []byte{byte(rtmp.RequestNetwork)}, out)
}

func (m *Machine) ready(out *link.Output) {
	was := m.state
	m.state, m.at = Ready, time.Time{}
	if was != Ready {
		out.Note(0, "node ready", "address", m.Addr().String(), "range", m.cable.Range.String(), "router", m.cable.Router.String(), "zone", macroman.Decode(m.zone))
	}
}

// lost forgets the router, and what it has told. P2
func (m *Machine) lost(out *link.Output) {
	m.cable.Router, m.routerAt = ddp.Addr{}, time.Time{}
	m.enter(zip.Own, link.Hardware{}, out)
	m.cable.Range, m.Net = ddp.Range{}, 0
	if m.Extended() {
		m.cable.Range = unknown
	}
	out.Warn(0, "router gone")
}

// enter changes the node's zone, and the multicast address that goes with it.
func (m *Machine) enter(zone string, group link.Hardware, out *link.Output) {
	m.Join(group, out)
	m.Leave(m.group, out)
	m.zone, m.group = zone, group
}

// rtmp takes what a router says of itself.
func (m *Machine) rtmp(now time.Time, d *ddp.Datagram, toAll bool, out *link.Output) {
	r, err := rtmp.ParseData(d.Data)
	if err != nil {
		m.Drop(now, port.BadPacket, out, "error", err)
		return
	}
	if r.Extended != m.Extended() || !r.Sender.Matches(d.Src.Addr) {
		m.Drop(now, port.Stranger, out, "router", r.Sender)
		return
	}
	if !toAll {
		m.routes(now, d) // there are routers that send routes to this socket
	}
	switch {
	case !m.Extended():
		m.heardLocal(now, &r, out)
	case m.state != Ready: // GetNetInfo will tell
	case m.cable.Router.Node == 0:
		m.ask(now) // a router has come
	case r.Range != m.cable.Range:
		m.Drop(now, port.RangeConflict, out, "router", r.Sender, "range", r.Range.String())
	default:
		m.cable.Router, m.routerAt = r.Sender, now
	}
}

// heardLocal takes the network number of a nonextended network: the first that is said.
func (m *Machine) heardLocal(now time.Time, r *rtmp.Data, out *link.Output) {
	if m.Net != 0 && m.Net != r.Sender.Net {
		m.Drop(now, port.RangeConflict, out, "router", r.Sender, "range", r.Range.String())
		return
	}
	m.Net, m.cable.Range = r.Sender.Net, r.Range
	m.cable.Router, m.routerAt = r.Sender, now
	if m.state == Asking {
		m.ready(out)
	}
}

// zip takes answers to GetNetInfo, and the new name of the zone.
func (m *Machine) zip(now time.Time, d *ddp.Datagram, out *link.Output) {
	switch zip.FunctionOf(d.Data) {
	case zip.FunctionNetInfoReply:
		n, err := zip.ParseNetInfo(d.Data)
		if err != nil {
			m.Drop(now, port.BadPacket, out, "error", err)
			return
		}
		m.told(now, d, &n, out)
	case zip.FunctionNotify:
		n, err := zip.ParseNotify(d.Data)
		switch {
		case err != nil:
			m.Drop(now, port.BadPacket, out, "error", err)
		case m.cable.Router.Node == 0 || !m.Extended():
		case !macroman.Equal(n.Old, m.zone): // of another zone
		default:
			m.enter(n.New, n.Multicast, out)
			if macroman.Equal(n.Old, m.settings.Zone) {
				m.settings.Zone = n.New
			}
			out.Note(0, "zone renamed", "old", macroman.Decode(n.Old), "new", macroman.Decode(n.New))
		}
	}
}

// told takes the answer to the GetNetInfo of the node itself.
func (m *Machine) told(now time.Time, d *ddp.Datagram, n *zip.NetInfo, out *link.Output) {
	if m.state != Asking || !m.Extended() || n.Requested != m.settings.Zone { // others ask from the same socket
		m.Drop(now, port.Unasked, out, "protocol", "ZIP", "from", d.Src)
		return
	}
	m.cable.Range, m.cable.Router, m.routerAt = n.Range, d.Src.Addr, now
	zone := n.Zone()
	if zone == "" {
		zone = zip.Own
	}
	m.enter(zone, n.Multicast, out)
	if n.Range.Has(m.Addr().Net) {
		m.ready(out)
		return
	}
	m.state, m.at = Acquiring, time.Time{}
	m.Acquire(now, n.Range, ddp.Addr{Net: n.Range.First, Node: m.Addr().Node})
}
