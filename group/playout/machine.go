package playout

import (
	"errors"
	"fmt"
	"time"
)

// Limits of a group.
const (
	MaxStreams = 64
	// Overhead is what a unit counts in a buffer beyond its octets.
	Overhead = 64
	// MinBuffer is the least Config.Buffer.
	MinBuffer = 4 << 10
	// MaxBuffer is the most.
	MaxBuffer = 1 << 30
	maxDelay  = time.Hour
)

// Config is what a group is to be like.
type Config struct {
	Rate    Rate          // of the streams' times
	Delay   time.Duration // from the first unit's coming to its being handed up, at most an hour
	MaxSkew time.Duration // how far a stream may be behind the clock, more than 0
	Buffer  int           // octets of each stream that may wait, with Overhead for each unit; from MinBuffer to MaxBuffer
	MaxGap  time.Duration // a stream that leaps by more is reported; 0 is a minute
	Policy  Policy        // nil is Skip
}

// Check tells what is wrong with a configuration.
func (c *Config) Check() error {
	if err := c.Rate.Check(); err != nil {
		return err
	}
	switch {
	case c.Delay < 0 || c.Delay > maxDelay:
		return fmt.Errorf("playout: delay %v is not from 0 to %v", c.Delay, maxDelay)
	case c.MaxSkew <= 0:
		return fmt.Errorf("playout: MaxSkew %v is not more than 0", c.MaxSkew)
	case c.Buffer < MinBuffer:
		return fmt.Errorf("playout: buffer of %d octets is less than %d", c.Buffer, MinBuffer)
	case c.Buffer > MaxBuffer:
		return fmt.Errorf("playout: buffer of %d octets exceeds %d", c.Buffer, MaxBuffer)
	case c.MaxGap < 0:
		return fmt.Errorf("playout: MaxGap %v is less than 0", c.MaxGap)
	}
	return nil
}

// What a stream did wrong.
var (
	// ErrBackward: a time is before one that the stream has been at.
	ErrBackward = errors.New("time goes backward")
	// ErrNegative: a time is 2^63 or more on the wire.
	ErrNegative = errors.New("time exceeds 2^63-1")
	// ErrSize: a unit is larger than the buffer.
	ErrSize = errors.New("the unit is larger than the buffer of its stream")
)

// Unit is what a stream's Send has sent.
type Unit struct {
	Stream int
	Time   int64
	Data   []byte // until the next Next
	First  bool   // of its stream since that joined, was resumed or resynchronized: some before it may be missing
	Seek   uint32 // how many Seeks there have been: times go back where it changes, and nowhere else
}

// Machine merges the streams of a group.
type Machine struct {
	cfg     Config
	clock   clock
	streams [MaxStreams]*stream // nil where there is none

	// Of each stream a bit, so that those that matter are found without looking at the others.
	queued  uint64 // has units that wait
	awaited uint64 // is waited for: it runs, and is in time or may yet be
	resting uint64 // is not waited for, and asked again later
	missing uint64 // is essential, and was lost: the policy alone looks at it

	heads [MaxStreams]int64 // the time of the first unit that waits
	seek  uint32
	floor int64 // no unit before it is handed up any more
	lent  struct {
		s    *stream
		data []byte
	}
	rebases int
	held    time.Duration // for how long the clock ran slower, in all
	asks    []Ask
	events  []Event
}

// Ask asks for a stream to be resynchronized. The answer is Resynced, Moved, Paused, Left or Missed.
type Ask struct {
	Stream int
	Time   int64 // where the stream is to go on
	Seek   bool  // because of a Seek
}

// New makes a machine with a configuration that Check finds nothing wrong with.
func New(cfg Config) *Machine {
	if cfg.MaxGap == 0 {
		cfg.MaxGap = time.Minute
	}
	if cfg.Policy == nil {
		cfg.Policy = Skip{}
	}
	return &Machine{cfg: cfg}
}

// Join gives a stream a place, from 0 to MaxStreams-1. One that has left, or was lost, is replaced.
func (m *Machine) Join(n int, essential bool) error {
	if n < 0 || n >= MaxStreams {
		return fmt.Errorf("stream %d: a group has %d, from 0 on", n, MaxStreams)
	}
	if s := m.streams[n]; s != nil {
		if s.state != gone {
			return fmt.Errorf("stream %d has a member already", n)
		}
		m.clear(s)
	}
	m.awaited &^= 1 << n
	m.missing &^= 1 << n
	m.streams[n] = &stream{n: n, essential: essential}
	m.event(Event{Kind: Joined, Stream: n})
	return nil
}

// Start takes the start or resumption of a stream's transmission at a time, with the sender's clock.
func (m *Machine) Start(now time.Duration, n int, t int64, clock time.Duration) error {
	s := m.streams[n]
	if t < 0 {
		return ErrNegative
	}
	if s.state == running { // the transmission before has ended in order
		return m.Mark(now, n, t, clock)
	}
	again := s.state == paused
	m.advance(now)
	s.goOn(m, t)
	if m.clock.running {
		m.leap(s, m.clock.pos)
	}
	s.drift.add(now, clock)
	s.marks++
	if again {
		m.event(Event{Kind: Resumed, Stream: n, Time: t})
	}
	if s.want.set {
		m.ask(now, s, m.wanted(s), true)
	}
	return nil
}

