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
func (s *Session) Send(ctx context.Context, ssdu []byte) error { return s.send(ctx, normal, ssdu) }

// SendTyped is S-TYPED-DATA, which needs no token: as Send, with SendTypedPart.
func (s *Session) SendTyped(ctx context.Context, ssdu []byte) error { return s.send(ctx, typed, ssdu) }

func (s *Session) send(ctx context.Context, f flow, ssdu []byte) error {
	w, err := s.enterSend(ctx)
	if err != nil {
		return err
	}
	defer s.leaveSend(w)
	if s.tx.ssdu && !s.closed() {
		return ErrUnfinished
	}
	n, err := s.sendPart(w, f, ssdu, true)
	if err != nil && s.tx.ssdu && n > 0 && err != ErrPurged {
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
	return s.sendPartOf(ctx, normal, b, end)
}

// SendTypedPart is SendPart for S-TYPED-DATA. One SSDU is open at a time.
func (s *Session) SendTypedPart(ctx context.Context, b []byte, end bool) (n int, err error) {
	return s.sendPartOf(ctx, typed, b, end)
}

func (s *Session) sendPartOf(ctx context.Context, f flow, b []byte, end bool) (n int, err error) {
	w, err := s.enterSend(ctx)
	if err != nil {
		return 0, err
	}
	defer s.leaveSend(w)
	return s.sendPart(w, f, b, end)
}

// MaxExpedited is the most that SendExpedited sends at a time, in octets. X.215
const MaxExpedited = 14

// SendExpedited is S-EXPEDITED-DATA: 1 to MaxExpedited octets that may overtake others sent before them, and are not overtaken by any sent
// after them.
func (s *Session) SendExpedited(ctx context.Context, data []byte) error {
	p := spdu.EX{UserData: data}
	s.mu.Lock()
	err := error(ErrClosed)
	if !s.closed() {
		_, err = s.stepRequest(len(data), as(spm.Event{Kind: spm.SEXreq}, p), true)
	}
	s.perform()
	if err != nil {
		return err
	}
	w := &waiter{s: s, mask: flagStopSend | flagClosed, c: ctx}
	defer w.done()
	return s.sendExpedited(w)
}

var errEmpty = errors.New("tenuto: an SSDU has at least one octet") // X.225: S-DATA's user data

// wholeHeads are the heads of TSDUs with a whole SSDU.
var wholeHeads = [numFlows][]byte{normal: spdu.WholeHead[:], typed: typedHead(nil, 0)}

func typedHead(b []byte, e spdu.Enclosure) []byte {
	b, err := spdu.TD{Enclosure: e}.AppendBinary(b)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

func (s *Session) sendPart(w *waiter, f flow, b []byte, end bool) (n int, err error) {
	if s.closed() {
		return 0, ErrClosed
	}
	if err := s.runBefore(w, f); err != nil {
		return 0, err
	}
	switch {
	case s.tx.torn:
		s.tx.torn = false
		return 0, ErrPurged
	case s.tx.ssdu && s.tx.flow != f:
		return 0, ErrUnfinished
	case len(b) == 0 && !end:
		return 0, nil
	case len(b) == 0 && !s.tx.ssdu:
		return 0, errEmpty
	}
	if sends, err := s.maySend(w, f); err != nil {
		return 0, err
	} else if !sends {
		s.tx.ssdu, s.tx.torn = false, !end
		return len(b), nil
	}
	s.tx.flow = f
	switch {
	case s.sendMax != 0:
		n, err = s.sendSegments(w, b, end)
	case s.tx.ssdu:
		n, err = s.transmit(w, nil, b, end)
		s.tx.ssdu = s.tx.open
	default:
		n, err = s.sendWhole(w, f, b, end)
	}
	if err == ErrPurged {
		s.tx.ssdu = false // its sender knows
	}
	return n, err
}

// maySend asks the machine whether data may be sent. sends is false where they have no effect, because the peer has announced a
// resynchronization, interrupt or discard; when it has announced an abort, this waits for what the abort says.
func (s *Session) maySend(w *waiter, f flow) (sends bool, err error) {
	kind := spm.SDTreq
	if f == typed {
		kind = spm.STDreq
	}
	s.mu.Lock()
	if err := s.over(); err != nil {
		s.mu.Unlock()
		return false, err
	}
	if s.tx.ssdu { // it was asked for with its first part, and goes on whatever was indicated since
		sends = s.m.State() != spm.Withdrawing && s.m.State() != spm.Aborting
	} else if err = s.m.Step(spm.Event{Kind: kind}); err != nil {
		err = s.refusal(err)
	} else {
		sends = len(s.m.Drain()) > 0
	}
	aborting := s.m.State() == spm.Aborting
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	if !sends && aborting {
		return false, s.awaitAbort(w)
	}
	return sends, nil
}

// awaitAbort receives until the session has ended, unless somebody else does. What comes before is discarded by the machine.
func (s *Session) awaitAbort(w *waiter) error {
	r, err := s.enterReceive(w.c)
	if err != nil {
		return err
	}
	defer s.leaveReceive(r)
	if s.closed() {
		return ErrClosed
	}
	var scratch [512]byte
	for {
		if _, err := s.receive(r, scratch[:]); err != nil {
			return err
		}
	}
}

// transmit sends octets of one TSDU, a head before them if it is new, and keeps track of whether the TSDU is open.
func (s *Session) transmit(w *waiter, head, b []byte, end bool) (n int, err error) {
	if len(head) > 0 && s.flags.Load()&flagPurge != 0 {
		return 0, ErrPurged
	}
	s.traceSent(head, false)
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
			if n == len(b) && n > 0 && isEnd(err) {
				return n, nil // it was all taken before the end, of which the next call hears
			}
			return n, err
		}
	}
}

// isEnd tells whether an error says that the session has ended.
func isEnd(err error) bool {
	var ae *AbortError
	return errors.As(err, &ae) || err == ErrReleased
}

// sendError handles what the transport says to a sender. nil means: go on.
func (s *Session) sendError(w *waiter, err error) error {
	var de *transport.DisconnectError
	switch {
	case err == transport.ErrExpedited:
		s.takeExpedited()
		s.tc.Wake() // who receives may have been waiting for it
	case err == errLook:
		if s.flags.Load()&flagPurge != 0 {
			return ErrPurged
		}
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
	room := int(s.sendMax) - spdu.SegmentHeadSize
	if owed := int(s.tx.owed); owed > 0 { // a last segment was cancelled
		if !end || len(b) != owed {
			return 0, ErrUnfinished
		}
		n, err = s.transmit(w, nil, b, true)
		if s.tx.owed -= uint16(n); err == nil {
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
		m, err := s.transmit(w, s.segmentHead(enclosure(!s.tx.ssdu, last)), part, true)
		if n += m; m > 0 || err == nil {
			s.tx.ssdu = !last || err != nil
		}
		if err != nil {
			if last && m > 0 {
				s.tx.owed = uint16(len(part) - m)
			}
			return n, err
		}
		if n == len(b) {
			return n, nil
		}
	}
}

// segmentHead is the head of a TSDU with a segment of the SSDU that is being sent.
func (s *Session) segmentHead(e spdu.Enclosure) []byte {
	if s.tx.flow == typed {
		return typedHead(s.tx.head[:0], e)
	}
	s.tx.head = spdu.SegmentHead(e)
	return s.tx.head[:]
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
