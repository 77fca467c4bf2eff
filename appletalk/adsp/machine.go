package adsp

import (
	"errors"
	"fmt"
	"time"
)

// Limits and times.
const (
	MaxWindow       = 65535
	DefaultWindow   = 32 << 10
	DefaultTries    = 5
	DefaultInterval = 2 * time.Second
	ProbeTime       = 30 * time.Second            // of silence, before the other end is probed
	Probes          = 4                           // so many times, and then it is gone
	lingerTime      = 2*ProbeTime + 5*time.Second // for which a closed end says so to whoever has not heard of it: until it has been probed twice
)

// State is what an end of a connection is doing.
//
//	       Open                 request+ack                 Close            all is acknowledged
//	(new) ─────▶ Opening ─────────────────────▶ Established ─────▶ Flushing ─────────────────────▶ Closed
//	   │ Accept     │ request: both have called      ▲       close advice, Abort, silence: Closed
//	   └────────▶ Accepting ─────────────────────────┘
//	                          ack
type State uint8

// The states.
const (
	Opening     State = iota // it has asked
	Accepting                // it was asked and has answered: what comes is not taken yet
	Established              // or open, in the book's words
	Flushing                 // Close was called, and not all is acknowledged
	Closed
)

var stateNames = [...]string{"opening", "accepting", "established", "flushing", "closed"}

func (s State) String() string { return stateNames[s] }

// What ends a connection, or an opening.
var (
	ErrDenied   = errors.New("adsp: open: denied by the other end")
	ErrNoAnswer = errors.New("adsp: open: no answer")
	ErrSilent   = errors.New("adsp: the other end has said nothing for two minutes")
	ErrPeer     = errors.New("adsp: closed by the other end")
	ErrClosed   = errors.New("adsp: the connection is closed")
)

// Config is what an end of a connection is to be like. The zero value is a good one.
type Config struct {
	Window   int           // octets that are taken before they are read, and that are kept until they are acknowledged; 0 is DefaultWindow
	Interval time.Duration // between the tries to open; 0 is DefaultInterval
	Tries    int           // to open; 0 is DefaultTries
}

// Check tells what is wrong with a configuration.
func (c *Config) Check() error {
	switch {
	case c.Window < 0 || c.Window > MaxWindow:
		return fmt.Errorf("adsp: window: %d is not from 1 to %d", c.Window, MaxWindow)
	case c.Interval < 0:
		return fmt.Errorf("adsp: interval: %v is less than 0", c.Interval)
	case c.Tries < 0:
		return fmt.Errorf("adsp: tries: %d are less than 0", c.Tries)
	}
	return nil
}

// Machine is one end of a connection. Its methods never wait, and are called by one goroutine at a time.
//
//	commands   Open Accept Write Read Attention TakeAttention ForwardReset TakeReset Close Abort
//	handlers   Handle Tick
//	getters    State Err Room Readable Next Flushed
//	outputs    Drain
//
// Each pair of ends has numbered all octets from 0; Inside AppleTalk's names for the numbers are at the fields.
type Machine struct {
	Stray int // packets that were not of this connection, or said what cannot be

	cfg    Config
	id     uint16 // LocConnID
	remote uint16 // RemConnID
	state  State
	err    error // of Closed
	tries  int
	openAt time.Time // when the opening is tried again

	in  input
	out output
	message
	reset

	heard  time.Time // when the other end was last heard of, or probed
	probes int
	until  time.Time // Closed: for how long it says so

	packets []Packet
	data    []byte // of packets
}

// New makes an end with its connection identifier, which is not 0.
func New(cfg Config, id uint16) *Machine {
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	if cfg.Interval == 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Tries == 0 {
		cfg.Tries = DefaultTries
	}
	m := &Machine{cfg: cfg, id: id}
	m.out.pace.init()
	return m
}

// ID is the end's connection identifier, and Remote the other's, or 0 while it is not known.
func (m *Machine) ID() uint16     { return m.id }
func (m *Machine) Remote() uint16 { return m.remote }

// State is what the end is doing.
func (m *Machine) State() State { return m.state }

