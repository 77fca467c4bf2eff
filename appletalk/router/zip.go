package router

import (
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// noteTries is after how many queries without an answer a note is made.
const noteTries = 3

// zip takes a ZIP packet of DDP type 6.
func (m *Machine) zip(now time.Time, p *rport, r *port.Received, out *link.Output) {
	f := zip.FunctionOf(r.D.Data)
	if p.state != Up && f != zip.FunctionReply && f != zip.FunctionExtendedReply && f != zip.FunctionNetInfoReply {
		p.Counts[port.NotUp]++
		return
	}
	var err error
	switch f {
	case zip.FunctionQuery:
		err = m.zipQuery(now, p, r, out)
	case zip.FunctionReply, zip.FunctionExtendedReply:
		err = m.zipReply(now, p, r, out)
	case zip.FunctionGetNetInfo:
		err = m.netInfo(now, p, r, out)
	case zip.FunctionNetInfoReply:
		err = m.netInfoReply(now, p, r, out)
	case zip.FunctionNotify:
		err = m.notified(now, p, r, out)
	case zip.FunctionTakedown, zip.FunctionBringup: // phase 1
	default:
		_, err = zip.ParseQuery(r.D.Data)
	}
	if err != nil {
		m.bad(now, p, err, out)
	}
}

// zipQuery says which zones networks have, of those whose lists are whole.
func (m *Machine) zipQuery(now time.Time, p *rport, r *port.Received, out *link.Output) error {
	q, err := zip.ParseQuery(r.D.Data)
	if err != nil {
		return err
	}
	var lists [][]zip.Zone
	for _, net := range q.Nets {
		if e := m.routes.Find(net); e != nil {
			if n := m.zones.Find(e.Range.First); n != nil && n.Complete() {
				lists = append(lists, n.List())
			}
		}
	}
	zip.Replies(lists, func(reply zip.Reply) { m.reply(now, p, r, ddp.TypeZIP, reply.Append(nil), out) })
	return nil
}

// query asks a router on a port for the zones of networks.
func (m *Machine) query(now time.Time, p *rport, router ddp.Addr, nets []uint16, out *link.Output) {
	for len(nets) > 0 {
		part := nets[:min(len(nets), zip.MaxQuery)]
		nets = nets[len(part):]
		for _, net := range part {
			n := m.zones.Find(net)
			if n.Tries++; n.Tries == noteTries+1 {
				out.Warn(p.Index, "no zones are known of a network", "network", n.Range.String(), "router", router.String())
			}
		}
		d := ddp.Datagram{Dst: ddp.Socket{Addr: router, Num: ddp.SocketZIP}, Src: ddp.Socket{Addr: p.Addr(), Num: ddp.SocketZIP}, Type: ddp.TypeZIP,
			Data: zip.Query{Nets: part}.Append(nil)}
		p.Send(now, &d, port.ToNode(router), out)
	}
}

// queryAll asks again for all that is not known, each router for what it leads to.
func (m *Machine) queryAll(now time.Time, out *link.Output) {
	type way struct {
		port int
		next ddp.Addr
	}
	nets := map[way][]uint16{}
	var order []way
	for _, n := range m.zones.Networks() {
		e := m.routes.Find(n.Range.First)
		if n.Complete() || e == nil || e.State.Bad() {
			continue
		}
		w := way{e.Port, e.Next}
		if nets[w] == nil {
			order = append(order, w)
		}
		nets[w] = append(nets[w], n.Range.First)
	}
	for _, w := range order {
		m.query(now, m.ports[w.port], w.next, nets[w], out)
	}
}

// zipReply takes zones that were asked for, from whom they were asked.
func (m *Machine) zipReply(now time.Time, p *rport, r *port.Received, out *link.Output) error {
	reply, err := zip.ParseReply(r.D.Data)
	if err != nil {
		return err
	}
	for zones := reply.Zones; len(zones) > 0; {
		net := zones[0].Net
		var names []string
		rest := zones[:0:0]
		for _, z := range zones {
			if z.Net == net {
				names = append(names, z.Name)
			} else {
				rest = append(rest, z)
			}
		}
		zones = rest
		m.learn(now, p, r, reply, net, names, out)
	}
	return nil
}

// learn takes the zones of one network.
func (m *Machine) learn(now time.Time, p *rport, r *port.Received, reply zip.Reply, net uint16, names []string, out *link.Output) {
	table, teacher := m.zones, ddp.Addr{}
	if p.state == Learning {
		// All routers of the cable were asked.
		if table = p.lesson; ddp.SameNet(r.D.Src.Net, p.Net) || p.cable.Has(r.D.Src.Net) {
			teacher = r.D.Src.Addr
		}
	} else if e := m.routes.Find(net); e != nil && e.Port == p.Index {
		if teacher = e.Next; e.Distance == 0 {
			p.Counts[port.Unasked]++ // several routers answer what a Learning port asks: no note
			return
		}
	}
	n := table.Find(net)
	if n == nil || n.Tries == 0 || !teacher.Matches(r.D.Src.Addr) || p.state != Up && p.state != Learning {
		p.Drop(now, port.Unasked, out, "protocol", "ZIP", "from", r.D.Src)
		return
	}
	switch table.Learn(teacher, n, reply, names) {
	case zip.LearnedComplete:
		if p.state == Learning {
			m.learned(now, p, out)
			return
		}
		out.Debug(p.Index, "zones found", "network", n.Range.String(), "zones", decoded(n.Zones()))
	case zip.LearnedTooMuch:
		p.Drop(now, port.TableFull, out, "network", n.Range.String())
	case zip.LearnedNothing, zip.LearnedPart:
	}
}

// netInfo tells a node of its cable. IA2 ch. 8
func (m *Machine) netInfo(now time.Time, p *rport, r *port.Received, out *link.Output) error {
	g, err := zip.ParseGetNetInfo(r.D.Data)
	if err != nil {
		return err
	}
	at := p // the port that is meant: it may be another one if the request is for its address
	if q := m.addressed(r.D.Dst.Addr); q != nil {
		at = q
	}
	n := m.zones.Find(at.cable.First)
	info := zip.NetInfo{Range: at.cable, Requested: g.Zone}
	zone := g.Zone
	if g.Zone == "" || !n.Has(g.Zone) {
		zone = n.Zones()[0]
		info.Flags |= zip.Invalid
		info.Default = zone
	}
	if len(n.Zones()) == 1 {
		info.Flags |= zip.OnlyOne
	}
	if at.Extended() {
		info.Multicast = zip.Multicast(zone)
	} else {
		info.Flags |= zip.UseBroadcast
	}
	src := r.D.Src.Net
	switch {
	case src == 0 || at.cable.Has(src) || at.Extended() && ddp.IsStartup(src):
		m.reply(now, p, r, ddp.TypeZIP, info.Append(nil), out)
	case r.ToAll:
		// A node with an address of another network: it cannot be reached otherwise.
		d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: r.D.Src.Num}, Src: ddp.Socket{Addr: p.Addr(), Num: ddp.SocketZIP},
			Type: ddp.TypeZIP, Data: info.Append(nil)}
		p.Send(now, &d, port.ToAll(), out)
	default:
		p.Drop(now, port.Stranger, out, "from", r.D.Src)
	}
	return nil
}

