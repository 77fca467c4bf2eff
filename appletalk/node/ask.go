package node

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/aep"
	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// How calls ask if they are not told otherwise.
const (
	listTries     = 5
	listInterval  = 2 * time.Second
	infoTries     = 3
	infoInterval  = time.Second
	routeTries    = 3
	routeInterval = 2 * time.Second
	routeQuiet    = 500 * time.Millisecond // after the last packet of routes
	maxRoutes     = rtmp.MaxRoutes         // of a Routes call
)

// List asks a router for zones: all of the internet, those of the cable, or the node's own. IA2 ch. 8
type List struct {
	call
	Function zip.Function // GetZoneList, GetLocalZones or GetMyZone
	Router   ddp.Addr     // zero: the node's

	requester *atp.Requester
	pager     *zip.Pager
}

// Zones are the zones, as MacRoman octets, each once.
func (l *List) Zones() []string {
	if l.pager == nil {
		return nil
	}
	return l.pager.Zones()
}

func (l *List) begin(m *Machine, now time.Time, out *link.Output) error {
	if l.Function == zip.FunctionGetMyZone && m.Extended() {
		return errors.New("node: GetMyZone: it is for nonextended networks")
	}
	if l.Router.Node == 0 {
		l.Router = m.cable.Router
	}
	if l.Router.Node == 0 {
		return ErrNoRouter
	}
	l.requester, l.pager = atp.NewRequester(uint16(m.rng.Uint32())), zip.NewPager()
	return l.next(m, now, out)
}

// next asks for the next page.
func (l *List) next(m *Machine, now time.Time, out *link.Output) error {
	start, _ := l.pager.Next()
	q := zip.ListRequest{Function: l.Function, Start: start}
	if l.Function == zip.FunctionGetMyZone {
		q.Start = 0
	}
	_, err := l.requester.Begin(now, atp.Request{Peer: ddp.Socket{Addr: l.Router, Num: ddp.SocketZIP}, User: q.User(), Responses: 1,
		Interval: listInterval, Tries: listTries})
	if err != nil {
		return err
	}
	return l.flush(m, now, out)
}

func (l *List) flush(m *Machine, now time.Time, out *link.Output) error {
	l.at = l.requester.Next()
	for _, s := range l.requester.Drain() {
		d := ddp.Datagram{Dst: s.To, Src: ddp.Socket{Num: l.socket}, Type: ddp.TypeATP, Data: s.Packet.Append(nil)}
		if err := m.Send(now, &d, out); err != nil {
			return err
		}
	}
	return nil
}

func (l *List) tick(m *Machine, now time.Time, out *link.Output) {
	if failed := l.requester.Tick(now); len(failed) > 0 {
		l.end(fmt.Errorf("node: list of zones from %v: %w", l.Router, ErrNoAnswer))
		return
	}
	if err := l.flush(m, now, out); err != nil {
		l.end(err)
	}
}

func (l *List) datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output) {
	p, err := atp.Parse(d.Data)
	if err != nil || d.Type != ddp.TypeATP {
		m.Drop(now, port.BadPacket, out, "protocol", "ATP")
		return
	}
	t := l.requester.Handle(now, d.Src, p)
	if t == nil {
		m.Drop(now, port.Unasked, out, "protocol", "ATP", "from", d.Src)
		return
	}
	part := t.Parts()[0]
	page, err := zip.ParseList(part.User, part.Data)
	if err == nil {
		err = l.pager.Add(page)
	}
	if _, more := l.pager.Next(); err != nil || !more || l.Function == zip.FunctionGetMyZone {
		l.end(err)
		return
	}
	if err := l.next(m, now, out); err != nil {
		l.end(err)
	}
}

// NetInfo asks the routers of the cable for its range, and whether a zone is one of it. IA2 ch. 8
type NetInfo struct {
	call
	Zone string // MacRoman octets; empty for the default zone
	Info zip.NetInfo
	From ddp.Addr // the router that has answered

	tries int
}

func (n *NetInfo) begin(m *Machine, now time.Time, out *link.Output) error {
	if len(n.Zone) > zip.MaxName {
		return zip.CheckName(n.Zone)
	}
	n.tick(m, now, out)
	return nil
}

func (n *NetInfo) tick(m *Machine, now time.Time, out *link.Output) {
	if n.tries == infoTries {
		n.end(fmt.Errorf("node: GetNetInfo: %w", ErrNoAnswer))
		return
	}
	n.tries++
	n.at = now.Add(infoInterval)
	m.broadcast(now, n.socket, ddp.SocketZIP, ddp.TypeZIP, zip.GetNetInfo{Zone: n.Zone}.Append(nil), out)
}

