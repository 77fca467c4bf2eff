// Package node is an AppleTalk end node on one link: it acquires an address, finds its network, its router and its zone, answers for
// its names and to echo requests, and asks others (Inside AppleTalk, second edition, chapters 4 to 9, AppleTalk Phase 2).
//
//	n := node.New(link, node.Config{Logger: log})
//	defer n.Close()
//	err := n.Ready(ctx)
//	zones, err := n.Zones(ctx)
//
// The Machine is the node without link, clock and goroutines; Node drives it.
//
// # Cancellation
//
// Each call that asks others ends with its context, or when its tries are over.
//
// # Limitations
//
// There is no cache of best routers: what is for other networks goes to the router that was heard last.
package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/aep"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// How a node asks for its network when it starts.
const (
	askTries    = 3
	askInterval = time.Second
)

// maxCalls is how many calls a node has at a time, and maxSockets how many sockets of its user's.
const (
	maxCalls   = 64
	maxSockets = 120
)

// Errors of calls.
var (
	ErrNoRouter = errors.New("node: there is no router")
	ErrNoAnswer = errors.New("node: no answer")
	ErrNotReady = errors.New("node: it has no address yet")
)

// State is how far a node is.
//
//	Acquiring --address--> Asking --answer, or none--> Ready
//	    ^                    |
//	    '--- answer: the address is none of the range
type State uint8

// The states.
const (
	Acquiring State = iota
	Asking
	Ready
)

var stateNames = [...]string{"acquiring", "asking", "ready"}

func (s State) String() string { return stateNames[s] }

// Settings are what a node is told.
type Settings struct {
	Hint   ddp.Addr // the address to ask for first, such as that of the last time
	Zone   string   // the zone to be in, if the cable has it; MacRoman octets
	Server bool     // LocalTalk: an address of the server class
}

// unknown is the range of an extended network whose range nobody has told.
var unknown = ddp.Range{First: 0, Last: ddp.LastStartup}

// Machine is a node.
//
//	commands   Start Cancel Send Open Shut Register Unregister
//	handlers   Frame Tick
//	getters    Next Snapshot
//	outputs    Done Inbox
type Machine struct {
	*port.Port
	settings Settings
	state    State
	cable    ddp.Cable
	zone     string // zip.Own while there is none
	group    link.Hardware
	at       time.Time // Asking: when to ask again
	tries    int
	routerAt time.Time // when the router was heard
	names    nbp.Names
	sockets  []uint8 // of the user
	calls    []Call
	done     []Call
	inbox    []ddp.Datagram
	id       uint8 // of the last lookup
	rng      *rand.Rand
}

// NewMachine makes a node and lets it begin.
func NewMachine(now time.Time, kind link.Kind, hw link.Hardware, s Settings, rng *rand.Rand) *Machine {
	m := &Machine{Port: port.New(port.Config{Kind: kind, Hardware: hw, Server: s.Server, Rand: rng}), settings: s, zone: zip.Own, rng: rng, id: uint8(rng.Uint32())}
	m.cable.Extended = m.Extended()
	if m.cable.Extended {
		m.cable.Range = unknown
	}
	nets := ddp.Range{First: ddp.FirstStartup, Last: ddp.LastStartup}
	if n := s.Hint.Net; n != 0 {
		nets = ddp.Range{First: n, Last: n}
	}
	m.Acquire(now, nets, s.Hint)
	return m
}

// Frame takes a frame. There is one port, 0.
func (m *Machine) Frame(now time.Time, _ int, b []byte, out *link.Output) {
	r, ok := m.Receive(now, b, out)
	if !ok {
		return
	}
	if !r.Short && !m.cable.Accepts(m.Addr(), r.D.Dst.Addr) {
		return
	}
	m.deliver(now, &r.D, r.ToAll, out)
}

// deliver takes a datagram for this node.
func (m *Machine) deliver(now time.Time, d *ddp.Datagram, toAll bool, out *link.Output) {
	if d.Src.Node == 0 || d.Src.Node == ddp.Broadcast {
		m.Drop(now, port.Stranger, out, "from", d.Src)
		return
	}
	switch {
	case d.Hops > 0 && (d.Dst.Num == ddp.SocketRTMP || d.Dst.Num == ddp.SocketZIP):
		m.Drop(now, port.Stranger, out, "from", d.Src, "hops", d.Hops) // only routers of the cable have something to say there
	case d.Dst.Num == ddp.SocketRTMP && d.Type == ddp.TypeRTMP:
		m.rtmp(now, d, toAll, out)
	case d.Dst.Num == ddp.SocketRTMP && d.Type == ddp.TypeRTMPRequest: // for routers
	case d.Dst.Num == ddp.SocketZIP && d.Type == ddp.TypeZIP:
		m.zip(now, d, out)
	case d.Dst.Num == ddp.SocketNBP && d.Type == ddp.TypeNBP:
		m.nbp(now, d, out)
	case d.Dst.Num == ddp.SocketAEP && d.Type == ddp.TypeAEP:
		m.echo(now, d, out)
	default:
		m.client(now, d, out)
	}
}

