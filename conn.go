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
// CloseWrite is the S-RELEASE request, or the response if the peer has already asked for release: the peer reads io.EOF, and may
// still write. Close is orderly when all that came was read and all that was sent arrives within Config.Linger; otherwise it aborts.
// Data that came before an abort can be read before its *AbortError.
type Conn struct {
	s      *Session
	closed sync.Once
	again  atomic.Uint32 // calls of arrived while one runs

	rd, wr deadline
	eof    bool // guarded by the receive gate
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
	if err := s.recvGate.lock(&c.rd); err != nil {
		return 0, err
	}
	defer s.recvGate.unlock()
	if err := c.ready(&c.rd); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	for !c.eof {
		g, err := s.receive(s.rx.waiter.begin(&c.rd), b)
		switch {
		case err == ErrReleased, g.ind != nil:
			c.eof = true
			s.answer()
		case err != nil:
			return 0, err
		case g.n > 0:
			s.consumed.Add(int64(g.n))
			return g.n, nil
		}
	}
	return 0, io.EOF
}

// answer is the S-RELEASE response that a Conn gives by itself: its own direction was released before. In a collision the
// T-responder's machine refuses it until its confirm has come (x225 4.9).
func (s *Session) answer() {
	tsdus, err := s.encode(spdu.DN{}, 0)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	s.mu.Lock()
	defer s.perform()
	if s.m.State() == spm.Released && s.m.Collision() {
		// An error says that it is too early. It is asked again when the confirm comes.
		_ = s.step(spm.Event{Kind: spm.SRELrspPos}, input{tsdus: tsdus})
	}
}

// Write writes b. It has succeeded when the transport has taken it all.
func (c *Conn) Write(b []byte) (n int, err error) {
	s := c.s
	if err := c.ready(&c.wr); err != nil {
		return 0, err
	}
	if err := s.sendGate.lock(&c.wr); err != nil {
		return 0, err
	}
	defer s.openSendGate()
	if err := c.ready(&c.wr); err != nil {
		return 0, err
	}
	w := s.tx.waiter.begin(&c.wr)
	if err := s.maySend(w); err != nil || len(b) == 0 {
		return 0, err
	}
	if s.sendMax != 0 {
		return c.writeSegments(b)
	}
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
func (c *Conn) writeSegments(b []byte) (n int, err error) {
	s := c.s
	if err := c.endSegment(); err != nil {
		return 0, err
	}
	s.tx.head = spdu.SegmentHead(spdu.Only)
	for n < len(b) && err == nil {
		var m int
		m, err = s.transmit(s.tx.waiter.begin(&c.wr), s.tx.head[:], b[n:min(n+s.sendMax-spdu.SegmentHeadSize, len(b))], true)
		n += m
	}
	return n, err
}

func (c *Conn) endSegment() (err error) {
	if c.s.tx.open {
		_, err = c.s.transmit(c.s.tx.waiter.begin(&c.wr), nil, nil, true)
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
	if err := s.sendGate.lock(&c.wr); err != nil {
		return err
	}
	defer s.openSendGate()
	if err := c.ready(&c.wr); err != nil {
		return err
	}
	return c.closeWrite()
}

// closeWrite is CloseWrite for who has the send gate.
func (c *Conn) closeWrite() error {
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
	if err := c.endSegment(); err != nil {
		return err
	}
	if st == spm.Released {
		return s.requestLocked(spm.SRELrspPos, spdu.DN{}, 0)
	}
	err := s.requestLocked(spm.SRELreq, spdu.FN{}, 0)
	if errors.Is(err, ErrReleased) { // the peer's FN was received meanwhile
		return s.requestLocked(spm.SRELrspPos, spdu.DN{}, 0)
	}
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
