package tenuto

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// input is what an event brings beside what the machine sees.
type input struct {
	tsdus [][]byte  // the SPDU of a request, encoded
	send  spdu.SPDU // and as it was before
	wait  bool      // its user waits for flow control
	pdu   spdu.SPDU // the SPDU received
	at    place     // and where
	from  spm.State // the state that the event came in
	err   error     // what is wrong
}

// step puts an event into the machine and turns its outputs into what is to be done once mu is free. mu is held.
func (s *Session) step(ev spm.Event, in input) error {
	from := s.m.State()
	in.from = from
	keep, purged, queued := s.m.Protected(), s.m.Resynchronizing(), s.m.Queued(spm.EX)
	if err := s.m.Step(ev); err != nil {
		return err
	}
	out := s.m.Drain()
	late := s.queueExpedited(&ev, &in, queued)
	if !purged && slices.ContainsFunc(out, cancels) { // after a purge there is nothing more than an own RS
		s.purge(keep, !ev.Kind.FromUser())
	}
	for _, o := range out {
		if o == spm.SEXind && ev.Kind != spm.EX {
			s.indicate(s.indication(o, late[0]))
			late = late[1:]
			continue
		}
		s.output(o, &ev, &in)
	}
	s.settle(from, &ev, &in)
	s.ring()
	return nil
}

// settle records the end of a session of which the machine says nothing to the user. mu is held.
func (s *Session) settle(from spm.State, ev *spm.Event, in *input) {
	st := s.m.State()
	if st != spm.Idle && st != spm.Leaving && (st != spm.Connected || from == spm.Connected) || s.end != nil || ev.Kind == spm.SUABreq || ev.Kind == spm.TCONind {
		return
	}
	if from == spm.Connected || from == spm.WaitOverflow { // there was none yet, and this is no CN
		s.finish(s.abortOf(ev, in))
		return
	}
	s.finish(ErrReleased)
}

func (s *Session) output(o spm.Output, ev *spm.Event, in *input) {
	switch o {
	case spm.SCONcnfPos:
		s.confirmed = true
	case spm.SendDT, spm.SendTD, spm.SDTind, spm.STDind, spm.SCONind, spm.TCONreq, spm.TCONrsp, spm.StopTIM:
		// the caller's: it has the data, the parameters, or the transport connection already
	case spm.SendPRAB:
		s.cancelRequests(true)
		s.queueFirst(op{kind: opPurge, abort: true})
		s.queue(op{kind: opExpedited, tsdu: encodePR(spdu.PrepareAB)})
	case spm.SendPRMAA, spm.SendPRRS, spm.SendPRRA:
		s.prepare(o)
	case spm.SendABnr, spm.SendABr:
		s.sendAbort(ev, in)
	case spm.SendAA, spm.SendGTA:
		si := spdu.SPDU(spdu.AA{})
		if o == spm.SendGTA {
			si = spdu.GTA{}
		}
		b, err := si.AppendBinary(nil)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		s.queue(op{kind: opSend, tsdu: b, anchor: o == spm.SendGTA})
	case spm.SCONcnfNeg:
		rf := in.pdu.(spdu.RF)
		s.finish(&RefusedError{Service: s.Service(), Reason: rf.Reason, Data: rf.UserData})
	case spm.SUABind, spm.SPABind:
		s.finish(s.abortOf(ev, in))
	case spm.TDISreq:
		s.hangUp = true
	case spm.StartTIM:
		s.queue(op{kind: opDisconnectAfter})
	default:
		if o.ToUser() {
			s.indicate(s.indication(o, in.pdu))
			return
		}
		switch p := in.send.(type) {
		case spdu.RS:
			s.resync = resyncOf(&p)
		case spdu.EX:
			s.expedite(in.tsdus[0])
			return
		}
		for _, b := range in.tsdus {
			s.queue(op{kind: opSend, tsdu: b, user: in.wait, joins: s.joins(in), anchor: s.anchors(in.send)})
		}
	}
}

// prepare sends a PREPARE: what follows on the normal flow waits until it has been submitted.
func (s *Session) prepare(o spm.Output) {
	t := map[spm.Output]spdu.PrepareType{spm.SendPRMAA: spdu.PrepareMAA, spm.SendPRRS: spdu.PrepareRS, spm.SendPRRA: spdu.PrepareRA}[o]
	s.expedite(encodePR(t))
	s.queue(op{kind: opBarrier, user: true, anchor: o != spm.SendPRRS})
}