// Err is what has ended the connection: nil while it lives, and ErrClosed after Close.
func (m *Machine) Err() error { return m.err }

// Open asks the other end for a connection. IA2 ch. 12
func (m *Machine) Open(now time.Time) {
	m.state, m.tries, m.heard = Opening, m.cfg.Tries, now
	m.ask(now)
}

// Accept takes an open request, which has come to a listener or to this end.
func (m *Machine) Accept(now time.Time, p Packet) {
	m.state, m.tries, m.heard = Accepting, m.cfg.Tries, now
	m.learn(p)
	m.ask(now)
}

// ask sends what opens the connection, for the first time or again.
func (m *Machine) ask(now time.Time) {
	m.tries--
	m.openAt = now.Add(m.cfg.Interval)
	if m.state == Opening {
		m.control(OpenRequest)
	} else {
		m.control(OpenRequestAck)
	}
}

// learn takes what the other end says of itself.
func (m *Machine) learn(p Packet) {
	m.remote = p.ConnID
	m.in.next, m.in.read = p.First, p.First
	o := &m.out
	o.first, o.next, o.sent, o.last = p.Next, p.Next, p.Next, p.Next
	o.limit = p.Next + uint32(p.Window)
	m.number = p.Open.Message
}

// Matches tells whether a packet from the address of the other end is of this connection.
func (m *Machine) Matches(p Packet) bool {
	if p.Control && !p.Attention && p.Code.opens() && p.Code != OpenRequest {
		return p.Open.Dst == m.id && (m.remote == 0 || p.ConnID == 0 || p.ConnID == m.remote)
	}
	// Who has called, and has heard nothing yet, is called by the same.
	return p.ConnID == m.remote || m.state == Opening && p.Code == OpenRequest && p.Control
}

// Handle takes a packet of the other end. Its data are copied.
func (m *Machine) Handle(now time.Time, p Packet) {
	if !m.Matches(p) {
		m.Stray++
		return
	}
	m.heard, m.probes = now, 0
	switch {
	case m.state == Closed:
		m.farewell(p)
	case p.Attention:
		m.attention(now, p)
	case p.Control && p.Code.opens():
		m.opening(now, p)
	case m.state < Established:
		m.Stray++ // data count when the connection is open
	case p.Control:
		m.controlled(now, p)
	default:
		m.acknowledged(now, p)
		m.taken(p)
		if p.AckRequest {
			m.in.owed = true
		}
		m.push(now)
	}
}

// opening takes what opens a connection, or denies it.
func (m *Machine) opening(now time.Time, p Packet) {
	switch {
	case p.Code == OpenDenial:
		if m.state == Opening || m.state == Accepting {
			m.close(now, ErrDenied)
		}
	case p.Open.Version != Version:
		m.Stray++
	case m.state >= Established:
		// If the packet's first number is what this end expects the other has not heard that the connection is open.
		if p.Code == OpenAck || p.First != m.in.next {
			return
		}
		if p.Code == OpenRequest {
			m.control(OpenRequestAck)
		} else {
			m.control(OpenAck)
		}
		m.out.rewind()
		m.push(now)
	case p.Code == OpenRequest && m.state == Opening: // both have called
		m.state = Accepting
		m.learn(p)
		m.control(OpenAck)
	case p.Code == OpenRequest:
		m.control(OpenRequestAck)
	case p.Code == OpenRequestAck:
		if m.state == Opening {
			m.learn(p)
		}
		m.control(OpenAck)
		m.established(now)
	case m.state == Accepting:
		m.established(now)
	}
}

func (m *Machine) established(now time.Time) {
	m.state, m.openAt = Established, time.Time{}
	m.push(now)
}

// controlled takes a control packet that opens nothing.
func (m *Machine) controlled(now time.Time, p Packet) {
	switch p.Code {
	case ForwardReset:
		m.resetBy(p)
		return
	case ForwardResetAck:
		m.resetDone(now, p)
		return
	}
	m.acknowledged(now, p)
	switch p.Code {
	case CloseAdvice:
		// Out of sequence it does not count: what is missing comes again, and the advice with the next packet that says so.
		if p.First == m.in.next {
			m.close(now, ErrPeer)
			return
		}
		m.in.owed = true
	case RetransmitAdvice:
		m.out.lost(now)
		m.out.rewind()
	}
	if p.AckRequest {
		m.in.owed = true
	}
	m.push(now)
}

