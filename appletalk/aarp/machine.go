package aarp

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
)

// Times and limits.
const (
	Probes          = 10
	ProbeInterval   = 200 * time.Millisecond
	requestInterval = 250 * time.Millisecond
	requestTries    = 12
	entryTime       = 60 * time.Second // a mapping is believed so long
	pause           = 5 * time.Second  // after no address was free
	maxEntries      = 1024             // mappings
	maxPending      = 64               // addresses that are being resolved
	maxQueued       = 4                // datagrams that wait for one
	maxTried        = 1024             // candidates that were taken
)

// Frame is what a machine wants sent: an AARP packet, or a datagram that waited for its address.
type Frame struct {
	Dst      link.Hardware
	Packet   Packet
	Datagram []byte // if not nil, in place of the packet
}

// Machine is a station on an extended network.
//
//	commands   Acquire Resolve
//	handlers   Handle Tick
//	getters    Addr Next
//	outputs    Drain
type Machine struct {
	Taken     int // candidates that others had
	Conflicts int // packets of others that have our address
	Unasked   int // responses that nobody asked for
	Dropped   int // datagrams for which no address was found, or no room

	hw        link.Hardware
	rng       *rand.Rand
	nets      ddp.Range
	candidate ddp.Addr
	addr      ddp.Addr
	probes    int
	at        time.Time
	tried     map[ddp.Addr]bool
	entries   map[ddp.Addr]entry
	pending   []*pending // in the order in which they began
	out       []Frame
}

type entry struct {
	hw    link.Hardware
	until time.Time
}

type pending struct {
	addr   ddp.Addr
	tries  int
	at     time.Time
	queued [][]byte
}

// New makes the machine of a station with a hardware address.
func New(hw link.Hardware, rng *rand.Rand) *Machine {
	return &Machine{hw: hw, rng: rng, tried: map[ddp.Addr]bool{}, entries: map[ddp.Addr]entry{}}
}

// Addr is the station's address, or zero while it has none.
func (m *Machine) Addr() ddp.Addr { return m.addr }

// Acquire gives up the station's address and begins to acquire one with a network number of the range: the hint if it is such a one
// and others do not have it.
func (m *Machine) Acquire(now time.Time, nets ddp.Range, hint ddp.Addr) {
	m.addr, m.nets = ddp.Addr{}, nets
	clear(m.tried)
	if nets.Has(hint.Net) && hint.Node != 0 && hint.Node <= ddp.LastExtended {
		m.try(now, hint)
		return
	}
	m.another(now)
}

func (m *Machine) try(now time.Time, a ddp.Addr) { m.candidate, m.probes, m.at = a, 0, now }

// another goes on with a candidate that was not tried: first of a network number at random, then of others.
func (m *Machine) another(now time.Time) {
	nets := int(m.nets.Last) - int(m.nets.First) + 1
	first := m.rng.IntN(nets)
	node := m.rng.IntN(ddp.LastExtended)
	for i := range min(nets, 1+maxTried/ddp.LastExtended) {
		net := m.nets.First + uint16((first+i)%nets)
		for j := range ddp.LastExtended {
			a := ddp.Addr{Net: net, Node: uint8((node+j)%ddp.LastExtended + 1)}
			if !m.tried[a] && len(m.tried) < maxTried {
				m.try(now, a)
				return
			}
		}
	}
	clear(m.tried)
	m.try(now.Add(pause), ddp.Addr{Net: m.nets.First + uint16(first), Node: uint8(node + 1)})
}

// Next is when Tick has something to do; zero if it has nothing.
func (m *Machine) Next() time.Time {
	next := m.at
	for _, p := range m.pending {
		if next.IsZero() || p.at.Before(next) {
			next = p.at
		}
	}
	return next
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) {
	if !m.at.IsZero() && !now.Before(m.at) {
		if m.probes == Probes {
			m.addr, m.at = m.candidate, time.Time{}
		} else {
			m.probes++
			m.at = now.Add(ProbeInterval)
			m.send(elap.Broadcast, Packet{Function: Probe, SrcHW: m.hw, Src: m.candidate, Dst: m.candidate})
		}
	}
	m.pending = slices.DeleteFunc(m.pending, func(p *pending) bool {
		switch {
		case now.Before(p.at):
		case p.tries == requestTries:
			m.Dropped += len(p.queued)
			return true
		default:
			m.ask(now, p)
		}
		return false
	})
}

