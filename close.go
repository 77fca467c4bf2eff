package tenuto

import (
	"context"
	"errors"
	"time"

	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// Close ends the session. Calls that wait return at once. It is orderly, and then returns when all that was sent, the release with it,
// has arrived at the peer, whose user may not have read it yet; or it aborts: when there are data that nobody will read, also when they
// come after Close has returned, or when Config.Linger passes, which it returns as an *AbortError.
func (c *Conn) Close() error {
	err := error(ErrClosed)
	c.closed.Do(func() { err = c.close() })
	return err
}

func (c *Conn) close() error {
	s := c.s
	s.raise(flagClosed)
	s.tc.Wake()
	if c.turns != nil {
		c.turns.bell.ring()
	}
	c.rd.set(time.Time{}, s.tc.Wake)
	c.wr.set(time.Time{}, s.tc.Wake)
	if c.digest() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(s.linger, 0))
	defer cancel()
	w := &waiter{s: s, mask: flagStopSend, c: ctx} // not ended by flagClosed, as all others are
	defer w.done()
	err := c.release(w)
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	e, err := s.abort(nil, ReasonLinger)
	if e == nil { // the session has ended meanwhile
		return err
	}
	return e
}

// release is Close's S-RELEASE request or response. It waits until that has arrived, and has what the peer sends meanwhile and
// later looked at when it comes.
func (c *Conn) release(w *waiter) error {
	s := c.s
	s.sendGate.enter() // who has it is on the way out
	defer s.openSendGate()
	if s.tx.ssdu { // of Session.SendPart
		_, err := s.abort(nil, ReasonUnfinished)
		return err
	}
	s.tc.Notify(c.arrived)
	if s.tx.open { // a TSDU cut short by a deadline
		if _, err := s.transmit(w, nil, nil, true); err != nil {
			return ended(err)
		}
	}
	if err := c.closeWrite(w, true); err != nil {
		return ended(err)
	}
	if err := s.run(w); err != nil {
		return ended(err)
	}
	if err := s.tc.Drain(w); err != nil {
		return ended(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.orphan = time.AfterFunc(orphanTime, func() { s.tc.Disconnect(transport.ReasonNormal) })
	}
	return nil
}

// orphanTime is how long a closed session waits for the peer's part of the release. Until then the peer may go on, although nobody
// here will take what it sends; TCP gives as much.
const orphanTime = time.Minute

// ended makes nothing of an error that says that the session has ended: who closes wants no less.
func ended(err error) error {
	var ae *AbortError
	var de *transport.DisconnectError
	if err == errLook || gone(err) || errors.As(err, &ae) || errors.As(err, &de) || errors.Is(err, ErrClosed) || err == ErrReleased {
		return nil
	}
	return err
}

// arrived is run by the transport when something has come after Close. One at a time does the work.
func (c *Conn) arrived() {
	if c.again.Add(1) > 1 {
		return // the one that runs looks once more
	}
	for {
		n := c.again.Load()
		if c.digest() {
			c.s.tc.Notify(nil)
		}
		if c.again.CompareAndSwap(n, 0) {
			return
		}
	}
}

// digest does what a closed Conn does with all that has come: answer a release, abort on data. It does not wait, and tells
// whether the session has ended.
func (c *Conn) digest() bool {
	s := c.s
	s.recvGate.enter() // who has it is on the way out
	defer s.openReceiveGate()
	var scratch [16]byte
	for {
		if s.closedEnd() {
			return true
		}
		if s.rx.inData && !s.rx.discard {
			s.abortUnread()
			continue
		}
		g, err := s.receive(now{}, scratch[:])
		switch {
		case g.n > 0:
			s.abortUnread()
		case g.ind != nil:
			c.heed(g.ind)
		case err == errNow:
			return false
		}
	}
}

func (s *Session) abortUnread() {
	if _, err := s.abort(nil, ReasonUnread); err != nil {
		panic("BUG: " + err.Error())
	}
}

// closedEnd tells whether the session of a closed Conn has ended, and lets the transport connection go then: unless an own abort or the
// last word of a release are on their way, nobody else will.
func (s *Session) closedEnd() bool {
	s.mu.Lock()
	if s.end == nil && s.announced != nil {
		s.finish(s.announced)
	}
	end, leaving := s.end, s.m.State() == spm.Leaving
	if end != nil && s.orphan != nil {
		s.orphan.Stop()
	}
	s.mu.Unlock()
	if _, aborted := end.(*AbortError); aborted && !leaving {
		s.tc.Disconnect(transport.ReasonNormal)
	}
	return end != nil
}