// Close ends the connection when all that was written has been acknowledged. What was not read may still be read.
func (m *Machine) Close(now time.Time) {
	switch m.state {
	case Established:
		m.state = Flushing
		m.push(now)
	case Opening, Accepting:
		m.Abort(now)
	}
}

// Abort ends the connection at once.
func (m *Machine) Abort(now time.Time) {
	if m.state == Closed {
		return
	}
	if m.remote != 0 {
		m.control(CloseAdvice)
	}
	m.close(now, ErrClosed)
}

func (m *Machine) close(now time.Time, err error) {
	m.state, m.err = Closed, err
	if err == ErrClosed {
		m.until = now.Add(lingerTime)
	}
	m.out.clear()
	m.openAt, m.reset.at, m.message.at = time.Time{}, time.Time{}, time.Time{}
}

// farewell tells an end that has not heard of it that the connection is closed.
func (m *Machine) farewell(p Packet) {
	if !m.until.IsZero() && !(p.Control && p.Code == CloseAdvice) {
		m.control(CloseAdvice)
	}
}

// Over tells that nothing of the connection needs to be remembered any more.
func (m *Machine) Over() bool { return m.state == Closed && m.until.IsZero() }

// control sends a control packet.
func (m *Machine) control(c Code) {
	p := Packet{ConnID: m.id, First: m.out.sent, Next: m.in.next, Window: m.window(), Control: true, Code: c}
	if c.opens() {
		p.Open = Open{Version, m.remote, m.taking}
		if c == OpenRequest {
			p.Open.Dst = 0
		}
	}
	m.packets = append(m.packets, p)
}

// Deny is the answer to a request that is not accepted.
func Deny(p Packet) Packet {
	return Packet{Control: true, Code: OpenDenial, Open: Open{Version: Version, Dst: p.ConnID}}
}

// Next is when Tick has something to do; zero if it has nothing.
func (m *Machine) Next() (next time.Time) {
	earliest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if m.state == Closed {
		return m.until
	}
	earliest(m.openAt)
	earliest(m.out.at)
	earliest(m.message.at)
	earliest(m.reset.at)
	if m.state >= Established {
		earliest(m.heard.Add(ProbeTime))
	}
	return next
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) {
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	if due(m.openAt) {
		if m.tries == 0 {
			m.close(now, ErrNoAnswer)
			return
		}
		m.ask(now)
	}
	switch {
	case m.state == Closed && due(m.until):
		m.until = time.Time{}
	case m.state == Established, m.state == Flushing:
		m.tend(now, due)
	}
}

// tend is Tick of an open connection.
func (m *Machine) tend(now time.Time, due func(time.Time) bool) {
	if due(m.heard.Add(ProbeTime)) {
		if m.probes++; m.probes == Probes {
			m.close(now, ErrSilent)
			return
		}
		m.heard = now
		m.probe()
		m.rest()
	}
	if due(m.out.at) {
		m.expired(now)
	}
	if due(m.message.at) {
		m.tell(now)
	}
	if due(m.reset.at) {
		m.again(now)
	}
}

// rest has a connection on which nothing happens hold no buffers.
func (m *Machine) rest() {
	if in := &m.in; in.read == in.next && len(in.spans) == 0 {
		in.free()
	}
	if m.out.first == m.out.last {
		m.out.free()
	}
}

// probe asks the other end for an acknowledgment.
func (m *Machine) probe() {
	m.control(Ack)
	m.packets[len(m.packets)-1].AckRequest = true
}

// Drain returns what is to be sent since the last time, until the next call of any method.
func (m *Machine) Drain() []Packet {
	if m.in.owed {
		m.in.owed = false
		m.control(Ack)
	}
	packets := m.packets
	m.packets, m.data = m.packets[:0], m.data[:0]
	return packets
}
