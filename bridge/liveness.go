package bridge

import "time"

// All rules of time of the bridge stand in this file.

const (
	// ackDelay is how long an acknowledgement may wait for data to ride with.
	ackDelay = 20 * time.Millisecond
	// probeMin is the least silence after which a carrier is probed, and the least time that a probe has for its answer.
	probeMin = 250 * time.Millisecond
	// probeRTT is that silence in smoothed round trips.
	probeRTT = 3
	// probeFirst is how long the first answer on a carrier may take at least: nothing is known of its path before. It doubles with
	// each carrier in a row that brought none, or else a path slower than that could never be used.
	probeFirst = time.Second
)

// liveness decides whether the current carrier lives. When the peer owes an answer and nothing has come for patience, a PING goes out;
// when it, too, has brought nothing for patience, the carrier is dead. Without anything owed the silence before a PING doubles
// each time, from patience up to the heartbeat: a receiver notices soon that its sender's carrier has died, and an idle carrier
// costs next to nothing.
type liveness struct {
	past
	least     time.Duration // the shortest round trip of this carrier: what it takes when nothing is queued
	measured  int           // round trips of this carrier
	moved     int           // octets of streams that went either way since then
	heartbeat time.Duration
	gap       time.Duration // the silence after which the next probe of an idle carrier goes out

	heard     time.Time // something has come
	owedSince time.Time // the peer owes an answer; zero if it does not
	ackAt     time.Time // lazy acknowledgements go out; zero if there are none

	pingDue bool
	again   bool      // a round trip is to be measured, when something else goes out
	pingAt  time.Time // when the PING that is unanswered was due; zero if there is none
	pingOut time.Time // when it went out: later than pingAt if the carrier is slow or full
}

// past is what is remembered from one carrier to the next.
type past struct {
	srtt   time.Duration
	silent int    // carriers in a row on which no PING was answered
	token  uint64 // of the last PING
}

func (l *liveness) begin(now time.Time, p past, heartbeat time.Duration) {
	*l = liveness{past: p, heartbeat: heartbeat, heard: now}
	l.gap = l.patience()
}

// patience is how long an answer may take.
func (l *liveness) patience() time.Duration {
	p := max(probeMin, probeRTT*l.srtt)
	if l.measured == 0 {
		p = max(p, min(probeFirst<<min(l.silent, 10), l.heartbeat))
	}
	return p
}

func (l *liveness) received(now time.Time) { l.heard = now }

// came says that n octets of data came, and so more can be expected.
func (l *liveness) came(n int) {
	l.gap = l.patience()
	l.moved += n
}

func (l *liveness) sent(now time.Time, owed bool) {
	if !owed {
		l.owedSince = time.Time{}
	} else if l.owedSince.IsZero() {
		l.owedSince = now
	}
}

// probe makes a PING due. Its time to be answered begins even if the carrier is full and does not take it.
func (l *liveness) probe(now time.Time) { l.pingDue, l.again, l.pingAt = true, false, now }

// accepted says that the responder has answered an attach: however long that took, the carrier lives, and the PING of the positions
// begins to wait now.
func (l *liveness) accepted(now time.Time) {
	l.heard = now
	if !l.pingAt.IsZero() {
		l.pingAt = now
	}
}

func (l *liveness) ping(now time.Time) uint64 {
	l.pingDue = false
	l.pingOut = now
	l.token++
	return l.token
}

func (l *liveness) pong(now time.Time, token uint64) {
	if token != l.token || l.pingAt.IsZero() {
		return
	}
	l.round(now.Sub(l.pingOut))
	l.pingAt = time.Time{}
}

// round takes a round trip that was measured.
func (l *liveness) round(rtt time.Duration) {
	l.silent = 0
	if l.measured == 0 || l.srtt == 0 { // another carrier may have taken another path
		l.srtt = rtt
	} else {
		l.srtt += (rtt - l.srtt) / 4
	}
	if l.least == 0 || rtt < l.least {
		l.least = rtt
	}
	if l.measured++; l.measured == 1 {
		l.gap = l.patience() // the path is known now
	}
	l.again, l.moved = l.measured < measurements, 0
}