// waiting is the index of an address in pending, or -1.
func (m *Machine) waiting(a ddp.Addr) int {
	return slices.IndexFunc(m.pending, func(p *pending) bool { return p.addr == a })
}

func (m *Machine) ask(now time.Time, p *pending) {
	p.tries++
	p.at = now.Add(requestInterval)
	m.send(elap.Broadcast, Packet{Function: Request, SrcHW: m.hw, Src: m.addr, Dst: p.addr})
}

func (m *Machine) send(to link.Hardware, p Packet) { m.out = append(m.out, Frame{Dst: to, Packet: p}) }

// Resolve is the hardware address of a station. If it is not known it is asked for, and a copy of the datagram waits.
func (m *Machine) Resolve(now time.Time, a ddp.Addr, datagram []byte) (hw link.Hardware, ok bool) {
	if e, ok := m.entries[a]; ok {
		if now.Before(e.until) {
			return e.hw, true
		}
		delete(m.entries, a)
	}
	i := m.waiting(a)
	switch {
	case m.addr.Node == 0, i < 0 && len(m.pending) == maxPending, i >= 0 && len(m.pending[i].queued) == maxQueued:
		m.Dropped++
		return hw, false
	case i < 0:
		i = len(m.pending)
		m.pending = append(m.pending, &pending{addr: a})
		m.ask(now, m.pending[i])
	}
	p := m.pending[i]
	p.queued = append(p.queued, append([]byte(nil), datagram...))
	return hw, false
}

// Handle handles a packet of another station. An answer to a request or a probe of its own address is among its frames; asked says
// that there is one.
func (m *Machine) Handle(now time.Time, p Packet) (asked bool) {
	if m.addr.Node == 0 {
		// While a node is probing it does not answer, and somebody else's probe of the same address wins as a response does.
		if m.probes > 0 && p.Src == m.candidate && p.SrcHW != m.hw && p.Function != Request {
			m.Taken++
			m.tried[m.candidate] = true
			m.another(now)
		}
		return false
	}
	if p.Function == Probe {
		delete(m.entries, p.Dst) // whoever had it has it no longer, or will say so; IA2 ch. 2
	}
	if p.Src == m.addr && p.Function != Probe {
		m.Conflicts++
		return false
	}
	if p.Function == Response {
		m.learn(now, p)
		return false
	}
	if p.Dst != m.addr {
		return false
	}
	if p.Function == Request && p.Src.Node != 0 && p.Src.Node <= ddp.LastExtended {
		m.note(now, p.Src, p.SrcHW)
	}
	m.send(p.SrcHW, Packet{Function: Response, SrcHW: m.hw, Src: m.addr, DstHW: p.SrcHW, Dst: p.Src})
	return true
}

// learn takes the answer to a request, and sends what waits for it.
func (m *Machine) learn(now time.Time, r Packet) {
	i := m.waiting(r.Src)
	if i < 0 {
		m.Unasked++
		return
	}
	p := m.pending[i]
	m.pending = slices.Delete(m.pending, i, i+1)
	m.note(now, r.Src, r.SrcHW)
	for _, d := range p.queued {
		m.out = append(m.out, Frame{Dst: r.SrcHW, Datagram: d})
	}
}

func (m *Machine) note(now time.Time, a ddp.Addr, hw link.Hardware) {
	if len(m.entries) >= maxEntries {
		maps.DeleteFunc(m.entries, func(_ ddp.Addr, e entry) bool { return !now.Before(e.until) })
	}
	if _, known := m.entries[a]; known || len(m.entries) < maxEntries {
		m.entries[a] = entry{hw, now.Add(entryTime)}
	}
}

// Drain returns what is to be sent since the last time, until the next call of any method.
func (m *Machine) Drain() []Frame {
	out := m.out
	m.out = m.out[:0]
	return out
}
