package tenuto

import (
	"context"
	"errors"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// Send is S-DATA: ssdu, at least one octet, is one SSDU to the peer. It waits for flow control alone. If ctx ends it when some
// octets have been taken, it returns an *UnfinishedError, and the SSDU stays open for SendPart.
func (s *Session) Send(ctx context.Context, ssdu []byte) error {
	if err := s.sendGate.lock(ctx); err != nil {
		return err
	}
	defer s.openSendGate()
	if s.tx.ssdu && !s.closed() {
		return ErrUnfinished
	}
	n, err := s.sendPart(ctx, ssdu, true)
	if err != nil && s.tx.ssdu && n > 0 {
		return &UnfinishedError{n, err}
	}
	return err
}

// SendPart sends the next octets of an SSDU, the first if none is open, and ends it if end is true. It returns how many octets were
// taken, which are on their way whatever follows.
//
// If an agreed TSDU size makes segments of an SSDU, one that was cancelled in its last segment has to be finished with exactly
// the rest.
func (s *Session) SendPart(ctx context.Context, b []byte, end bool) (n int, err error) {
	if err := s.sendGate.lock(ctx); err != nil {
		return 0, err
	}
	defer s.openSendGate()
	return s.sendPart(ctx, b, end)
}

var errEmpty = errors.New("tenuto: an SSDU has at least one octet") // X.225: S-DATA's user data

func (s *Session) sendPart(ctx context.Context, b []byte, end bool) (n int, err error) {
	if s.closed() {
		return 0, ErrClosed
	}
	if len(b) == 0 && !(end && s.tx.ssdu) {
		if !end {
			return 0, nil
		}
		return 0, errEmpty
	}
	w := s.tx.waiter.begin(ctx)
	defer w.done()
	if err := s.maySend(w); err != nil {
		return 0, err
	}
	if s.sendMax != 0 {
		return s.sendSegments(w, b, end)
	}
	var head []byte
	if !s.tx.ssdu {
		head = spdu.WholeHead[:]
	}
	n, err = s.transmit(w, head, b, end)
	s.tx.ssdu = s.tx.open
	return n, err
}

// maySend asks the machine whether S-DATA is allowed. When the peer has announced an abort, the data have no effect: it waits for
// what the abort says.
func (s *Session) maySend(w *waiter) error {
	s.mu.Lock()
	if err := s.over(); err != nil {
		s.mu.Unlock()
		return err
	}
	err := s.m.Step(spm.Event{Kind: spm.SDTreq})
	sends := len(s.m.Drain()) > 0
	s.mu.Unlock()
	if err != nil {
		return wrap(err)
	}
	if !sends {
		return s.awaitAbort(w)
	}
	return nil
}

// awaitAbort receives until the session has ended, unless somebody else does. What comes before is discarded by the machine.
func (s *Session) awaitAbort(w *waiter) error {
	if err := s.recvGate.lock(w.c); err != nil {
		return err
	}
	defer s.recvGate.unlock()
	if s.closed() {
		return ErrClosed
	}
	r := s.rx.waiter.begin(w.c)
	defer r.done()
	var scratch [512]byte
	for {
		if _, err := s.receive(r, scratch[:]); err != nil {
			return err
		}
	}
}

// transmit sends octets of one TSDU, a head before them if it is new, and keeps track of whether the TSDU is open.
func (s *Session) transmit(w *waiter, head, b []byte, end bool) (n int, err error) {
	var f transport.SendFlag
	if end {
		f = transport.End
	}
	for {
		m, err := s.tc.Send(w, head, b[n:], f)
		if n += m; m > 0 {
			s.sent.Add(int64(m))
			s.tx.open, head = true, nil
		}
		if err == nil {
			s.tx.open = !end
			return n, nil
		}
		if err := s.sendError(w, err); err != nil {
			return n, err
		}
	}
}

// sendError handles what the transport says to a sender. nil means: go on.
func (s *Session) sendError(w *waiter, err error) error {
	var de *transport.DisconnectError
	switch {
	case err == transport.ErrExpedited:
		s.takeExpedited()
		s.tc.Wake() // who receives may have been waiting for it
	case err == errLook:
	case errors.As(err, &de):
		// The receiver may have data to read before it comes to the end: only senders hear of it now.
		s.mu.Lock()
		s.announce(s.lost(err))
		s.mu.Unlock()
	case gone(err):
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.over(); err != nil {
			return err
		}
		return ErrClosed
	default:
		return err
	}
	s.mu.Lock()
	over, aborting := s.over(), s.m.State() == spm.Aborting
	s.mu.Unlock()
	if over == nil && aborting {
		over = s.awaitAbort(w)
	}
	return over
}

// sendSegments sends a part of an SSDU in TSDUs of the agreed size. Each part ends its TSDU, for its head has said whether it is the
// SSDU's last. x225 3.3
func (s *Session) sendSegments(w *waiter, b []byte, end bool) (n int, err error) {
	room := s.sendMax - spdu.SegmentHeadSize
	if owed := s.tx.owed; owed > 0 { // a last segment was cancelled
		if !end || len(b) != owed {
			return 0, ErrUnfinished
		}
		n, err = s.transmit(w, nil, b, true)
		if s.tx.owed -= n; err == nil {
			s.tx.ssdu = false
		}
		return n, err
	}
	if s.tx.open {
		if _, err := s.transmit(w, nil, nil, true); err != nil {
			return 0, err
		}
	}
	for {
		part := b[n:min(n+room, len(b))]
		last := end && n+len(part) == len(b)
		s.tx.head = spdu.SegmentHead(enclosure(!s.tx.ssdu, last))
		m, err := s.transmit(w, s.tx.head[:], part, true)
		if n += m; m > 0 || err == nil {
			s.tx.ssdu = !last || err != nil
		}
		if err != nil {
			if last && m > 0 {
				s.tx.owed = len(part) - m
			}
			return n, err
		}
		if n == len(b) {
			return n, nil
		}
	}
}

func enclosure(first, last bool) spdu.Enclosure {
	switch {
	case first && last:
		return spdu.Only
	case first:
		return spdu.First
	case last:
		return spdu.Last
	}
	return spdu.Middle
}
