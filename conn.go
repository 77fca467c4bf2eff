package tenuto

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// Conn is a session as a net.Conn: a stream of octets each way. SSDUs have no meaning in it, and small writes in a row travel in one.
//
// Of a half-duplex session one end writes at a time: a Write waits until the peer has passed on the data token, and a Read that has nothing
// to read passes it on when this end has written or the peer has asked. Write reads ahead for that, maxAhead octets at most.
//
// CloseWrite is the S-RELEASE request, or the response if the peer has already asked for release: the peer reads io.EOF, and may
// still write, unless the session is half-duplex. Close is orderly when all that came was read and all that was sent arrives within Config.Linger; otherwise it aborts.
// Data that came before an abort can be read before its *AbortError.
type Conn struct {
	s      *Session
	closed sync.Once
	again  atomic.Uint32 // calls of arrived while one runs

	rd, wr deadline
	turns  *turns // of a half-duplex session
}

var _ net.Conn = (*Conn)(nil)

// ready tells why a call cannot begin.
func (c *Conn) ready(d *deadline) error {
	switch f := c.s.flags.Load(); {
	case f&flagClosed != 0:
		return ErrClosed
	case f&flagNotConn != 0:
		return ErrNotConn
	}
	return d.Err()
}

// Read reads what comes next. It returns io.EOF when the peer has released its direction.
func (c *Conn) Read(b []byte) (n int, err error) {
	s := c.s
	if err := c.ready(&c.rd); err != nil {
		return 0, err
	}
	w, err := s.enterReceive(&c.rd)
	if err != nil {
		return 0, err
	}
	defer s.leaveReceive(w)
	if err := c.ready(&c.rd); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	for {
		if c.turns != nil {
			if n := c.turns.read(b); n > 0 {
				return n, nil
			}
			c.give()
		}
		if s.rx.eof {
			return 0, io.EOF
		}
		g, err := s.receive(w, b)
		switch {
		case err == ErrReleased:
			s.rx.eof = true
			s.answer()
		case err != nil:
			return 0, err
		case g.ind != nil:
			c.heed(g.ind)
		case g.n > 0:
			s.consumed.Add(int64(g.n))
			return g.n, nil
		}
	}
}

// heed does what an indication or confirm asks for. The receive gate is held.
func (c *Conn) heed(ind Indication) {
	switch ind.(type) {
	case TokenGiveInd, TokenPleaseInd:
		c.turns.heed(ind)
	default: // release
		c.s.rx.eof = true
		c.s.answer()
		if c.turns != nil {
			c.turns.bell.ring() // the peer has all tokens, and this side sends nothing more
		}
	}
}

// answerRelease is the S-RELEASE response of a Conn.
var answerRelease = as(spm.Event{Kind: spm.SRELrspPos}, spdu.DN{})

// answer is the S-RELEASE response that a Conn gives by itself: its own direction was released before. In a collision the
// T-responder's machine refuses it until its confirm has come (x225 4.9).
func (s *Session) answer() {
	s.mu.Lock()
	defer s.perform()
	if s.m.State() == spm.Released && s.m.Collision() {
		// An error says that it is too early. It is asked again when the confirm comes.
		_, _ = s.stepRequest(0, answerRelease, false)
	}
}

// Write writes b. It has succeeded when the transport has taken it all.
func (c *Conn) Write(b []byte) (n int, err error) {
	s := c.s
	if err := c.ready(&c.wr); err != nil {
		return 0, err
	}
	w, err := s.enterSend(&c.wr)
	if err != nil {
		return 0, err
	}
	defer s.leaveSend(w)
	if err := c.ready(&c.wr); err != nil {
		return 0, err
	}
	if err := s.run(w); err != nil {
		return 0, err
	}
	if c.turns != nil {
		if err := c.takeTurn(w, false); err != nil {
			return 0, err
		}
		c.turns.spoken.Store(true)
	}
	if _, err := s.maySend(w, normal); err != nil || len(b) == 0 {
		return 0, err
	}
	if s.sendMax != 0 {
		return c.writeSegments(w, b)
	}
	s.traceSent(spdu.WholeHead[:], false)
	for {
		m, err := s.tc.Send(w, spdu.WholeHead[:], b[n:], transport.End|transport.Gather)
		n += m
		s.sent.Add(int64(m))
		if err == nil {
			return n, nil
		}
		if err := s.sendError(w, err); err != nil {
			return n, err
		}
	}
}

