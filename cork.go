package tenuto

import (
	"context"
	"slices"

	"github.com/tenuto-session/tenuto/spdu"
)

// maxHeld is how many octets of SPDUs Cork holds back for one TSDU, if the agreed TSDU maximum size is not less.
const maxHeld = 16 << 10

// Cork makes a request's SPDU wait here, so that it goes out in one TSDU with those of the requests after it: extended concatenation. The next
// Send or SendPart takes what waits along, before its data; a request or response that cannot share a TSDU makes it go first. Where the peer did not
// agree to extended concatenation (Parameters.Concatenation) everything goes out as without Cork. X.225 calls this a case of the quality of
// service "optimized dialogue transfer".
//
// What may share a TSDU are minor and major synchronization points, the start, resumption and end of activities and capability data; or
// else, their responses and exception reports. x225 3.2
func (s *Session) Cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = s.concatenate
}

// Uncork ends Cork, and sends what waits. ctx bounds how long it waits for flow control; what is left then goes with the next call.
func (s *Session) Uncork(ctx context.Context) error {
	w, err := s.enterSend(ctx)
	if err != nil {
		return err
	}
	defer s.leaveSend(w)
	s.mu.Lock()
	s.corked = false
	s.mu.Unlock()
	return s.run(w)
}

// joins tells whether a request's SPDU may wait for others. mu is held.
func (s *Session) joins(in *input) bool {
	switch in.send.(type) {
	case spdu.RS, spdu.AI, spdu.AD: // nothing waits that ends what others do
		return false
	}
	return s.corked && in.wait && len(in.tsdus) == 1 && len(in.tsdus[0]) > len(nullHeader) && in.tsdus[0][1] == 0
}

// nullHeader stands for the GT or PT without a token that leads a TSDU. Only they have length 0 and something after them.
var nullHeader = [...]byte{1, 0}

// holding tells whether all that is to go out waits for more. mu is held.
func (s *Session) holding() bool {
	size := 0
	for _, o := range s.ops {
		if size += len(o.tsdu); !o.joins || o.tsdu[0] != s.ops[0].tsdu[0] || size > s.maxJoined() {
			return false
		}
	}
	return s.corked && len(s.ops) < spdu.MaxConcatenated // there is room for a DT
}

func (s *Session) maxJoined() int {
	if s.sendMax != 0 {
		return min(int(s.sendMax), maxHeld)
	}
	return maxHeld
}

// join takes the first op, with all after it that may share its TSDU. mu is held.
func (s *Session) join() op {
	o := s.ops[0]
	s.ops = s.ops[1:]
	for n := 1; o.joins && n < spdu.MaxConcatenated && len(s.ops) > 0; n++ {
		next := &s.ops[0]
		if !next.joins || next.tsdu[0] != o.tsdu[0] || len(o.tsdu)+len(next.tsdu) > s.maxJoined() {
			break
		}
		o.tsdu = append(slices.Clip(o.tsdu), next.tsdu[len(nullHeader):]...)
		o.anchor = o.anchor || next.anchor
		s.ops = s.ops[1:]
	}
	if o.joins = false; len(s.ops) == 0 {
		s.ops = nil // its array is not an idle session's
	}
	return o
}

// runBefore does what is to go out before data, but for what goes with them.
func (s *Session) runBefore(w *waiter, f flow) error {
	if f == normal && s.sendMax == 0 {
		return s.run(w)
	}
	s.mu.Lock()
	corked := s.corked
	s.corked = false
	s.mu.Unlock()
	err := s.run(w)
	s.mu.Lock()
	s.corked = corked && s.end == nil
	s.mu.Unlock()
	return err
}

// sendWhole begins a TSDU with an SSDU, or its first part, behind what waits for one. That goes on waiting if nothing could be sent.
func (s *Session) sendWhole(w *waiter, f flow, b []byte, end bool) (n int, err error) {
	head := wholeHeads[f]
	var before []op
	var purges uint32
	var anchor bool
	if s.concatenate {
		s.mu.Lock()
		if purges = s.purges; s.holding() && len(s.ops) > 0 {
			before = s.ops
			o := s.join() // that is all of them
			anchor = o.anchor
			head = append(slices.Clip(o.tsdu), head[len(nullHeader):]...)
		}
		s.mu.Unlock()
	}
	n, err = s.transmit(w, head, b, end)
	if anchor && n > 0 {
		s.anchor()
	}
	if s.tx.ssdu = s.tx.open; before != nil && err != nil && n == 0 {
		s.mu.Lock()
		if s.purges == purges {
			s.ops = append(slices.Clip(before), s.ops...)
		}
		s.mu.Unlock()
	}
	return n, err
}
