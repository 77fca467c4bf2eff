package playout

import "time"

// A state is what a stream is doing:
//
//	        Start            ask               Resynced, Moved
//	silent ─────▶ running ──────────▶ asking ──────────────────▶ running
//	                 ▲  │ Paused ◀──────┘ Paused
//	           Start │  ▼                                  all: Left ─▶ gone
//	               paused
type state uint8

const (
	silent  state = iota // it has joined, and not begun
	running              // units come
	asking               // it has been asked to go on elsewhere: what comes until it does is void
	paused               // the sender has interrupted it
	gone                 // it has left, or was lost
)

type entry struct {
	time  int64
	rel   time.Duration // time on the clock
	data  []byte
	first bool
}

// stream is what is known of one.
type stream struct {
	n         int
	essential bool
	state     state

	known bool // mark is
	mark  int64
	rel   time.Duration // mark on the clock
	first bool          // the next unit is the first since the stream went on
	queue queue
	size  int // octets of queue, with Overhead
	spares
	drift drift

	// Resynchronization, see resync.go.
	asked    bool          // a request is out
	askedAt  time.Duration // when, on the receiver's clock
	target   int64         // where it is to go on
	seeks    bool          // because of a Seek
	since    time.Duration // the first request since the stream was in step
	ailing   bool          // it has not been in step since
	fresh    bool          // it was answered, and nothing has come since
	inTime   bool          // the answer was, before the clock came to its time
	failures int
	retry    time.Duration // when one that rests is asked again
	rtt      time.Duration // the least time that a request takes, as far as is known; 0 is not known
	want     struct {
		set  bool
		time int64
	}
	behind     time.Duration // when last looked at
	laggedAt   time.Duration // since when it is behind
	unmarked   int           // units since the last mark
	worst      time.Duration
	told       struct{ ahead, unmarked, tight bool }
	unmarkedAt time.Duration

	units, octets, late, passed, marks, skipped, resyncs int64
}

// follows tells whether a time may follow what came before.
func (s *stream) follows(t int64) error {
	switch {
	case t < 0:
		return ErrNegative
	case t < s.mark:
		return ErrBackward
	}
	return nil
}

// goOn has a stream run from a time on.
func (s *stream) goOn(m *Machine, t int64) {
	s.state, s.known, s.asked = running, true, false
	s.mark, s.rel = t, m.rel(t)
	s.first, s.behind, s.unmarked = true, 0, 0
	m.awaited |= 1 << s.n
	m.resting &^= 1 << s.n
}

// clear drops what waits.
func (m *Machine) clear(s *stream) {
	for s.queue.n > 0 {
		data := s.queue.pop().data
		s.size -= len(data) + Overhead
		s.spare(m, data)
	}
	m.queued &^= 1 << s.n
}

// maxSpares is how many buffers of a stream are kept for its next units. With what waits they have no more octets than Config.Buffer.
const maxSpares = 32

// spares are those buffers.
type spares struct {
	free [][]byte
	kept int // octets
}

func (p *spares) take() []byte {
	k := len(p.free) - 1
	if k < 0 {
		return nil
	}
	b := p.free[k]
	p.free[k] = nil
	p.free = p.free[:k]
	p.kept -= cap(b)
	return b[:0]
}

// spare keeps a buffer, if that is worth it.
func (s *stream) spare(m *Machine, b []byte) {
	if cap(b) > 0 && len(s.free) < maxSpares && s.size+s.kept+cap(b) <= m.cfg.Buffer {
		s.free = append(s.free, b)
		s.kept += cap(b)
	}
}

// queue is a ring.
type queue struct {
	ring []entry // a power of two
	at   int
	n    int
}

func (q *queue) front() *entry { return &q.ring[q.at] }

func (q *queue) back() *entry { return &q.ring[(q.at+q.n-1)&(len(q.ring)-1)] }

func (q *queue) push(e entry) {
	if q.n == len(q.ring) {
		grown := make([]entry, max(16, 2*q.n))
		for i := range q.n {
			grown[i] = q.ring[(q.at+i)&(len(q.ring)-1)]
		}
		q.ring, q.at = grown, 0
	}
	q.ring[(q.at+q.n)&(len(q.ring)-1)] = e
	q.n++
}

func (q *queue) pop() entry {
	e := q.ring[q.at]
	q.ring[q.at] = entry{}
	q.at = (q.at + 1) & (len(q.ring) - 1)
	q.n--
	return e
}
