package tenuto

import (
	"errors"
	"fmt"
	"net"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// An op is something that whoever has the send gate is to do.
type op struct {
	kind opKind
	tsdu []byte
}

type opKind uint8

const (
	opSend            opKind = iota // past flow control
	opExpedited                     // on the expedited flow if it goes at once, else on the normal one; PREPARE not at all then
	opPurge                         // withdraw what was sent
	opDisconnectAfter               // TIM
)

// input is what an event brings beside what the machine sees.
type input struct {
	tsdus   [][]byte  // the SPDU of a request, encoded
	pdu     spdu.SPDU // the SPDU received
	reflect []byte    // of a wrong TSDU
	err     error     // what is wrong
}

// step puts an event into the machine and turns its outputs into what is to be done once mu is free. mu is held.
func (s *Session) step(ev spm.Event, in input) error {
	from := s.m.State()
	if err := s.m.Step(ev); err != nil {
		return err
	}
	for _, o := range s.m.Drain() {
		s.output(o, &ev, &in)
	}
	s.settle(from, &ev, &in)
	return nil
}

// settle records the end of a session of which the machine says nothing to the user. mu is held.
func (s *Session) settle(from spm.State, ev *spm.Event, in *input) {
	st := s.m.State()
	if st != spm.Idle && st != spm.Leaving || s.end != nil || ev.Kind == spm.SUABreq {
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
	case spm.SendCN, spm.SendOA, spm.SendCDO, spm.SendAC, spm.SendRFnr, spm.SendFNnr, spm.SendDN:
		for _, b := range in.tsdus {
			s.ops = append(s.ops, op{opSend, b})
		}
	case spm.SendPRAB:
		b, err := spdu.PR{Type: spdu.PrepareAB}.AppendBinary(nil)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		s.ops = append(s.ops, op{opPurge, nil}, op{opExpedited, b})
	case spm.SendABnr:
		s.sendAbort(ev, in)
	case spm.SCONcnfNeg:
		rf := in.pdu.(spdu.RF)
		s.finish(&RefusedError{s.service, rf.Reason, rf.UserData})
	case spm.SRELind:
		s.indicate(ReleaseInd{in.pdu.(spdu.FN).UserData})
	case spm.SRELcnfPos:
		s.indicate(ReleaseCnf{in.pdu.(spdu.DN).UserData})
	case spm.SUABind, spm.SPABind:
		s.finish(s.abortOf(ev, in))
	case spm.TDISreq:
		s.hangUp = true
	case spm.StartTIM:
		s.ops = append(s.ops, op{opDisconnectAfter, nil})
	case spm.SendDT, spm.SDTind, spm.SCONind, spm.SCONcnfPos, spm.TCONreq, spm.TCONrsp, spm.StopTIM:
		// the caller's: it has the data, the parameters, or the transport connection already
	default:
		panic(fmt.Sprintf("BUG: output %v without reuse of the transport connection", o))
	}
}

// sendAbort queues AB, on the expedited flow if it fits there. What was sent before is withdrawn first.
func (s *Session) sendAbort(ev *spm.Event, in *input) {
	tsdus := in.tsdus
	if ev.Kind != spm.SUABreq {
		b, err := spdu.AB{Reason: spdu.ProtocolErrorAbort, Reflect: in.reflect}.AppendBinary(nil)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		tsdus = [][]byte{b}
	}
	s.ops = append(s.ops, op{opPurge, nil})
	for _, b := range tsdus {
		kind := opSend
		if s.tc.HasExpedited() && len(tsdus) == 1 && len(b) <= transport.MaxExpedited {
			kind = opExpedited
		}
		s.ops = append(s.ops, op{kind, b})
	}
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
	s.end = err
	if _, ok := err.(*AbortError); ok {
		s.inds = nil
	}
	s.raise(flagLook | flagStopSend)
}

// announce makes senders fail with err, though the receiver has yet to come to the end. mu is held.
func (s *Session) announce(err error) {
	if s.announced == nil {
		s.announced = err
	}
	s.raise(flagStopSend)
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

// perform unlocks mu and does what has been decided under it.
func (s *Session) perform() {
	hangUp, wake, ops := s.hangUp, s.flags.Load() != 0, len(s.ops) > 0
	s.hangUp = false
	s.mu.Unlock()
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

// flush does what is to go out, for who has the send gate.
func (s *Session) flush() {
	s.mu.Lock()
	ops := s.ops
	s.ops = nil
	s.mu.Unlock()
	for _, o := range ops {
		s.do(o)
	}
}

// openSendGate does what is to go out, and lets the next sender in.
func (s *Session) openSendGate() {
	for {
		s.mu.Lock()
		ops := s.ops
		s.ops = nil
		if len(ops) == 0 {
			s.sendGate.unlock() // under mu: who adds an op now finds the gate open
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for _, o := range ops {
			s.do(o)
		}
	}
}

// do does one op. An error means that the connection has ended, of which the receiver hears.
func (s *Session) do(o op) {
	switch o.kind {
	case opSend:
		s.tc.Send(transport.Never, nil, o.tsdu, transport.End|transport.NoWait)
	case opExpedited:
		err := s.tc.SendExpedited(now{}, o.tsdu)
		if _, _, notPR := spdu.ParsePR(o.tsdu); errors.Is(err, errNow) && notPR != nil {
			s.do(op{opSend, o.tsdu})
		}
	case opPurge:
		s.tc.Purge()
		s.tx.open, s.tx.ssdu, s.tx.owed = false, false, 0
	case opDisconnectAfter:
		s.tc.DisconnectAfter(tim)
	}
}

// encode returns the TSDUs of an SPDU with user data of the given size.
func (s *Session) encode(p spdu.SPDU, size int) ([][]byte, error) {
	max, limit := s.sendMax, MaxUserData
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
	return spdu.Segments(p, max)
}

// wrap turns a refusal of the machine into an error of this package.
func wrap(err error) error {
	var ie *spm.InvalidError
	if !errors.As(err, &ie) {
		return err
	}
	switch ie.Event {
	case spm.SDTreq, spm.SRELreq:
		if ie.State == spm.Releasing || ie.State == spm.Released {
			return ErrReleased
		}
	}
	return fmt.Errorf("tenuto: request not allowed now: %w", err)
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
	err := in.err
	if err == nil {
		err = fmt.Errorf("tenuto: %v: not allowed in this state", ev.Kind)
	}
	return s.abortError(Provider, false, ReasonProtocolError, nil, err)
}

// lost is the abort that a T-DISCONNECT indication means.
func (s *Session) lost(err error) *AbortError {
	var de *transport.DisconnectError
	remote := errors.As(err, &de) && de.Remote
	return s.abortError(Provider, remote, ReasonTransport, nil, err)
}

// gone tells whether a transport's error says that the connection has ended here.
func gone(err error) bool { return errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrClosed) }