// netInfoReply takes the default zone of the cable, for which a Learning port has asked.
func (m *Machine) netInfoReply(now time.Time, p *rport, r *port.Received, out *link.Output) error {
	n, err := zip.ParseNetInfo(r.D.Data)
	if err != nil {
		return err
	}
	// Nodes and other routers ask from the same socket: ours are the answers to an empty zone.
	if p.state != Learning || p.standard != "" || n.Range != p.cable || n.Requested != "" {
		p.Drop(now, port.Unasked, out, "protocol", "ZIP", "from", r.D.Src)
		return nil
	}
	if p.standard = n.Zone(); p.standard != "" {
		m.learned(now, p, out)
	}
	return nil
}

// zipList answers requests for zones by ATP.
func (m *Machine) zipList(now time.Time, p *rport, r *port.Received, out *link.Output) {
	a, err := atp.Parse(r.D.Data)
	if err != nil {
		m.bad(now, p, err, out)
		return
	}
	if a.Function != atp.TReq || a.Bitmap&1 == 0 {
		// A TRel is that of a request which we have taken for at-least-once.
		if a.Function != atp.TRel {
			p.Drop(now, port.Unasked, out, "protocol", "ATP")
		}
		return
	}
	q, err := zip.ParseListRequest(a.User)
	if err != nil {
		m.bad(now, p, err, out)
		return
	}
	l := m.list(p, r, q)
	answer := atp.Packet{Function: atp.TResp, EOM: true, TID: a.TID, User: l.User(), Data: l.AppendData(nil)}
	if q.Function == zip.FunctionGetMyZone {
		answer.User[0] = 0 // LastFlag means nothing there
	}
	m.reply(now, p, r, ddp.TypeATP, answer.Append(nil), out)
}

