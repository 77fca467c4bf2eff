// Package nsp is the Network Services Protocol of DECnet Phase IV, version 4.0: logical links between two nodes, each with a subchannel
// for data, in messages of any length, and one for interrupts of up to 16 octets. It has the messages, and a machine for all links
// of a node.
//
//	m := nsp.New(nsp.Config{}, seed)
//	p := m.Connect(now, to, connectData, nsp.Options{}) // to be released by Release
//	for packet, ok := m.Next(now); ok; packet, ok = m.Next(now) { … }
//	m.Receive(now, from, false, message)
//	for p, e, ok := m.NextEvent(); ok; p, e, ok = m.NextEvent() { … }
//
// The machine is plain data. It keeps the octets that it has to send again, and those that nobody has read.
//
// The text of the specification was not at hand: what is done follows public implementations and their messages on the wire, which
// comments cite as (decnet 2.5), a section of the fact sheet; docs/conformance/decnet.txt says what was decided where these differ.
//
// # Limitations
//
// NSP 3.1 (Phase II) is not spoken: a connect initiate of it is answered with "no resources". A negative acknowledgement is understood and
// never sent.
package nsp

import (
	"math/bits"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// Config bounds what a machine holds, and says how patient it is. A zero field has the value that its comment gives.
type Config struct {
	Links         int           // at a time: 4095
	Pending       int           // of those, the ones from elsewhere that are not accepted yet: 256
	Window        int           // segments under way on a link, at most 2047: 128
	SendBuffer    int           // octets of a link that are not acknowledged: 128 KiB
	ReceiveBuffer int           // octets of a link that nobody has read, before its sender is stopped: 128 KiB
	Retransmits   int           // how often a message is sent before its link is given up: 5, which takes 25 s or more
	Weight        int           // of the round trip so far against a new one: 3
	Factor        float64       // of the round trip, to wait for an acknowledgement: 2
	FirstTimeout  time.Duration // while no round trip to a node is known: 2 s
	MinTimeout    time.Duration // 1 s
	MaxTimeout    time.Duration // 10 s
	AckDelay      time.Duration // for which an acknowledgement that may be delayed waits for company: 20 ms
	Inactivity    time.Duration // after which a silent peer is asked: 60 s
	PlainRetry    bool          // connect initiate is sent again as what it is, for peers that do not know RCI (decnet 2.8)
}

func (c Config) withDefaults() Config {
	orInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	orInt(&c.Links, 4095)
	orInt(&c.Pending, 256)
	orInt(&c.Window, 128)
	orInt(&c.SendBuffer, 128<<10)
	orInt(&c.ReceiveBuffer, 128<<10)
	orInt(&c.Retransmits, 5)
	orInt(&c.Weight, 3)
	orTime(&c.FirstTimeout, 2*time.Second)
	orTime(&c.MinTimeout, time.Second)
	orTime(&c.MaxTimeout, 10*time.Second)
	orTime(&c.AckDelay, 20*time.Millisecond)
	orTime(&c.Inactivity, time.Minute)
	if c.Factor <= 0 {
		c.Factor = 2
	}
	c.Links = min(c.Links, maxLinks)
	c.Window = min(c.Window, numbers/2-1)
	return c
}

const (
	maxLinks = 32767 // so that an address that was in use is not given away again at once
	maxNodes = 1024  // of which the round trip is remembered
	maxStray = 64    // answers to messages that belong to no link
)

// DefaultSegSize is the segment size that fits in a block of 576 octets with a short routing header and two acknowledgements.
const DefaultSegSize = 576 - 6 - MaxHeader

// Options are what one end wants of a link.
type Options struct {
	SegSize int         // octets of user data in a segment, sent or received; 0 is DefaultSegSize
	Flow    FlowControl // how this end wants to be fed
	Info    Info        // the version said to the peer; the zero Info, which is that of Phase III, is Info40
}

func (o Options) withDefaults() Options {
	if o.SegSize <= 0 {
		o.SegSize = DefaultSegSize
	}
	o.SegSize = min(o.SegSize, 65535)
	if o.Info == 0 {
		o.Info = Info40
	}
	return o
}

// Counters count what a machine has met.
type Counters struct {
	Received, Sent       uint64 // messages
	Malformed            uint64 // messages that were none
	Unexpected           uint64 // messages that had no place, and were dropped
	Strays               uint64 // messages for no link, answered
	Duplicates           uint64 // segments that came again
	Early                uint64 // segments that came before their turn
	Overruns             uint64 // segments for which there was no room
	Retransmissions      uint64
	NoResources          uint64 // connect initiates turned away for want of room
	GaveUp               uint64 // links ended because nothing was acknowledged
	FlowViolations       uint64 // of the peer, against what was granted
	BadAcks              uint64 // acknowledgements of what was not sent
	Connects, Connectors uint64 // links asked for by peers, and here
}

// Machine has all links of a node.
//
//	getters    Port fields, Ports, NextTimeout, Readable, Room
//	commands   Connect Accept Reject Disconnect Abort Release Write Interrupt Read ReadInterrupt SetTimer
//	handlers   Receive Tick Resume
//	outputs    Next NextEvent
//
// A machine has no lock and no clock: one caller at a time, and the time comes in.
type Machine struct {
	cfg      Config
	Counters Counters

	ports   map[uint16]*Port // by local address
	remotes map[remote]*Port // those whose remote address is known
	pending int              // in state CR
	shift   int              // bits of an address that say which place it has
	fresh   int              // places that have not been used yet
	salt    uint16
	free    ring[uint16] // addresses to be used next, when no place is fresh

	nodes   map[decnet.Addr]*roundTrip
	stray   []stray
	ready   []*Port // with something to send
	head    int     // of ready
	timers  timers
	changed []*Port // with events
	scratch []byte
}

// remote is what a peer knows a link by.
type remote struct {
	node decnet.Addr
	addr uint16
}

// stray is an answer to a message that belongs to no link.
type stray struct {
	to decnet.Addr
	m  Message
}

// New makes a machine without links. The seed decides with which address the first one begins.
func New(cfg Config, seed uint64) *Machine {
	m := &Machine{cfg: cfg.withDefaults(), ports: map[uint16]*Port{}, remotes: map[remote]*Port{}, nodes: map[decnet.Addr]*roundTrip{}}
	m.shift = bits.Len(uint(m.cfg.Links))
	m.salt = uint16(seed) << m.shift
	return m
}

// Config returns the configuration with its defaults.
func (m *Machine) Config() Config { return m.cfg }

// Ports is the number of links that are not released.
func (m *Machine) Ports() int { return len(m.ports) }

// allocate finds a link address that has not been in use for long; ok is false if all are in use.
func (m *Machine) allocate() (addr uint16, ok bool) {
	switch {
	case len(m.ports) >= m.cfg.Links:
		return 0, false
	case m.fresh < m.cfg.Links:
		m.fresh++
		return m.salt | uint16(m.fresh), true
	}
	return m.free.pop() + 1<<m.shift, true // the same place, another address
}

func (m *Machine) newPort(node decnet.Addr) *Port {
	addr, ok := m.allocate()
	if !ok {
		return nil
	}
	p := &Port{Local: addr, Node: node}
	p.data.init(m.cfg.Window)
	p.other.init()
	p.in.next, p.in.interruptRoom = 1, 1
	p.otherIn.next = 1
	p.interruptCredit = 1
	m.ports[addr] = p
	return p
}

// know notes the peer's address of a link.
func (m *Machine) know(p *Port, addr uint16) {
	if p.Remote == 0 {
		p.Remote = addr
		m.remotes[remote{p.Node, addr}] = p
	}
}

// Connect asks for a link to a node; data is what session control says. It returns nil if there are as many links as there may be.
func (m *Machine) Connect(now time.Time, to decnet.Addr, data []byte, o Options) *Port {
	p := m.newPort(to)
	if p == nil {
		return nil
	}
	m.Counters.Connectors++
	p.opts = o.withDefaults()
	p.connectData = append([]byte(nil), data...)
	m.setState(p, StateCI)
	m.say(p)
	return p
}

// Accept accepts a link in state CR, with at most MaxConnectData octets of data.
func (m *Machine) Accept(now time.Time, p *Port, data []byte, o Options) {
	if p.State != StateCR || len(data) > MaxConnectData {
		panic("BUG: nsp: Accept while " + p.State.String())
	}
	o = o.withDefaults()
	if p.opts = o; p.PeerInfo == Info32 {
		p.opts.Info = Info40 // said as it is: the peer knows that 4.0 speaks 3.2 with it
	}
	p.SegSize = min(p.SegSize, p.opts.SegSize)
	p.connectData = append([]byte(nil), data...)
	m.setState(p, StateCC)
	m.say(p)
}

// Reject refuses a link in state CR.
func (m *Machine) Reject(now time.Time, p *Port, reason uint16, data []byte) {
	if p.State != StateCR {
		panic("BUG: nsp: Reject while " + p.State.String())
	}
	m.disconnect(p, StateDR, reason, data)
}

// Disconnect ends a link when all that was written has been acknowledged. Nothing more can be written.
func (m *Machine) Disconnect(now time.Time, p *Port, reason uint16, data []byte) {
	if p.State != StateRUN && p.State != StateCC || p.Closing {
		panic("BUG: nsp: Disconnect while " + p.State.String())
	}
	p.Closing, p.closeReason, p.connectData = true, reason, append([]byte(nil), data...)
	m.flushed(p)
}

// Abort ends a link at once; what was not acknowledged is dropped.
func (m *Machine) Abort(now time.Time, p *Port, reason uint16, data []byte) {
	if p.State != StateRUN && p.State != StateCC {
		panic("BUG: nsp: Abort while " + p.State.String())
	}
	m.disconnect(p, StateDI, reason, data)
}

func (m *Machine) disconnect(p *Port, to State, reason uint16, data []byte) {
	if len(data) > MaxConnectData {
		panic("BUG: nsp: data of a disconnect")
	}
	p.closeReason, p.connectData = reason, append([]byte(nil), data...)
	m.setState(p, to)
	m.say(p)
}

// flushed begins the disconnect that waited for the last acknowledgement.
func (m *Machine) flushed(p *Port) {
	if p.Closing && p.State == StateRUN && p.data.empty() && !p.other.interrupts() {
		m.disconnect(p, StateDI, p.closeReason, p.connectData)
	}
}

// Release forgets a link, in any state; its peer is told nothing.
func (m *Machine) Release(p *Port) {
	if p.State == StateCL {
		return
	}
	m.setState(p, StateCL)
	delete(m.ports, p.Local)
	if p.Remote != 0 {
		delete(m.remotes, remote{p.Node, p.Remote})
	}
	m.free.push(p.Local)
	m.timers.remove(p)
	p.data, p.in, p.other = dataSender{}, receiver{}, otherSender{}
}

// SetTimer makes an EventTimer come at a time; the zero time is none. It replaces the one that was set.
func (m *Machine) SetTimer(p *Port, at time.Time) {
	p.timer = at
	m.schedule(p)
}