const (
	// measurements is how many round trips are measured when a carrier is new, with what goes out anyway: the first ones take longer.
	measurements = 3
	// measureAfter is how many octets of streams go either way before another one is: for fewer it is not worth an answer. A window is
	// not widened before four times as many have come.
	measureAfter = MinCredit / 4
)

// measures tells whether a round trip is to be measured with what goes out now.
func (l *liveness) measures() bool { return l.again && (l.measured == 0 || l.moved >= measureAfter) }

// probeAt is when the next PING is due, if none is out.
func (l *liveness) probeAt() time.Time {
	if !l.owedSince.IsZero() {
		from := l.heard
		if l.owedSince.After(from) {
			from = l.owedSince
		}
		return from.Add(min(l.patience(), l.heartbeat))
	}
	return l.heard.Add(min(l.gap, l.heartbeat))
}

// deadAt is when the carrier is given up if nothing comes, zero if no PING is out.
func (l *liveness) deadAt() time.Time {
	if l.pingAt.IsZero() || l.heard.After(l.pingAt) {
		return time.Time{}
	}
	return l.pingAt.Add(l.patience())
}

// Answered says how long the responder took to answer the HELLO: the initiator knows one round trip of a bridge's first carrier without
// a PING.
func (m *Machine) Answered(took time.Duration) { m.live.round(took) }

// RTT is the smoothed round trip, 0 before the first was measured.
func (m *Machine) RTT() time.Duration {
	if m.Attached() {
		return m.live.srtt
	}
	return m.past.srtt
}

// LeastRTT is the shortest round trip that was measured on the current carrier, 0 before the first was.
func (m *Machine) LeastRTT() time.Duration {
	if m.Attached() {
		return m.live.least
	}
	return 0
}

// HeardAt says that octets came on the current carrier, a whole frame or not. There is one.
func (m *Machine) HeardAt(now time.Time) { m.live.received(now) }

// Active is when a frame that means something to a user last came or went out on the current carrier. There is one.
func (m *Machine) Active() time.Time { return m.active }

// Doubt makes a PING due because the carrier may have died unnoticed. It has the usual time for its answer.
func (m *Machine) Doubt(now time.Time) {
	if m.Attached() && m.live.deadAt().IsZero() {
		m.live.probe(now)
	}
}

// NextTimeout is when Tick must be called, zero for never.
func (m *Machine) NextTimeout() time.Time {
	if !m.Attached() {
		return time.Time{}
	}
	l := &m.live
	m.live.sent(l.heard, m.busy > 0)
	next := l.deadAt()
	if next.IsZero() {
		next = l.probeAt()
	}
	if at := m.parkAt(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	if len(m.lazy) > 0 && (next.IsZero() || l.ackAt.Before(next)) {
		next = l.ackAt
	}
	return next
}

// Tick does what is due by time, and tells whether the carrier is dead.
func (m *Machine) Tick(now time.Time) (dead bool) {
	if !m.Attached() {
		return false
	}
	l := &m.live
	if len(m.lazy) > 0 && !now.Before(l.ackAt) {
		for i, s := range m.lazy {
			if s.inLazy = false; s.Next != s.announced && !s.Closing {
				s.ackDue = true
				m.enqueue(s)
			}
			m.lazy[i] = nil
		}
		m.lazy = m.lazy[:0]
	}
	m.tickPark(now)
	l.sent(now, m.busy > 0)
	if m.ctl.done {
		l.accepted(now)
	}
	if d := l.deadAt(); !d.IsZero() {
		if dead = !now.Before(d); dead && l.measured == 0 {
			l.silent++
		}
		return dead
	}
	if !now.Before(l.probeAt()) {
		l.probe(now)
		l.gap = min(2*l.gap, l.heartbeat)
	}
	return false
}