// client gives a datagram to the call or to the user that has its socket.
func (m *Machine) client(now time.Time, d *ddp.Datagram, out *link.Output) {
	for _, c := range m.calls {
		if c.base().socket == d.Dst.Num {
			c.datagram(m, now, d, out)
			m.settle()
			return
		}
	}
	switch {
	case slices.Contains(m.sockets, d.Dst.Num):
	case d.Dst.Num >= ddp.FirstDynamic:
		m.Counts[port.ClosedSocket]++ // an answer that comes late, or a second one: no note
		return
	default:
		m.Drop(now, port.ClosedSocket, out, "socket", d.Dst.Num, "type", d.Type.String())
		return
	}
	c := *d
	c.Data = slices.Clone(d.Data)
	m.inbox = append(m.inbox, c)
}

// Send sends a datagram of this node, whose address it puts into it. What is for this node, or for all, is delivered here as well.
func (m *Machine) Send(now time.Time, d *ddp.Datagram, out *link.Output) error {
	if !m.Port.Ready() {
		return ErrNotReady
	}
	d.Src.Addr = m.Addr()
	if d.Dst.Addr == d.Src.Addr || d.Dst.Node == d.Src.Node && d.Dst.Net == 0 {
		m.deliver(now, d, false, out)
		return nil
	}
	way := m.cable.Way(d.Dst.Net)
	if d.Dst.Node == ddp.AnyRouter {
		if way = ddp.ViaRouter; m.cable.Router.Node == 0 {
			way = ddp.NoRouter
		}
	}
	switch way {
	case ddp.NoRouter:
		return fmt.Errorf("node: send to network %d: %w", d.Dst.Net, ErrNoRouter)
	case ddp.ViaRouter:
		m.SendLong(now, d, port.ToNode(m.cable.Router), out)
	case ddp.Direct:
		m.Port.Send(now, d, port.ToNode(d.Dst.Addr), out)
	}
	if d.Dst.Node == ddp.Broadcast && m.cable.Accepts(m.Addr(), d.Dst.Addr) {
		m.deliver(now, d, true, out)
	}
	return nil
}

// broadcast sends to all on the cable.
func (m *Machine) broadcast(now time.Time, from, to uint8, t ddp.Type, data []byte, out *link.Output) {
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Node: ddp.Broadcast}, Num: to}, Src: ddp.Socket{Num: from}, Type: t, Data: data}
	if err := m.Send(now, &d, out); err != nil {
		m.Drop(now, port.NotUp, out)
	}
}

// Next is when Tick has something to do; zero if it has nothing.
func (m *Machine) Next() time.Time {
	next := m.Port.Next()
	soonest := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	soonest(m.at)
	if !m.routerAt.IsZero() {
		soonest(m.routerAt.Add(rtmp.RouterTime))
	}
	for _, c := range m.calls {
		soonest(c.base().at)
	}
	return next
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time, out *link.Output) {
	if at := m.Port.Next(); !at.IsZero() && !now.Before(at) {
		m.Port.Tick(now, out)
	}
	if m.state == Acquiring && m.Port.Ready() {
		if m.cable.Router.Node != 0 {
			m.ready(out)
		} else {
			m.ask(now)
		}
	}
	if !m.at.IsZero() && !now.Before(m.at) {
		m.askTick(now, out)
	}
	if !m.routerAt.IsZero() && !now.Before(m.routerAt.Add(rtmp.RouterTime)) {
		m.lost(out)
	}
	for _, c := range slices.Clone(m.calls) {
		if b := c.base(); !b.done && !b.at.IsZero() && !now.Before(b.at) {
			c.tick(m, now, out)
		}
	}
	m.settle()
}

// nbp answers lookups of the node's names. IA2 ch. 7
func (m *Machine) nbp(now time.Time, d *ddp.Datagram, out *link.Output) {
	p, err := nbp.Parse(d.Data)
	if err != nil {
		m.Drop(now, port.BadPacket, out, "error", err)
		return
	}
	if p.Function != nbp.LkUp {
		m.Drop(now, port.Unasked, out, "protocol", "NBP")
		return
	}
	e := p.Tuples[0].Entity
	if m.Extended() && !e.IsOwnZone() && !macroman.Equal(e.Zone, m.zone) {
		return
	}
	m.names.Answer(p, m.Addr(), m.zone, func(reply nbp.Packet) {
		d := ddp.Datagram{Dst: p.Tuples[0].Addr, Src: ddp.Socket{Num: ddp.SocketNBP}, Type: ddp.TypeNBP, Data: reply.Append(nil)}
		if err := m.Send(now, &d, out); err != nil {
			m.Drop(now, port.NoRoute, out)
		}
	})
}

func (m *Machine) echo(now time.Time, d *ddp.Datagram, out *link.Output) {
	q, err := aep.Parse(d.Data)
	switch {
	case err != nil:
		m.Drop(now, port.BadPacket, out, "error", err)
	case q.Function == aep.Request:
		reply := ddp.Datagram{Dst: d.Src, Src: ddp.Socket{Num: ddp.SocketAEP}, Type: ddp.TypeAEP, Data: aep.Packet{Function: aep.Reply, Data: q.Data}.Append(nil)}
		if err := m.Send(now, &reply, out); err != nil {
			m.Drop(now, port.NoRoute, out)
		}
	default:
		m.Drop(now, port.Unasked, out, "protocol", "AEP")
	}
}
