package endpoint

import "sync"

// waiter is a call that waits for a carrier to bring something. While it waits it may lead: read the carrier itself.
type waiter struct {
	s          *Stream
	cond       *sync.Cond // while it waits
	next, prev *waiter    // in Bridge.waiters; nil if it is not there
}

// conds are what waiters wait on: there are far more streams than calls that wait.
var conds = sync.Pool{New: func() any { return new(sync.Cond) }}

// wait frees mu, waits for a signal, and has mu again.
func (w *waiter) wait(mu *sync.Mutex) {
	w.cond = conds.Get().(*sync.Cond)
	w.cond.L = mu
	w.cond.Wait()
	conds.Put(w.cond)
	w.cond = nil
}

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
	w.wait(&br.mu)
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

// leave ends a call's waiting: if it led, somebody else must.
func (br *Bridge) leave(w *waiter) {
	if l := br.link; l != nil && l.leader == w {
		l.leader = nil
		l.passLead(!w.s.closed && w.s.err == nil)
	}
}

// wake makes a waiting call look again at what it waits for.
func (br *Bridge) wake(w *waiter) {
	if f := w.s.notify; f != nil && w == &w.s.rw {
		br.later(f)
	}
	switch l := br.link; {
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
