package tenuto

import (
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// maxControl is the size of the largest TSDU without user information, in octets: a GT with user data and one SPDU more. x225 2.1, 3.2
const maxControl = 2 * spdu.MaxSPDU

// heldAbort is an AB that has arrived before data which were sent before it.
type heldAbort struct {
	ev spm.Event
	in input
}

// got is what receive found: an indication, or n octets of an SSDU and whether it ends.
type got struct {
	ind  Indication
	n    int
	end  bool
	flow flow
}

// receive takes the next thing from the transport or from the queue of indications. User data go straight into b. It may return with
// nothing at all: the machine has changed. The caller has the receive gate.
func (s *Session) receive(w transport.Cancel, b []byte) (g got, err error) {
	s.flags.And(^flagLook) // before the look
	s.mu.Lock()
	var held *heldAbort
	if s.expedited != nil {
		held = s.expedited.held
	}
	if len(s.inds) > 0 {
		if g.ind, s.inds = s.inds[0], s.inds[1:]; len(s.inds) == 0 {
			s.inds = nil
		}
		s.mu.Unlock()
		return g, nil
	}
	err = s.counted(s.end)
	s.mu.Unlock()
	if err != nil {
		return g, err
	}
	if held != nil {
		w = now{}
	}
	r := &s.rx
	r.begin()
	if r.inData {
		g, err = s.receiveData(w, b)
	} else {
		err = s.receiveHead(w, &g)
	}
	if err == nil {
		return g, nil
	}
	return got{}, s.receiveError(err, held)
}

func (s *Session) receiveData(w transport.Cancel, b []byte) (g got, err error) {
	r := &s.rx
	var n int
	var end bool
	if len(r.over) > 0 {
		n = copy(b, r.over)
		r.over = r.over[n:]
		end = r.ended && len(r.over) == 0
	} else if n, end, err = s.tc.Receive(w, b); err != nil {
		return g, err
	}
	s.received.Add(int64(n))
	r.discard = r.discard || s.flags.Load()&flagDrop != 0
	g = got{n: n, end: end && r.enc.Ends(), flow: r.flow}
	if r.discard {
		g = got{}
	}
	if end {
		s.endData()
	}
	return g, nil
}

// endData ends a TSDU with user information.
func (s *Session) endData() {
	r := &s.rx
	r.reset()
	if r.after == nil {
		return
	}
	p := r.after
	r.after = nil
	s.mu.Lock()
	defer s.perform()
	s.process(p, false, place{r.leads, 0})
}

// receiveHead reads on in the octets of a TSDU before its user information, or in all of it.
func (s *Session) receiveHead(w transport.Cancel, g *got) error {
	r := &s.rx
	have := len(r.tsdu)
	if r.want > cap(r.tsdu) {
		grown := make([]byte, have, min(max(r.want, 4*have), maxControl+1))
		copy(grown, r.tsdu)
		r.tsdu = grown
	}
	n, end, err := s.tc.Receive(w, r.tsdu[have:r.want])
	if err != nil {
		return err
	}
	r.tsdu = r.tsdu[:have+n]
	if size, data := spdu.Need(r.tsdu); data {
		s.data(size, end, g)
		return nil
	} else if !end {
		switch {
		case size > maxControl || len(r.tsdu) > maxControl:
			s.wrong(&spdu.ProtocolError{Code: spdu.Restricted, PDU: "TSDU", Clause: "x225 2.1", Err: fmt.Errorf("more than %d octets", maxControl)})
		case size > 0:
			r.want = size
		case len(r.tsdu) == r.want:
			r.want = min(max(4*r.want, len(r.head)), maxControl+1)
		}
		return nil
	}
	tsdu := append([]byte(nil), r.tsdu...) // what the SPDU aliases may outlive the buffer
	r.reset()
	s.control(tsdu)
	return nil
}

// data begins the user information of a DT or TD whose head has been read. What stands before it in the TSDU comes first, and tokens
// in the GT or PT that leads it come last (x225 3.2).
func (s *Session) data(size int, end bool, g *got) {
	r := &s.rx
	f, kind, want := normal, spm.DT, spm.SDTind
	var enc spdu.Enclosure
	at := place{r.tsdu[:size], 1}
	s.mu.Lock()
	s.afterExpedited()
	if dt, ok := plainDT(r.tsdu, size); ok {
		enc = dt.Enclosure
	} else {
		at.tsdu = append([]byte(nil), r.tsdu[:size]...)
		pdus, err := s.parse(at.tsdu)
		if err != nil {
			s.mu.Unlock()
			s.wrong(err)
			return
		}
		at.index = len(pdus) - 1
		switch p := pdus[at.index].(type) {
		case spdu.DT:
			enc = p.Enclosure
		case spdu.TD:
			enc, f, kind, want = p.Enclosure, typed, spm.TD, spm.STDind
		}
		if len(pdus) > 1 {
			for i, p := range pdus[1 : len(pdus)-1] {
				s.process(p, false, place{at.tsdu, i + 1})
			}
			r.after, r.leads = pdus[0], at.tsdu
		}
	}
	if s.trace != nil {
		s.traceReceived(dataPDU(f, enc), false)
	}
	from := s.m.State()
	if err := s.m.Step(spm.Event{Kind: kind}); err != nil {
		panic("BUG: " + err.Error())
	}
	out := s.m.Drain()
	if r.discard = len(out) != 1 || out[0] != want; r.discard && len(out) > 0 {
		s.notNow(spm.Event{Kind: kind}, input{pdu: dataPDU(f, enc), at: at, from: from}, out)
		return
	}
	if !r.discard && enc.Begins() == r.ssdu[f] {
		s.invalid(spdu.Locate(misfit(dataPDU(f, enc), piEnclosure, clauseSegments, "segments of an SSDU out of order"), at.tsdu, at.index))
		r.reset()
		s.perform()
		return
	}
	s.perform()
	s.flags.And(^flagDrop)
	r.flow, r.enc, r.ssdu[f], r.inData = f, enc, !enc.Ends() && !r.discard, true
	if r.over, r.ended = append(r.over[:0], r.tsdu[size:]...), end; len(r.over) > 0 {
		return
	}
	if end {
		g.end, g.flow = enc.Ends() && !r.discard, f
		s.endData()
	}
}

// plainDT parses the head that nearly all data have: GT without tokens, and DT.
func plainDT(b []byte, size int) (dt spdu.DT, ok bool) {
	if [2]byte(b) != [2]byte(spdu.WholeHead[:2]) {
		return dt, false
	}
	dt, n, err := spdu.ParseDT(b[2:])
	return dt, err == nil && n == size-2
}

func dataPDU(f flow, enc spdu.Enclosure) spdu.SPDU {
	if f == typed {
		return spdu.TD{Enclosure: enc}
	}
	return spdu.DT{Enclosure: enc}
}

// notNow does what the machine answers to data that its state does not allow. mu is held, and let go.
func (s *Session) notNow(ev spm.Event, in input, out []spm.Output) {
	for _, o := range out {
		s.output(o, &ev, &in)
	}
	s.settle(in.from, &ev, &in)
	s.perform()
}

// wrong is the reaction to what cannot be understood: the machine's, and the rest of the TSDU is not read.
func (s *Session) wrong(err error) {
	s.rx.reset()
	s.mu.Lock()
	s.invalid(err)
	s.perform()
}

// invalid steps an SPDU that cannot be understood. Before there is a session the machine has nothing to say to the user, so that the
// end is recorded here. mu is held.
func (s *Session) invalid(err error) {
	ev, in := spm.Event{Kind: spm.Invalid}, input{err: err}
	s.finish(s.abortOf(&ev, &in))
	s.must(ev, in)
}

// must steps an event that is not the user's. mu is held.
func (s *Session) must(ev spm.Event, in input) {
	if err := s.step(ev, in); err != nil {
		panic("BUG: " + err.Error())
	}
}

// control handles a TSDU without user information.
func (s *Session) control(tsdu []byte) {
	s.mu.Lock()
	s.afterExpedited()
	s.processAll(tsdu, false)
	s.perform()
}

// processAll steps the SPDUs of a TSDU in order, and the tokens of the GT or PT that leads it last. mu is held.
func (s *Session) processAll(tsdu []byte, expedited bool) {
	pdus, err := s.parse(tsdu)
	if err != nil {
		s.invalid(err)
		return
	}
	for i := range pdus {
		i = (i + 1) % len(pdus)
		s.process(pdus[i], expedited, place{tsdu, i})
	}
}

// parse takes a TSDU, or its head, apart, and checks what does not depend on the state.
func (s *Session) parse(tsdu []byte) ([]spdu.SPDU, error) {
	pdus, _, err := spdu.Parse(tsdu)
	if err != nil {
		return nil, err
	}
	if c, _ := spdu.Concatenated(pdus); c == spdu.Extended && !s.concatenation {
		return nil, spdu.Locate(&spdu.ProtocolError{Code: spdu.BadSequence, PDU: "TSDU", Offset: -1, Clause: "x225 3.2",
			Err: errors.New("extended concatenation, which was not agreed")}, tsdu, 2)
	}
	for i, p := range pdus {
		if err := spdu.CheckVersion(p, s.version); err != nil {
			return nil, spdu.Locate(err, tsdu, i)
		}
		if gt, ok := p.(spdu.GT); ok && i == 0 && len(pdus) > 1 && gt.Tokens != 0 && resets(pdus[1]) {
			pdus[0] = spdu.GT{} // what follows says where the tokens go (x225 3.2)
		}
	}
	return pdus, nil
}

// resets tells which SPDUs set the token positions themselves.
func resets(p spdu.SPDU) bool {
	switch p.(type) {
	case spdu.RS, spdu.AI, spdu.AD:
		return true
	}
	return false
}

// process steps an SPDU. mu is held.
func (s *Session) process(p spdu.SPDU, expedited bool, at place) {
	s.traceReceived(p, expedited)
	ev, in, err := s.event(p, expedited, at)
	if err == nil && s.pinned(p) {
		err = pinnedError(p)
	}
	if err != nil {
		s.invalid(spdu.Locate(err, at.tsdu, at.index))
		return
	}
	in.at = at
	if ev.Kind == 0 || expedited && s.byConn && s.end == nil && s.hold(ev, in) {
		return
	}
	s.must(ev, in)
	if !expedited && ends(p) {
		s.rx.ssdu = [numFlows]bool{}
	}
	if ac, ok := in.pdu.(spdu.AC); ok && ac.Tokens != 0 && s.m.State() == spm.DataTransfer {
		s.must(spm.Event{Kind: spm.PT, Tokens: ac.Tokens}, in) // x225 2.6: AC is followed by a PT event
	}
}

// ends tells which SPDUs are never within an SSDU that goes on behind them (x225 2.10).
func ends(p spdu.SPDU) bool {
	switch p.(type) {
	case spdu.RS, spdu.RA, spdu.AI, spdu.AIA, spdu.AD, spdu.ADA, spdu.ED, spdu.ER:
		return true
	}
	return false
}

// hold keeps an abort that overtook data from a Conn until they have been read: received data stay readable. Who writes
// hears of it at once. PREPARE(AB) is dropped: its AB follows the data by itself.
func (s *Session) hold(ev spm.Event, in input) bool {
	switch ev.Kind {
	case spm.ABnr, spm.ABr:
		s.expeditedFlow().held = &heldAbort{ev, in}
		s.announce(s.abortOf(&ev, &in))
		s.raise(flagLook)
		return true
	case spm.PRAB:
		s.announce(s.abortError(User, true, ReasonUser, nil, nil))
		return true
	}
	return false
}

// receiveError handles what the transport says instead of octets. nil means: go on.
func (s *Session) receiveError(err error, held *heldAbort) error {
	r := &s.rx
	var de *transport.DisconnectError
	switch {
	case err == transport.ErrExpedited:
		s.takeExpedited()
		return nil
	case err == transport.ErrPurged:
		// What was cut is dropped; what follows is an abort, or what it resynchronizes to.
		r.reset()
		r.ssdu, r.after = [numFlows]bool{}, nil
		return nil
	case err == errLook:
		return nil
	case held != nil && (err == errNow || errors.As(err, &de) || gone(err)):
		s.mu.Lock()
		s.expedited.held = nil
		s.must(held.ev, held.in)
		s.perform()
		return nil
	case errors.As(err, &de):
		s.mu.Lock()
		s.finish(s.lost(err))
		s.must(spm.Event{Kind: spm.TDISind}, input{err: err})
		s.perform()
		return nil
	case gone(err):
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finish(ErrClosed) // somebody else has disconnected the transport
		return s.end
	}
	return err
}