func encodePR(t spdu.PrepareType) []byte {
	b, err := spdu.PR{Type: t}.AppendBinary(nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// sendAbort queues AB, on the expedited flow if it fits there. What was sent before is withdrawn first.
func (s *Session) sendAbort(ev *spm.Event, in *input) {
	tsdus := in.tsdus
	if ev.Kind != spm.SUABreq {
		b, err := s.providerAbort(ev, in).AppendBinary(nil)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		tsdus = [][]byte{b}
	}
	s.cancelRequests(true)
	s.queueFirst(op{kind: opPurge, abort: true})
	for _, b := range tsdus {
		kind := opSend
		if s.m.Expedited() && len(tsdus) == 1 && len(b) <= transport.MaxExpedited {
			kind = opExpedited
		}
		s.queue(op{kind: kind, tsdu: b})
	}
}

// indication makes the indication or confirm that an SPDU brings.
func (s *Session) indication(o spm.Output, pdu spdu.SPDU) Indication {
	available, owned := s.m.Tokens()
	switch p := pdu.(type) {
	case spdu.EX:
		return ExpeditedInd{p.UserData}
	case spdu.CD:
		return CapabilityInd{p.UserData}
	case spdu.CDA:
		return CapabilityCnf{p.UserData}
	case spdu.GT:
		return TokenGiveInd{p.Tokens, p.UserData}
	case spdu.PT:
		return TokenPleaseInd{p.Tokens, p.UserData}
	case spdu.AC:
		return TokenPleaseInd{p.Tokens, nil}
	case spdu.GTC:
		return ControlGiveInd{p.UserData}
	case spdu.MIP:
		return SyncMinorInd{syncType(&p), p.Serial, p.UserData}
	case spdu.MIA:
		return SyncMinorCnf{p.Serial, p.UserData}
	case spdu.MAP:
		return SyncMajorInd{p.Serial, p.UserData}
	case spdu.AE:
		return ActivityEndInd{p.Serial, p.UserData}
	case spdu.MAA:
		if o == spm.SACTEcnf {
			return ActivityEndCnf{p.Serial, p.UserData}
		}
		return SyncMajorCnf{p.Serial, p.UserData}
	case spdu.RS:
		s.resync = resyncOf(&p)
		return ResyncInd{p.Type, p.Serial, settingsOf(p.Tokens, available, s.start), p.UserData}
	case spdu.RA:
		return ResyncCnf{p.Serial, owned, p.UserData}
	case spdu.ED:
		return ExceptionInd{Reason: p.Reason, Data: p.UserData}
	case spdu.ER:
		return ExceptionInd{Provider: true}
	case spdu.AS:
		return ActivityStartInd{p.Activity, p.UserData}
	case spdu.AR:
		l := &p.Linking
		return ActivityResumeInd{p.Activity, Resume{ID: l.Activity, Serial: l.Serial,
			On: Reference{Calling: l.Calling, Called: l.Called, Common: l.Common, Additional: l.Additional}}, p.UserData}
	case spdu.AI:
		return ActivityInterruptInd{p.Reason, p.UserData}
	case spdu.AIA:
		return ActivityInterruptCnf{p.UserData}
	case spdu.AD:
		return ActivityDiscardInd{p.Reason, p.UserData}
	case spdu.ADA:
		return ActivityDiscardCnf{p.UserData}
	case spdu.FN:
		return ReleaseInd{p.UserData}
	case spdu.DN:
		return ReleaseCnf{Data: p.UserData}
	case spdu.NF:
		return ReleaseCnf{Refused: true, Data: p.UserData}
	}
	panic(fmt.Sprintf("BUG: %v for %v", o, pdu))
}

func syncType(p *spdu.MIP) (t SyncType) {
	if p.Type == spdu.Optional {
		t |= Optional
	}
	if p.DataSeparation {
		t |= Separated
	}
	return t
}

func (s *Session) indicate(ind Indication) {
	s.inds = append(s.inds, ind)
	s.raise(flagLook)
}

func (s *Session) raise(f uint32) { s.flags.Or(f) }

// finish records how the session ended, if it has not, and makes those who wait look. mu is held.
func (s *Session) finish(err error) {
	if s.end != nil {
		return
	}
	s.end, s.corked = err, false
	s.ops = slices.DeleteFunc(s.ops, func(o op) bool { return o.joins }) // nobody waits for what waited
	if _, ok := err.(*AbortError); ok {
		s.inds = nil
	}
	s.raise(flagLook | flagStopSend)
	s.ring()
}

// announce makes senders fail with err, though the receiver has yet to come to the end. mu is held.
func (s *Session) announce(err error) {
	if s.announced == nil {
		s.announced = err
	}
	s.raise(flagStopSend)
	s.ring()
}

// over returns how the session ended, for who wants to send. mu is held.
func (s *Session) over() error {
	if s.end != nil {
		return s.counted(s.end)
	}
	return s.counted(s.announced)
}

// counted brings the counts of an abort up to date: calls that it ended have counted what they did.
func (s *Session) counted(err error) error {
	e, ok := err.(*AbortError)
	if !ok {
		return err
	}
	c := *e
	c.Sent, c.Received, c.Consumed = s.sent.Load(), s.received.Load(), s.consumed.Load()
	return &c
}

// left returns the lease of a session that has ended and left its transport connection for the next one; nil of others. mu is held.
func (s *Session) left() *lease {
	if s.end == nil || s.m.State() != spm.Connected || len(s.ops) > 0 {
		return nil
	}
	l, _ := s.tc.(*lease)
	return l
}

// perform unlocks mu and does what has been decided under it.
func (s *Session) perform() {
	hangUp, wake, ops := s.hangUp, s.flags.Load()&flagsWake != 0, len(s.ops) > 0
	s.hangUp, s.fresh = false, s.fresh || ops
	left := s.left()
	s.mu.Unlock()
	if left != nil {
		left.left()
	}
	if hangUp {
		s.tc.Disconnect(transport.ReasonNormal)
	}
	if wake {
		s.tc.Wake()
	}
	if ops && s.sendGate.tryLock() {
		s.openSendGate()
	}
}

// encode returns the TSDUs of an SPDU with user data of the given size.
func (s *Session) encode(p spdu.SPDU, size int) ([][]byte, error) {
	limit := MaxUserData
	if s.version == spdu.Version1 {
		limit = spdu.MaxUserDataV1
	}
	if _, ok := p.(spdu.AB); ok {
		limit = spdu.MaxAbortData
		if s.version == spdu.Version1 {
			limit = spdu.MaxAbortDataV1
		}
	}
	if size > limit {
		return nil, fmt.Errorf("tenuto: user data of %d octets exceed %d", size, limit)
	}
	tsdus, err := spdu.Segments(p, int(s.sendMax))
	if err == nil && s.version == spdu.Version1 {
		if err := spdu.CheckVersion(p, s.version); err != nil {
			return nil, fmt.Errorf("tenuto: with protocol version 1: %w", err)
		}
		if len(tsdus) > 1 {
			return nil, fmt.Errorf("tenuto: user data of %d octets exceed the TSDU maximum size %d, and protocol version 1 has no segments", size, s.sendMax)
		}
	}
	return tsdus, err
}

// refusal turns the machine's refusal of a request or response into an error of this package. Where a relay passes on what was overtaken, that is
// ErrPurged. mu is held.
func (s *Session) refusal(err error) error {
	var ie *spm.InvalidError
	if !errors.As(err, &ie) {
		return err
	}
	if s.m.Relay && s.m.Overtaken(ie.Event) {
		return ErrPurged
	}
	sends := ie.Event == spm.SDTreq || ie.Event == spm.SRELreq
	released := ie.State == spm.Releasing || ie.State == spm.Released
	if sends && released && s.m.Units()&NegotiatedRelease == 0 { // else the session may go on
		return ErrReleased
	}
	return wrap(err)
}

// wrap turns any other refusal of the machine into an error of this package.
func wrap(err error) error {
	var ie *spm.InvalidError
	if !errors.As(err, &ie) {
		return err
	}
	return &NotAllowedError{Request: requestNames[ie.Event], Lacks: ie.Lacks, Err: ie}
}

func (s *Session) abortError(by Source, remote bool, r AbortReason, data []byte, err error) *AbortError {
	return &AbortError{By: by, Remote: remote, Reason: r, Data: data, Err: err,
		Sent: s.sent.Load(), Received: s.received.Load(), Consumed: s.consumed.Load()}
}

// abortOf returns what the user is told of an abort.
func (s *Session) abortOf(ev *spm.Event, in *input) *AbortError {
	if ab, ok := in.pdu.(spdu.AB); ok && (ev.Kind == spm.ABnr || ev.Kind == spm.ABr) {
		if ev.UserAbort {
			return s.abortError(User, true, ReasonUser, ab.UserData, nil)
		}
		r := ReasonUndefined
		switch {
		case ab.Reason&spdu.ProtocolErrorAbort != 0:
			r = ReasonProtocolError
		case ab.Reason&spdu.ImplementationRestriction != 0:
			r = ReasonRestriction
		}
		return s.abortError(Provider, true, r, nil, nil)
	}
	if ev.Kind == spm.TDISind {
		return s.lost(in.err)
	}
	err := s.breach(ev, in)
	r := ReasonProtocolError
	if restricted(err) {
		r = ReasonRestriction
	}
	return s.abortError(Provider, false, r, nil, err)
}

// lost is the abort that a T-DISCONNECT indication means.
func (s *Session) lost(err error) *AbortError {
	var de *transport.DisconnectError
	remote := errors.As(err, &de) && de.Remote
	return s.abortError(Provider, remote, ReasonTransport, nil, err)
}

// gone tells whether a transport's error says that the connection has ended here.
func gone(err error) bool { return errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrClosed) }
