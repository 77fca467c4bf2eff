package playout

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	forever = time.Duration(math.MaxInt64)
	// horizon is how far positions are apart from base at most, so that no difference of them is too large.
	horizon = forever / 4
)

// clock is the group's. Its positions are durations since base.
type clock struct {
	running bool
	pending bool          // it starts to run
	starts  time.Duration // then, on the receiver's clock
	based   bool          // base is known
	base    int64         // a time of the streams
	set     time.Duration // when pos was, on the receiver's clock
	pos     time.Duration
	pace    float64
}

// at is the position now.
func (c *clock) at(now time.Duration) time.Duration {
	d := now - c.set
	switch {
	case !c.running || d <= 0 || c.pace <= 0:
		return c.pos
	case c.pace == 1:
		return plus(c.pos, d)
	}
	return plus(c.pos, time.Duration(float64(d)*c.pace))
}

// rel is where a time is on the clock.
func (m *Machine) rel(t int64) time.Duration {
	if !m.clock.based {
		m.clock.based, m.clock.base = true, t
	}
	return min(max(m.cfg.Rate.Duration(between(m.clock.base, t)), -horizon), horizon)
}

// timeAt is the time of a position, never before 0.
func (m *Machine) timeAt(pos time.Duration) int64 {
	return after(m.clock.base, m.cfg.Rate.Units(pos))
}

// advance moves the clock.
func (m *Machine) advance(now time.Duration) {
	c := &m.clock
	if c.running && now > c.set && c.pace < 1 {
		m.held += time.Duration(float64(now-c.set) * (1 - c.pace))
	}
	c.pos = c.at(now)
	c.set = max(c.set, now)
}

// begin has the clock start, Delay after the first unit.
func (m *Machine) begin(now time.Duration) {
	if !m.clock.running && !m.clock.pending {
		m.clock.pending, m.clock.starts = true, now+m.cfg.Delay
	}
}

// start has it run: from the earliest unit that waits, of those that are not far from what most streams have.
func (m *Machine) start(now time.Duration) {
	c := &m.clock
	c.pending = false
	if m.queued == 0 {
		return // what there was has been cleared
	}
	var rels [MaxStreams]time.Duration
	n := 0
	for b := m.queued; b != 0; b &= b - 1 {
		rels[n] = m.streams[bits.TrailingZeros64(b)].queue.front().rel
		n++
	}
	all := rels[:n]
	slices.Sort(all)
	middle := all[(n-1)/2]
	for _, r := range all {
		if middle-r <= m.cfg.MaxGap {
			c.pos = r
			break
		}
	}
	c.running, c.pace = true, 1
	c.set = min(now, c.starts)
	m.advance(now)
}

// step moves the machine on to now.
func (m *Machine) step(now time.Duration) {
	m.advance(now)
	if m.clock.pending && now >= m.clock.starts {
		m.start(now)
	}
	if m.resting != 0 {
		m.rouse(now)
	}
	if !m.clock.running {
		return
	}
	pace := 1.0
	for b := m.awaited; b != 0; b &= b - 1 {
		s := m.streams[bits.TrailingZeros64(b)]
		d := m.clock.pos - s.rel
		if d <= 0 {
			s.behind = 0
			continue
		}
		pace = min(pace, m.lag(now, s, d))
	}
	m.clock.pace = min(max(pace, 0), 1)
}

// lag looks after a stream that is behind by d, and returns how fast the clock may run for its sake.
func (m *Machine) lag(now time.Duration, s *stream, d time.Duration) float64 {
	if s.behind == 0 {
		s.laggedAt = now
	}
	s.behind = d
	s.worst = max(s.worst, d)
	lost := m.missing&(1<<s.n) != 0
	if d > m.cfg.MaxSkew && !lost {
		m.late(now, s)
		return 1
	}
	return m.cfg.Policy.Pace(Lag{s.n, s.essential, lost, d, now - s.laggedAt, m.cfg.MaxSkew})
}

// tight reports a buffer that is full with less than the playout delay.
func (m *Machine) tight(s *stream) {
	from := s.queue.front().rel
	if m.clock.running {
		from = m.clock.pos
	}
	if span := s.queue.back().rel - from; span < m.cfg.Delay && !s.told.tight {
		s.told.tight = true
		m.event(Event{Kind: Tight, Stream: s.n, Time: s.mark, For: max(span, 0)})
	}
}