func (m *Machine) list(p *rport, r *port.Received, q zip.ListRequest) zip.List {
	var names []string
	switch q.Function {
	case zip.FunctionGetZoneList:
		return zip.Page(m.zones.Len(), m.zones.Name, q.Start)
	case zip.FunctionGetLocalZones:
		if at := m.addressed(r.D.Dst.Addr); at != nil {
			p = at
		}
		names = m.zones.Find(p.cable.First).Zones()
	case zip.FunctionGetMyZone:
		// The zone of whoever asks, who is on a nonextended network: the others have several.
		if e := m.routes.Find(r.D.Src.Net); e != nil && !e.Extended {
			if n := m.zones.Find(e.Range.First); n != nil && n.Complete() {
				names = n.Zones()[:1]
			}
		}
	}
	return zip.Page(len(names), func(i int) string { return names[i] }, q.Start)
}

// Rename gives a zone of a port's cable another name, and tells the nodes of the zone. It reports false if the cable does not have the
// zone, or has one of that name. Routers on other cables know the old name until the network has been gone for zip.BringBackTime.
func (m *Machine) Rename(now time.Time, i int, old, name string, out *link.Output) bool {
	p := m.ports[i]
	if p == nil || p.state != Up || zip.CheckName(name) != nil || !m.zones.Rename(m.zones.Find(p.cable.First), old, name) {
		return false
	}
	notify := zip.Notify{Old: old, New: name}
	to := port.ToAll()
	if p.Extended() {
		notify.Multicast = zip.Multicast(name)
		to = port.ToGroup(zip.Multicast(old))
	} else {
		notify.Flags = zip.UseBroadcast
	}
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: ddp.SocketZIP}, Src: ddp.Socket{Addr: p.Addr(), Num: ddp.SocketZIP},
		Type: ddp.TypeZIP, Data: notify.Append(nil)}
	p.Send(now, &d, to, out)
	m.join(p, out)
	out.Note(i, "zone renamed", "old", macroman.Decode(old), "new", macroman.Decode(name))
	return true
}

// notified takes the new name of a zone of the cable from another router on it.
func (m *Machine) notified(now time.Time, p *rport, r *port.Received, out *link.Output) error {
	n, err := zip.ParseNotify(r.D.Data)
	if err != nil {
		return err
	}
	if !p.isRouter(now, r.D.Src.Addr) {
		p.Drop(now, port.Stranger, out, "from", r.D.Src)
		return nil
	}
	if m.zones.Rename(m.zones.Find(p.cable.First), n.Old, n.New) {
		m.join(p, out)
		out.Note(p.Index, "zone renamed by another router", "old", macroman.Decode(n.Old), "new", macroman.Decode(n.New), "router", r.D.Src.Addr.String())
	}
	return nil
}
