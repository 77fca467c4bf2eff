package tenuto

import (
	"slices"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// cancels tells which outputs say that what was sent before has no effect any more (x225 1.6).
func cancels(o spm.Output) bool {
	switch o {
	case spm.SendRSa, spm.SendRSr, spm.SendRSs, spm.SendAI, spm.SendAD, spm.SRSYNind, spm.SACTIind, spm.SACTDind:
		return true
	}
	return false
}

// purge withdraws what this side has sent, unless data separation protects it, and drops what the user has not received; moot says that the
// peer drops what it has received, too. mu is held, and the machine has been stepped.
func (s *Session) purge(keep, moot bool) {
	if !keep {
		s.cancelRequests(false)
	}
	s.queueFirst(op{kind: opPurge, keep: keep, moot: moot})
	s.raise(flagPurge)
	if s.m.Discarding() {
		s.inds = slices.DeleteFunc(s.inds, func(i Indication) bool { return !starts(i) })
		s.raise(flagDrop)
	}
}

// starts tells which indications a purge leaves: what it is about.
func starts(i Indication) bool {
	switch i.(type) {
	case ActivityStartInd, ActivityResumeInd:
		return true
	}
	return false
}

// cancelRequests drops what requests have still to send, but for anchors and what announces them unless all is to go. mu is held.
func (s *Session) cancelRequests(all bool) {
	s.ops = slices.DeleteFunc(s.ops, func(o op) bool { return o.user && (all || !o.anchor) })
	if s.expedited != nil {
		s.expedited.queue = slices.DeleteFunc(s.expedited.queue, func(b []byte) bool { return all || !isPrepare(b) })
	}
	s.purges++
}

// anchors tells which SPDUs a purge does not withdraw. The peer's machine has to see the start of an activity, or else would not know what the next
// resynchronization, interrupt or discard is about; and an answer that it waits for, or that a PREPARE has announced, has to come. Sessions in which
// there is no such thing, as those of Conns, have no anchor to keep. mu is held.
func (s *Session) anchors(p spdu.SPDU) bool {
	if s.m.Units()&(Resync|Activity) == 0 {
		return false
	}
	switch p.(type) {
	case spdu.AC, spdu.NF, spdu.AS, spdu.AR, spdu.RA, spdu.AIA, spdu.ADA, spdu.MAA:
		return true
	}
	return false
}

// anchor notes that what was submitted is to arrive.
func (s *Session) anchor() {
	at, _ := s.tc.Position()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expeditedFlow().anchor = at
}

// withdraw withdraws what was sent, unless there is an anchor in it: the peer drops the rest by itself.
func (s *Session) withdraw() {
	if s.noPurge {
		return
	}
	var anchor uint64
	s.mu.Lock()
	if s.expedited != nil {
		anchor = s.expedited.anchor
	}
	s.mu.Unlock()
	if _, settled := s.tc.Position(); settled >= anchor {
		s.tc.Purge()
	} else if s.tx.open {
		s.tc.Send(transport.Never, nil, nil, transport.End|transport.NoWait)
	}
}

// isPrepare tells a PREPARE among what is sent on the expedited flow.
func isPrepare(tsdu []byte) bool {
	_, _, err := spdu.ParsePR(tsdu)
	return err == nil
}
