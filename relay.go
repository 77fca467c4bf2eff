package tenuto

import (
	"context"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// half is what a session keeps that is half of a relay, or whose user asks what it asks.
type half struct {
	overtaken bell
	watched   bool         // the transport tells of arrivals; guarded by Session.mu
	endOnly   bool         // only the session's end counts; guarded by Session.mu
	arrivals  atomic.Int32 // since the expedited flow was looked at
}

// Overtaken returns a channel that is closed when the peer has announced, on the expedited flow, something that makes void what it sent before: a
// resynchronization, the interrupt or discard of an activity, or an abort; or when the session has ended. With endOnly nothing counts but abort and
// end. Receive returns in due course what it was, and the next call another channel. It is for who holds back what it has received, and so does not
// call Receive: half of a relay (Config.Relay), which passes on nothing more of what is void, or who has no room.
func (s *Session) Overtaken(endOnly bool) <-chan struct{} {
	s.mu.Lock()
	h := &s.expeditedFlow().half
	watch := s.tc.HasExpedited() && !h.watched
	h.watched, h.endOnly = true, endOnly
	rung := h.overtaken.heard()
	s.ring()
	s.mu.Unlock()
	if watch {
		s.tc.Notify(s.arrived)
	}
	return rung
}

// arrived is run by the transport when something has come. Who runs it may be looking at the expedited flow already: another goroutine does that, one
// at a time.
func (s *Session) arrived() {
	s.mu.Lock()
	h := &s.expeditedFlow().half
	s.mu.Unlock()
	if h.arrivals.Add(1) > 1 {
		return // the one that runs looks once more
	}
	go func() {
		for {
			n := h.arrivals.Load()
			s.takeExpedited()
			if h.arrivals.CompareAndSwap(n, 0) {
				return
			}
		}
	}()
}

// ring makes known that what has been received and not been passed on is void, if it is. mu is held.
func (s *Session) ring() {
	if s.expedited == nil || !s.expedited.half.watched {
		return
	}
	h := &s.expedited.half
	if st := s.m.State(); s.end != nil || s.announced != nil || st == spm.Aborting || st == spm.Withdrawing && !h.endOnly {
		h.overtaken.ring()
	}
}

// Wait waits for what an indication that is neither accepted nor refused yet may still bring, the peer's abort or disconnect, and returns that
// as Session.Receive would, or ctx's error.
func (in *Incoming) Wait(ctx context.Context) error {
	_, err := in.s.Receive(ctx)
	return err
}

// Break ends the session as an abort by the provider: its peer's user gets that as the reason, and no data. It does not wait.
func (s *Session) Break() {
	s.mu.Lock()
	s.finish(s.abortError(Provider, false, ReasonTransport, nil, nil))
	s.mu.Unlock()
	s.tc.Disconnect(transport.ReasonNormal)
}