// writeSegments writes TSDUs of the agreed size, each an SSDU: a write that is cut short is ended by the next.
func (c *Conn) writeSegments(w *waiter, b []byte) (n int, err error) {
	s := c.s
	if err := c.endSegment(w); err != nil {
		return 0, err
	}
	s.tx.head = spdu.SegmentHead(spdu.Only)
	for n < len(b) && err == nil {
		var m int
		m, err = s.transmit(w, s.tx.head[:], b[n:min(n+int(s.sendMax)-spdu.SegmentHeadSize, len(b))], true)
		n += m
	}
	return n, err
}

func (c *Conn) endSegment(w *waiter) (err error) {
	if c.s.tx.open {
		_, err = c.s.transmit(w, nil, nil, true)
	}
	return err
}

// CloseWrite ends the stream to the peer, which reads io.EOF after what was written. It does not wait for the peer. After
// the first time it does nothing.
func (c *Conn) CloseWrite() error {
	s := c.s
	if err := c.ready(&c.wr); err != nil {
		return err
	}
	w, err := s.enterSend(&c.wr)
	if err != nil {
		return err
	}
	defer s.leaveSend(w)
	if err := c.ready(&c.wr); err != nil {
		return err
	}
	return c.closeWrite(w, false)
}

// closeWrite is CloseWrite for who has the send gate; closing tells whether it is a part of Close.
func (c *Conn) closeWrite(w *waiter, closing bool) error {
	s := c.s
	s.mu.Lock()
	st, coll, over := s.m.State(), s.m.Collision(), s.over()
	s.mu.Unlock()
	if over != nil {
		if over == ErrReleased {
			return nil
		}
		return over
	}
	if st != spm.DataTransfer && (st != spm.Released || coll) {
		return nil // 03, or 09 after it
	}
	if err := c.endSegment(w); err != nil {
		return err
	}
	if c.turns != nil && st == spm.DataTransfer {
		switch err := c.takeTurn(w, closing); {
		case err == ErrSimplex && closing: // who only receives cannot release
			_, err := s.abort(nil, ReasonUnread)
			return err
		case err == ErrSimplex:
			return nil // there is nothing to close
		case err != nil && err != ErrReleased:
			return err
		}
	}
	if st == spm.Released {
		return c.finish(answerRelease)
	}
	err := c.finish(s.askRelease(nil))
	if errors.Is(err, ErrReleased) { // the peer's FN was received meanwhile
		err = c.finish(answerRelease)
	}
	return err
}

// finish is the last request of this side. It does not wait.
func (c *Conn) finish(b build) error {
	s := c.s
	s.mu.Lock()
	defer s.perform()
	_, err := s.stepRequest(0, b, false)
	return err
}

// LocalAddr returns the address of this end of the transport connection.
func (c *Conn) LocalAddr() net.Addr { return c.s.LocalAddr() }

// RemoteAddr returns the address of the peer's end.
func (c *Conn) RemoteAddr() net.Addr { return c.s.RemoteAddr() }

// Session returns the session.
func (c *Conn) Session() *Session { return c.s }

// SetDeadline sets the deadlines of reading and writing.
func (c *Conn) SetDeadline(t time.Time) error {
	if c.s.closed() {
		return ErrClosed
	}
	c.rd.set(t, c.s.tc.Wake)
	c.wr.set(t, c.s.tc.Wake)
	return nil
}

// SetReadDeadline sets the deadline of Read, also of calls that wait.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.s.closed() {
		return ErrClosed
	}
	c.rd.set(t, c.s.tc.Wake)
	return nil
}

// SetWriteDeadline sets the deadline of Write and CloseWrite, also of calls that wait.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.s.closed() {
		return ErrClosed
	}
	c.wr.set(t, c.s.tc.Wake)
	return nil
}
