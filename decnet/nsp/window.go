package nsp

import (
	"time"

	"github.com/tenuto-session/tenuto/decnet"
)

// window numbers the segments of one subchannel that are sent. Numbers are counted from 1 without end here; on the wire they are
// modulo 4096. base <= next <= high <= end.
type window struct {
	base uint64 // the oldest one that is not acknowledged
	next uint64 // the one to be sent next
	high uint64 // the first one that has never been sent
	end  uint64 // the first one that there is not yet

	at    time.Time // when those under way are to be sent again; zero if there are none
	tries int       // how often the oldest one was sent

	timing  bool // a round trip is measured
	timed   uint64
	timedAt time.Time
}

func (w *window) init() { w.base, w.next, w.high, w.end = 1, 1, 1, 1 }

func (w *window) empty() bool { return w.base == w.end }

// sending counts the segment that goes out; wait says how long its acknowledgement is waited for, exact that it will not be delayed.
func (w *window) sending(now time.Time, wait func(tries int) time.Duration, exact bool) (number uint16, again bool) {
	n := w.next
	w.next++
	again = n < w.high
	w.high = max(w.high, w.next)
	if n == w.base {
		w.tries++
	}
	if w.at.IsZero() {
		w.at = now.Add(wait(w.tries))
	}
	switch {
	case again && w.timing && w.timed >= n:
		w.timing = false // whose acknowledgement it will be nobody knows
	case !again && exact && !w.timing:
		w.timing, w.timed, w.timedAt = true, n, now
	}
	return uint16(n % numbers), again
}

// acked takes an acknowledgement of all up to n, and returns how many segments are done with; ok is false if it is of none that was sent.
func (w *window) acked(n uint16) (count int, ok bool) {
	d := uint64(n-uint16(w.base-1)) % numbers
	if w.base+d > w.high {
		return 0, d > numbers/2 // an old one
	}
	w.base += d
	w.next = max(w.next, w.base)
	if d > 0 {
		w.tries = 0
		w.at = time.Time{}
	}
	return int(d), true
}

// restart sets the time of retransmission anew when something is still under way.
func (w *window) restart(now time.Time, timeout time.Duration) {
	if w.at = (time.Time{}); w.next > w.base {
		w.at = now.Add(timeout)
		w.tries = max(w.tries, 1)
	}
}

// sample returns the round trip that was measured, if an acknowledgement has ended it.
func (w *window) sample(now time.Time) (d time.Duration, ok bool) {
	if !w.timing || w.timed >= w.base {
		return 0, false
	}
	w.timing = false
	return now.Sub(w.timedAt), true
}

// goBack makes all that is not acknowledged due again.
func (w *window) goBack() {
	w.next, w.at, w.timing = w.base, time.Time{}, false
}

// roundTrip is the estimate of the round trip to a node, which all its links share. (decnet 2.5)
type roundTrip struct {
	known bool
	mean  time.Duration
}

// timeout is how long an acknowledgement from a node is waited for.
func (m *Machine) timeout(node decnet.Addr) time.Duration {
	r := m.nodes[node]
	if r == nil || !r.known {
		return m.cfg.FirstTimeout
	}
	return min(max(time.Duration(float64(r.mean)*m.cfg.Factor), m.cfg.MinTimeout), m.cfg.MaxTimeout)
}

// wait is how long an acknowledgement of what was sent so many times is waited for: twice as long each time, so that a link outlives a
// circuit that is down for some time.
func (m *Machine) wait(node decnet.Addr, tries int) time.Duration {
	return min(m.timeout(node)<<min(max(tries-1, 0), 8), m.cfg.MaxTimeout)
}

func (m *Machine) measured(node decnet.Addr, d time.Duration) {
	r := m.nodes[node]
	if r == nil {
		if len(m.nodes) >= maxNodes {
			clear(m.nodes) // they are learnt again
		}
		r = &roundTrip{}
		m.nodes[node] = r
	}
	if !r.known {
		r.known, r.mean = true, d
		return
	}
	r.mean += (d - r.mean) / time.Duration(m.cfg.Weight+1)
}

// RoundTrip is the estimate of the round trip to a node; ok is false if there is none.
func (m *Machine) RoundTrip(node decnet.Addr) (d time.Duration, ok bool) {
	if r := m.nodes[node]; r != nil && r.known {
		return r.mean, true
	}
	return 0, false
}
