package endpoint

import "sync"

// waiter is a call that waits for a carrier to bring something. While it waits it may lead: read the carrier itself.
type waiter struct {
	s          *Stream
	cond       sync.Cond
	next, prev *waiter // in Bridge.waiters; nil if it is not there

	dst []byte // of a Receive, while it waits
	got int    // octets that are in dst
	end bool   // dst ends with its TSDU

	want   int  // octets of a Send that are not in the ring
	drains bool // a Drain: for acknowledgements, not for room
}

// waiters are those of the calls that do not wait: there are far more streams than calls that do.
var waiters = sync.Pool{New: func() any { return new(waiter) }}

// begin returns the waiter of a call, whose place in the stream is at.
func (s *Stream) begin(at **waiter) *waiter {
	if *at == nil {
		w := waiters.Get().(*waiter)
		w.s, w.cond.L = s, &s.br.mu
		*at = w
	}
	return *at
}

// leave ends a call's waiting, if it has waited: if it led, somebody else must.
func (s *Stream) leave(at **waiter) {
	w := *at
	if w == nil {
		return
	}
	*at = nil
	if l := s.br.link; l != nil && l.leader == w {
		l.leader = nil
		l.passLead(!s.closed && s.err == nil)
	}
	w.s, w.got, w.end, w.want, w.drains = nil, 0, false, 0, false
	waiters.Put(w)
}

// satisfied tells whether a Receive has all that it can take.
func (w *waiter) satisfied() bool { return w.end || (w.got > 0 && w.got == len(w.dst)) }

// wait returns when something may have changed for w: after a step of reading the carrier itself, or when somebody wakes it.
func (br *Bridge) wait(w *waiter) {
	if l := br.link; l != nil && l.interruptible && (l.leader == nil || l.leader == w) {
		l.leader = w
		l.step(w)
		return
	}
	if br.drain() {
		return
	}
	br.arm()
	if br.waiters == nil {
		br.waiters, w.next, w.prev = w, w, w
	} else {
		first := br.waiters
		w.next, w.prev = first, first.prev
		w.prev.next, first.prev = w, w
	}
	w.cond.Wait()
	br.unwait(w)
}

func (br *Bridge) unwait(w *waiter) {
	if w.next == nil {
		return
	}
	if w.next == w {
		br.waiters = nil
	} else {
		w.prev.next, w.next.prev = w.next, w.prev
		if br.waiters == w {
			br.waiters = w.next
		}
	}
	w.next, w.prev = nil, nil
}

// wakeReceive says that there may be something for Receive.
func (s *Stream) wakeReceive() {
	if s.notify != nil {
		s.br.later(s.notify)
	}
	s.br.wake(s.rw)
}

// wake makes a waiting call look again at what it waits for; there may be none.
func (br *Bridge) wake(w *waiter) {
	switch l := br.link; {
	case w == nil:
	case w.next != nil:
		br.unwait(w)
		w.cond.Signal()
		if l != nil {
			l.turns++
		}
	case l != nil && l.leader == w && l.reading:
		l.interrupt()
	}
}
