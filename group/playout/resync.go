package playout

import (
	"math/bits"
	"time"
)

const (
	// leadLeast is how far ahead of the clock a stream is asked to go on at least.
	leadLeast = 50 * time.Millisecond
	leadMost  = 4 * time.Second
	// maxFailures is how often a stream may be late at once after it was asked, before it counts as one that can be no earlier.
	maxFailures = 4
	restLeast   = 250 * time.Millisecond
	restLate    = 500 * time.Millisecond // at most, for one that is late: its path may be well again
	restMost    = 8 * time.Second        // at most, for one that sends nothing
)

// late has a stream that is more than MaxSkew behind go on later.
func (m *Machine) late(now time.Duration, s *stream) {
	if s.fresh { // it was asked, and has sent nothing since: not too often
		m.rest(now, s, restMost)
		return
	}
	m.ask(now, s, m.timeAt(plus(m.clock.pos, m.lead(s))), false)
}

// lead is how far ahead of the clock a stream is asked to go on: so far that its sender hears of it and what it sends comes in time.
func (m *Machine) lead(s *stream) time.Duration {
	l := m.leadLeast()
	if s.rtt > 0 {
		l = max(s.rtt+s.rtt/4, leadLeast/2)
	}
	return min(l, leadMost)
}

// wanted is where a stream is to go on that could not be asked when there was a Seek: the others may have gone on.
func (m *Machine) wanted(s *stream) int64 {
	if !m.clock.running {
		return s.want.time
	}
	return max(s.want.time, m.timeAt(plus(m.clock.pos, m.lead(s))))
}

// leadLeast is the lead while nothing is known of the path.
func (m *Machine) leadLeast() time.Duration { return max(m.cfg.MaxSkew/2, leadLeast) }

// ask asks for a resynchronization. What waits is void already.
func (m *Machine) ask(now time.Duration, s *stream, t int64, seek bool) {
	if seek {
		s.ailing = false
	} else if !s.ailing {
		s.ailing, s.since, s.failures = true, now, 0
	}
	s.want.set = false
	m.clear(s)
	s.state, s.asked, s.askedAt, s.fresh, s.target, s.seeks = asking, true, now, false, t, seek
	m.awaited &^= 1 << s.n
	m.resting &^= 1 << s.n
	m.asks = append(m.asks, Ask{s.n, t, seek})
	if !seek && s.behind > 0 {
		s.resyncs++
		m.event(Event{Kind: Resync, Stream: s.n, Time: t, For: s.behind})
	}
}

// Resynced takes the answer to a request: the stream goes on at a time, and so many marks that were set before are void.
func (m *Machine) Resynced(now time.Duration, n int, t int64, clock time.Duration, skipped int) error {
	s := m.streams[n]
	if t < 0 {
		return ErrNegative
	}
	m.advance(now)
	ahead := m.rel(t) - m.clock.pos
	late := m.clock.running && ahead < -m.cfg.MaxSkew
	took := now - s.askedAt
	// It goes on where it was asked to, and need not have been asked for so late a time: the path is better than it was.
	far := m.clock.running && s.asked && !s.seeks && t == s.target && ahead > 2*max(took, m.leadLeast())
	// The first that is late says nothing of the next ones, for the path may not have been there; the second one what the path is like now.
	if s.asked && (!late && s.rtt == 0 || late && s.failures == 1 || (!late || s.failures > 0) && took < s.rtt) {
		s.rtt = took
	}
	s.skipped += int64(skipped)
	m.clear(s)
	s.goOn(m, t)
	s.drift.add(now, clock)
	s.fresh = true
	s.inTime = !m.clock.running || m.clock.pos <= s.rel
	switch {
	case s.want.set:
		m.ask(now, s, m.wanted(s), true)
	case late && s.failures >= maxFailures && took < restLate: // it answers at once, and is never in time
		m.rest(now, s, restLate)
	case late:
		s.failures++
		s.behind = -ahead
		m.ask(now, s, m.timeAt(plus(m.clock.pos, m.lead(s))), false)
	case far:
		s.failures, s.behind = 0, 0
		m.ask(now, s, m.timeAt(plus(m.clock.pos, m.lead(s))), false)
	}
	return nil
}

