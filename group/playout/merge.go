package playout

import (
	"math/bits"
	"time"
)

// Next returns the next unit if one is due. It is the one call that moves the machine on: without it nothing is asked for.
func (m *Machine) Next(now time.Duration) (Unit, bool) {
	m.reclaim()
	m.step(now)
	n, ok := m.first()
	if !ok || m.wait(n) > 0 {
		return Unit{}, false
	}
	s := m.streams[n]
	e := s.queue.pop()
	s.size -= len(e.data) + Overhead
	s.passed++
	m.floor = e.time
	u := Unit{n, e.time, e.data, e.first, m.seek}
	m.lent.s, m.lent.data = s, e.data
	if s.queue.n > 0 {
		m.heads[n] = s.queue.front().time
		return u, true
	}
	m.queued &^= 1 << n
	if s.state != running {
		m.settle()
	}
	return u, true
}

// reclaim takes back the buffer of the unit that was handed up last.
func (m *Machine) reclaim() {
	if m.lent.s != nil {
		m.lent.s.spare(m, m.lent.data)
		m.lent.s, m.lent.data = nil, nil
	}
}

// first is the stream with the earliest unit, the one with the lowest number of those.
func (m *Machine) first() (n int, ok bool) {
	n = -1
	for b := m.queued; b != 0; b &= b - 1 {
		if k := bits.TrailingZeros64(b); n < 0 || m.heads[k] < m.heads[n] {
			n = k
		}
	}
	return n, n >= 0
}

// wait is how far the clock has to go until a stream's first unit can be handed up.
func (m *Machine) wait(n int) time.Duration {
	if !m.clock.running {
		return forever
	}
	e := m.streams[n].queue.front()
	if d := e.rel - m.clock.pos; d > 0 {
		return d
	}
	if m.seenTo(e.time) {
		return 0
	}
	return max(0, plus(e.rel, m.cfg.MaxSkew)-m.clock.pos)
}

// seenTo tells whether no stream that is waited for can bring a unit before t.
func (m *Machine) seenTo(t int64) bool {
	for b := m.awaited &^ m.queued &^ m.missing; b != 0; b &= b - 1 {
		if m.streams[bits.TrailingZeros64(b)].mark < t {
			return false
		}
	}
	return true
}

// Look tells when Next is to be called again if nothing comes: at once if that is not after now.
func (m *Machine) Look(now time.Duration) time.Duration {
	until := time.Duration(forever)
	for b := m.resting; b != 0; b &= b - 1 {
		until = min(until, max(m.streams[bits.TrailingZeros64(b)].retry, now+time.Millisecond))
	}
	switch {
	case m.clock.pending:
		return min(until, m.clock.starts)
	case !m.clock.running:
		return until
	}
	at := m.clock.at(now)
	if n, ok := m.first(); ok {
		until = min(until, m.reaches(now, plus(m.clock.pos, m.wait(n))-at))
	}
	for b := m.awaited &^ m.queued; b != 0; b &= b - 1 {
		d := at - m.streams[bits.TrailingZeros64(b)].rel
		if d <= 0 {
			until = min(until, m.reaches(now, 1-d))
			continue
		}
		until = min(until, now+m.tick())
		if d <= m.cfg.MaxSkew {
			until = min(until, m.reaches(now, m.cfg.MaxSkew-d+1))
		}
	}
	return until
}

// tick is how often a stream that is behind is looked at.
func (m *Machine) tick() time.Duration {
	return min(max(m.cfg.MaxSkew/8, time.Millisecond), 50*time.Millisecond)
}

// reaches is when the clock will have gone on by d.
func (m *Machine) reaches(now, d time.Duration) time.Duration {
	switch {
	case d <= 0:
		return now
	case m.clock.pace <= 0:
		return forever
	case m.clock.pace != 1 && d < forever/1e3:
		d = time.Duration(float64(d)/m.clock.pace) + 1
	}
	return plus(now, d)
}