func (n *NetInfo) datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output) {
	info, err := zip.ParseNetInfo(d.Data)
	if err != nil || d.Type != ddp.TypeZIP {
		m.Drop(now, port.BadPacket, out, "protocol", "ZIP")
		return
	}
	// The zone tells answers apart. jrouter has that of its LocalTalk port in the place of an empty one and of one that is not valid.
	if n.Zone != "" && info.Requested != n.Zone && info.Flags&zip.Invalid == 0 {
		m.Drop(now, port.Unasked, out, "protocol", "ZIP", "from", d.Src)
		return
	}
	n.Info, n.From = info, d.Src.Addr
	if n.From.Net == 0 {
		n.From.Net = m.Net
	}
	n.end(nil)
}

// Echo sends one echo request and waits for the answer. IA2 ch. 6
type Echo struct {
	call
	To   ddp.Addr
	Data []byte        // at most aep.MaxData octets
	Wait time.Duration // for the answer
	Took time.Duration

	sent time.Time
}

func (e *Echo) begin(m *Machine, now time.Time, out *link.Output) error {
	if len(e.Data) > aep.MaxData {
		return fmt.Errorf("node: echo: data: %d octets exceed %d", len(e.Data), aep.MaxData)
	}
	e.sent, e.at = now, now.Add(e.Wait)
	d := ddp.Datagram{Dst: ddp.Socket{Addr: e.To, Num: ddp.SocketAEP}, Src: ddp.Socket{Num: e.socket}, Type: ddp.TypeAEP,
		Data: aep.Packet{Function: aep.Request, Data: e.Data}.Append(nil)}
	return m.Send(now, &d, out)
}

func (e *Echo) tick(*Machine, time.Time, *link.Output) {
	e.end(fmt.Errorf("node: echo to %v: %w", e.To, ErrNoAnswer))
}

func (e *Echo) datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output) {
	p, err := aep.Parse(d.Data)
	if err != nil || d.Type != ddp.TypeAEP || p.Function != aep.Reply || !bytes.Equal(p.Data, e.Data) {
		m.Drop(now, port.Unasked, out, "protocol", "AEP", "from", d.Src)
		return
	}
	e.Took = now.Sub(e.sent)
	e.end(nil)
}

// Routes asks a router for all its routes. IA2 ch. 5
type Routes struct {
	call
	Router ddp.Addr // zero: the node's
	Data   rtmp.Data

	tries int
	whole bool // something has come
	seen  map[rtmp.Tuple]bool
}

func (r *Routes) begin(m *Machine, now time.Time, out *link.Output) error {
	if r.Router.Node == 0 {
		r.Router = m.cable.Router
	}
	if r.Router.Node == 0 {
		return ErrNoRouter
	}
	r.seen = map[rtmp.Tuple]bool{}
	r.tick(m, now, out)
	return r.err
}

func (r *Routes) tick(m *Machine, now time.Time, out *link.Output) {
	switch {
	case r.whole:
		r.end(nil)
		return
	case r.tries == routeTries:
		r.end(fmt.Errorf("node: routes of %v: %w", r.Router, ErrNoAnswer))
		return
	}
	r.tries++
	r.at = now.Add(routeInterval)
	d := ddp.Datagram{Dst: ddp.Socket{Addr: r.Router, Num: ddp.SocketRTMP}, Src: ddp.Socket{Num: r.socket}, Type: ddp.TypeRTMPRequest,
		Data: []byte{byte(rtmp.RequestWhole)}}
	if err := m.Send(now, &d, out); err != nil {
		r.end(err)
	}
}

func (r *Routes) datagram(m *Machine, now time.Time, d *ddp.Datagram, out *link.Output) {
	data, err := rtmp.ParseData(d.Data)
	if err != nil || d.Type != ddp.TypeRTMP || !r.Router.Matches(d.Src.Addr) {
		m.Drop(now, port.Unasked, out, "protocol", "RTMP", "from", d.Src)
		return
	}
	r.take(now, data)
}

// take adds what a packet has. That was the last when nothing comes for a while.
func (r *Routes) take(now time.Time, data rtmp.Data) {
	r.Data.Sender, r.Data.Extended, r.Data.Range = data.Sender, data.Extended, data.Range
	for _, t := range data.Tuples {
		if len(r.Data.Tuples) < maxRoutes && !r.seen[t] {
			r.seen[t] = true
			r.Data.Tuples = append(r.Data.Tuples, t)
		}
	}
	r.whole, r.at = true, now.Add(routeQuiet)
}

// routes gives routes that were sent to RTMP's own socket to the call that has asked for them.
func (m *Machine) routes(now time.Time, d *ddp.Datagram) {
	if !rtmp.IsData(d.Data) {
		return
	}
	for _, c := range m.calls {
		if r, ok := c.(*Routes); ok && r.Router.Matches(d.Src.Addr) {
			if data, err := rtmp.ParseData(d.Data); err == nil {
				r.take(now, data)
			}
		}
	}
}
