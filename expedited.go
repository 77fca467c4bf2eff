package tenuto

import (
	"errors"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// An expedited is what a session has of the expedited flow, and of what that makes void. Few ever use it.
type expedited struct {
	taking  gate // one takes TSDUs at a time
	sending gate // and one sends them
	// Session.mu guards these.
	queue [][]byte    // what is to go out, in order
	late  []spdu.SPDU // the EX that the machine has queued
	held  *heldAbort  // an AB that overtook data which a Conn has yet to read

	half   half   // of a relay
	anchor uint64 // what was sent on the normal flow before it a purge leaves
}

// expeditedFlow makes the flow if it was not used before. mu is held.
func (s *Session) expeditedFlow() *expedited {
	if s.expedited == nil {
		s.expedited = new(expedited)
	}
	return s.expedited
}

// expedite queues a TSDU on the expedited flow. mu is held.
func (s *Session) expedite(b []byte) {
	x := s.expeditedFlow()
	x.queue = append(x.queue, b)
}

// sendExpedited submits what is queued on the expedited flow, in order. One caller at a time does.
func (s *Session) sendExpedited(w *waiter) error {
	s.mu.Lock()
	x := s.expedited
	s.mu.Unlock()
	if x == nil {
		return nil // nothing was ever queued
	}
	var c transport.Cancel = now{}
	if w != nil {
		c = w
		if err := x.sending.lock(w.c); err != nil {
			return err
		}
	} else if !x.sending.tryLock() {
		return errNow
	}
	defer x.sending.unlock()
	for {
		s.mu.Lock()
		if len(x.queue) == 0 {
			s.mu.Unlock()
			return nil
		}
		b, purges := x.queue[0], s.purges
		x.queue = x.queue[1:]
		s.mu.Unlock()
		s.traceSent(b, true)
		for err := s.tc.SendExpedited(c, b); err != nil; err = s.tc.SendExpedited(c, b) {
			if w != nil {
				err = s.sendError(w, err)
			} else if gone(err) || !errors.Is(err, errNow) {
				return nil
			}
			if err != nil {
				s.mu.Lock()
				if s.purges == purges || isPrepare(b) {
					x.queue = append([][]byte{b}, x.queue...)
				}
				s.mu.Unlock()
				return err
			}
		}
	}
}

// takeExpedited takes what is on the expedited flow. What that leads to is done outside of the gate: to send may mean to take first what has come since.
func (s *Session) takeExpedited() {
	s.mu.Lock()
	x := s.expeditedFlow()
	s.mu.Unlock()
	for {
		x.taking.enter()
		b := make([]byte, transport.MaxExpedited)
		n, ok := s.tc.ReceiveExpedited(b)
		if !ok {
			x.taking.unlock()
			return
		}
		s.mu.Lock()
		s.processAll(b[:n], true)
		x.taking.unlock()
		s.perform()
	}
}

// afterExpedited waits until what somebody has taken off the expedited flow has been processed: it was delivered before what is to be processed
// now. mu is held, and not while this waits.
func (s *Session) afterExpedited() {
	if x := s.expedited; x != nil {
		s.mu.Unlock()
		x.taking.enter()
		x.taking.unlock()
		s.mu.Lock()
	}
}

// queueExpedited keeps the EX that the machine has queued, queued of them before an event, and returns those that the event has taken out, whether to
// be delivered or dropped. mu is held.
func (s *Session) queueExpedited(ev *spm.Event, in *input, queued int) (late []spdu.SPDU) {
	n := s.m.Queued(spm.EX)
	if n == queued {
		return nil
	}
	x := s.expeditedFlow()
	if n > queued {
		x.late = append(x.late, in.pdu)
	} else {
		late, x.late = x.late[:queued-n], x.late[queued-n:]
	}
	return late
}