// Unit takes a unit that has come, whose data, which Buffer has lent, belong to the machine from then on.
func (m *Machine) Unit(now time.Duration, n int, t int64, data []byte) error {
	s := m.streams[n]
	if s.state != running { // it was sent before what the stream waits for
		s.spare(m, data)
		return nil
	}
	if err := s.follows(t); err != nil {
		return err
	}
	if len(data)+Overhead > m.cfg.Buffer {
		return ErrSize
	}
	m.advance(now)
	m.pass(now, s, t)
	m.unmarked(now, s)
	s.units++
	s.octets += int64(len(data))
	if t < m.floor || s.state != running || s.queue.n > 0 && t < s.queue.back().time { // the last of one that was resumed before where it was
		s.late++
		s.spare(m, data)
		return nil
	}
	if s.queue.n == 0 {
		m.heads[n] = t
		m.queued |= 1 << n
	}
	s.queue.push(entry{t, s.rel, data, s.first})
	s.first = false
	s.size += len(data) + Overhead
	m.begin(now)
	if s.size >= m.cfg.Buffer {
		m.tight(s)
	}
	return nil
}

// unmarked counts a unit since the last mark.
func (m *Machine) unmarked(now time.Duration, s *stream) {
	if s.unmarked++; s.unmarked == 1 {
		s.unmarkedAt = now
	} else if since := now - s.unmarkedAt; since > unmarkedAfter && !s.told.unmarked {
		s.told.unmarked = true
		m.event(Event{Kind: Unmarked, Stream: s.n, Time: s.mark, For: since})
	}
}

// unmarkedAfter is how long a stream may send units and no mark before that is reported.
const unmarkedAfter = 5 * time.Second

// Mark takes a mark: the stream sends nothing before its time any more. clock is the sender's, 0 if it is not known.
func (m *Machine) Mark(now time.Duration, n int, t int64, clock time.Duration) error {
	s := m.streams[n]
	if s.state != running {
		return nil
	}
	if err := s.follows(t); err != nil {
		return err
	}
	m.advance(now)
	m.pass(now, s, t)
	s.unmarked, s.told.unmarked = 0, false
	s.marks++
	s.drift.add(now, clock)
	return nil
}

// pass takes note of where a stream is.
func (m *Machine) pass(now time.Duration, s *stream, t int64) {
	from := s.rel
	s.mark, s.rel = t, m.rel(t)
	if m.clock.running {
		from = max(from, m.clock.pos)
	}
	m.leap(s, from)
	if s.fresh {
		m.judge(now, s)
	}
	if s.rel >= m.clock.pos {
		s.behind = 0
		m.resting &^= 1 << s.n
		m.awaited |= 1 << s.n
	}
}

// leap reports a stream that leaps ahead of where it was, or of the clock.
func (m *Machine) leap(s *stream, from time.Duration) {
	gap := plus(s.rel, -from)
	if gap > m.cfg.MaxGap && !s.told.ahead {
		m.event(Event{Kind: Ahead, Stream: s.n, Time: s.mark, For: gap})
	}
	s.told.ahead = gap > m.cfg.MaxGap
}

// Room tells whether a stream may bring another unit.
func (m *Machine) Room(n int) bool { return m.streams[n].size < m.cfg.Buffer }

// Buffer lends an empty buffer for a unit of a stream.
func (m *Machine) Buffer(n int) []byte { return m.streams[n].take() }

// Left takes the end of a stream: in order, or with what ended it. What has come of it is still handed up.
func (m *Machine) Left(now time.Duration, n int, err error) {
	s := m.streams[n]
	if s.state == gone {
		return
	}
	m.advance(now)
	kind := Left
	if err != nil {
		kind = Lost
	}
	m.event(Event{Kind: kind, Stream: n, Time: s.mark, Err: err})
	s.state, s.asked, s.want.set = gone, false, false
	m.resting &^= 1 << n
	if err != nil && s.essential && s.known {
		m.missing |= 1 << n
		m.awaited |= 1 << n
	} else {
		m.awaited &^= 1 << n
	}
	m.settle()
}

// Forget has the group no longer wait for an essential stream that was lost.
func (m *Machine) Forget(n int) {
	if s := m.streams[n]; s != nil && s.state == gone {
		m.missing &^= 1 << n
		m.awaited &^= 1 << n
		m.settle()
	}
}

// settle stops the clock when nothing is left for it to run for.
func (m *Machine) settle() {
	if m.queued != 0 {
		return
	}
	active, present := m.missing != 0, m.missing != 0
	for _, s := range &m.streams {
		if s == nil {
			continue
		}
		present = present || s.state != gone
		active = active || s.state == running || s.state == asking
	}
	if !active {
		m.clock.running, m.clock.pending = false, false
	}
	if !present && m.floor > 0 { // who comes next begins anew
		m.seek++
		m.floor = 0
	}
}

// Asks returns which streams are to be resynchronized, each once.
func (m *Machine) Asks() []Ask {
	a := m.asks
	m.asks = nil
	return a
}

// Events returns what has happened since.
func (m *Machine) Events() []Event {
	e := m.events
	m.events = nil
	return e
}

func (m *Machine) event(e Event) { m.events = append(m.events, e) }