// Moved takes the sender's own resynchronization, which has prevailed over a request that may be out.
func (m *Machine) Moved(now time.Duration, n int, t int64, clock time.Duration) error {
	s := m.streams[n]
	if t < 0 {
		return ErrNegative
	}
	m.advance(now)
	m.clear(s)
	s.goOn(m, t)
	s.drift.add(now, clock)
	s.fresh, s.inTime = true, true
	m.event(Event{Kind: Moved, Stream: n, Time: t})
	if s.want.set {
		m.ask(now, s, m.wanted(s), true)
	}
	return nil
}

// Missed says that a request could not be made, or has lost to another. It is made again if it is still wanted.
func (m *Machine) Missed(now time.Duration, n int, a Ask) {
	s := m.streams[n]
	if s.state != asking {
		return
	}
	m.advance(now)
	s.asked = false
	if a.Seek && !s.want.set {
		s.want.set, s.want.time = true, a.Time
	}
	s.state, s.retry = running, now+leadLeast
	m.resting |= 1 << n
}

// judge looks at the first that comes after an answer.
func (m *Machine) judge(now time.Duration, s *stream) {
	s.fresh = false
	d := m.clock.pos - s.rel
	if !m.clock.running || d <= m.cfg.MaxSkew {
		if s.ailing {
			m.event(Event{Kind: Recovered, Stream: s.n, Time: s.mark, For: now - s.since})
		}
		s.ailing, s.failures = false, 0
		m.awaited |= 1 << s.n
		return
	}
	s.failures++
	s.behind = d
	if !s.inTime && s.failures < maxFailures {
		m.ask(now, s, m.timeAt(plus(m.clock.pos, m.lead(s))), false)
		return
	}
	if s.essential && d <= m.cfg.MaxGap || !m.others(s) {
		back := plus(m.cfg.Delay, d)
		m.clock.pos -= back
		m.rebases++
		s.ailing, s.failures = false, 0
		m.awaited |= 1 << s.n
		m.event(Event{Kind: Rebased, Stream: s.n, Time: s.mark, For: back})
		return
	}
	m.rest(now, s, restLate)
}

// others tells whether any other stream is in time.
func (m *Machine) others(s *stream) bool {
	if m.queued&^(1<<s.n) != 0 {
		return true
	}
	for _, o := range &m.streams {
		if o != nil && o != s && o.state == running && m.resting&(1<<o.n) == 0 && o.rel >= m.clock.pos {
			return true
		}
	}
	return false
}

// rest leaves a stream alone for a while, the longer the more often it has failed.
func (m *Machine) rest(now time.Duration, s *stream, most time.Duration) {
	s.failures++
	s.retry = now + min(restLeast<<min(s.failures, 10), most)
	m.awaited &^= 1 << s.n
	m.resting |= 1 << s.n
}

// rouse asks those that have rested, if they are behind still.
func (m *Machine) rouse(now time.Duration) {
	for b := m.resting; b != 0; b &= b - 1 {
		s := m.streams[bits.TrailingZeros64(b)]
		if now < s.retry {
			continue
		}
		m.resting &^= 1 << s.n
		switch d := m.clock.pos - s.rel; {
		case s.want.set:
			m.ask(now, s, m.wanted(s), true)
		case m.clock.running && d > m.cfg.MaxSkew:
			s.behind = d
			m.ask(now, s, m.timeAt(plus(m.clock.pos, m.lead(s))), false)
		default:
			m.awaited |= 1 << s.n
		}
	}
}

// Paused takes a stream's interrupt, and returns where the stream is, if that is known: what has come is still handed up.
func (m *Machine) Paused(now time.Duration, n int) (t int64, known bool) {
	s := m.streams[n]
	m.advance(now)
	s.state, s.asked, s.fresh = paused, false, false
	m.awaited &^= 1 << n
	m.resting &^= 1 << n
	m.event(Event{Kind: Paused, Stream: n, Time: s.mark})
	m.settle()
	return s.mark, s.known
}

// Seek has all streams go on at a time, before or after where they are. What waits is dropped; the clock starts again as it did at first.
func (m *Machine) Seek(now time.Duration, t int64) error {
	if t < 0 {
		return ErrNegative
	}
	m.advance(now)
	m.clock.running, m.clock.pending = false, false
	m.seek++
	m.floor = 0
	m.event(Event{Kind: Sought, Stream: -1, Time: t})
	for _, s := range &m.streams {
		switch {
		case s == nil:
		case s.state == running:
			m.ask(now, s, t, true)
		case s.state == asking, s.state == paused:
			m.clear(s)
			s.want.set, s.want.time = true, t
		default:
			m.clear(s)
		}
	}
	return nil
}
