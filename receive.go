package tenuto

import (
	"errors"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// maxControl is the size of the largest TSDU without user information, in octets: one SPDU. x225 2.1
const maxControl = 4 + 65535

// A receiver is what receiving keeps between calls. The receive gate guards it.
type receiver struct {
	waiter   waiter
	head     [64]byte // the first octets of a TSDU
	tsdu     []byte   // those octets, or all of a TSDU without user information; aliases head while it is short
	want     int      // how long tsdu is to become before it is looked at
	inData   bool     // the user information of a DT is being received
	discard  bool     // and the machine delivers none of it
	enc      spdu.Enclosure
	ssdu     bool // an SSDU is unfinished
	assembly spdu.Assembly
	buf      []byte // of Session.Receive

	overflow []byte        // while connecting: user data for CDO
	sizes    spdu.TSDUSize // while connecting: those that CN proposed
}

// reset begins another TSDU.
func (r *receiver) reset() {
	r.tsdu, r.want, r.inData = r.head[:0], len(spdu.WholeHead), false
}

// heldAbort is an AB that has arrived before data which were sent before it.
type heldAbort struct {
	ev spm.Event
	in input
}

// got is what receive found: an indication, or n octets of an SSDU and whether it ends.
type got struct {
	ind Indication
	n   int
	end bool
}

// receive takes the next thing from the transport or from the queue of indications. User data go straight into b. It may return with
// nothing at all: the machine has changed. The caller has the receive gate.
func (s *Session) receive(w transport.Cancel, b []byte) (g got, err error) {
	s.flags.And(^flagLook) // before the look
	s.mu.Lock()
	held := s.held
	if len(s.inds) > 0 {
		g.ind, s.inds = s.inds[0], s.inds[1:]
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
	if r.tsdu == nil {
		r.reset()
	}
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
	n, end, err := s.tc.Receive(w, b)
	if err != nil {
		return g, err
	}
	s.received.Add(int64(n))
	if end {
		r.reset()
	}
	if r.discard {
		return g, nil
	}
	return got{n: n, end: end && r.enc.Ends()}, nil
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
			s.wrong(errors.New("tenuto: TSDU too long"))
		case size > 0:
			r.want = size
		case len(r.tsdu) == r.want:
			r.want = min(max(4*r.want, len(r.head)), maxControl+1)
		}
		return nil
	}
	tsdu := append([]byte(nil), r.tsdu...) // what the SPDU aliases may outlive the buffer
	r.reset()
	s.control(tsdu, false)
	return nil
}

// data begins the user information of a DT whose head has been read.
func (s *Session) data(size int, end bool, g *got) {
	r := &s.rx
	var enc spdu.Enclosure
	if size != len(spdu.WholeHead) || [4]byte(r.tsdu) != spdu.WholeHead {
		var err error
		if enc, err = dataHead(r.tsdu); err != nil {
			s.wrong(err)
			return
		}
	}
	if enc.Begins() == r.ssdu {
		s.wrong(errors.New("tenuto: DT segments out of order"))
		return
	}
	s.mu.Lock()
	from := s.m.State()
	if err := s.m.Step(spm.Event{Kind: spm.DT}); err != nil {
		panic("BUG: " + err.Error())
	}
	out := s.m.Drain()
	if r.discard = len(out) != 1 || out[0] != spm.SDTind; !r.discard || len(out) == 0 {
		s.mu.Unlock()
	} else {
		s.notNow(from, out)
	}
	r.enc, r.ssdu = enc, !enc.Ends()
	if end {
		r.reset()
		g.end = enc.Ends() && !r.discard
		return
	}
	r.inData = true
}

// notNow does what the machine answers to a DT that its state does not allow. mu is held, and let go.
func (s *Session) notNow(from spm.State, out []spm.Output) {
	ev := spm.Event{Kind: spm.DT}
	in := input{reflect: s.rx.tsdu[:min(len(s.rx.tsdu), spdu.ReflectMax)]}
	for _, o := range out {
		s.output(o, &ev, &in)
	}
	s.settle(from, &ev, &in)
	s.perform()
}

// dataHead returns the enclosure of the DT in a head: GT or PT, and DT. Tokens are not there to be given or asked for.
func dataHead(b []byte) (spdu.Enclosure, error) {
	var tokens spdu.Tokens
	var n int
	if b[0] == spdu.WholeHead[0] {
		gt, m, err := spdu.ParseGT(b)
		if err != nil {
			return 0, err
		}
		tokens, n = gt.Tokens, m
	} else {
		pt, m, err := spdu.ParsePT(b)
		if err != nil {
			return 0, err
		}
		tokens, n = pt.Tokens, m
	}
	if tokens != 0 {
		return 0, errTokens
	}
	dt, _, err := spdu.ParseDT(b[n:])
	return dt.Enclosure, err
}

var errTokens = errors.New("tenuto: tokens that are not available")

// wrong is the reaction to what cannot be understood: the machine's, and the rest of the TSDU is not read.
func (s *Session) wrong(err error) {
	r := &s.rx
	reflect := append([]byte(nil), r.tsdu[:min(len(r.tsdu), spdu.ReflectMax)]...)
	r.reset()
	s.mu.Lock()
	s.invalid(err, reflect)
	s.perform()
}

// invalid steps an SPDU that cannot be understood. Before there is a session the machine has nothing to say to the user, so that the
// end is recorded here. mu is held.
func (s *Session) invalid(err error, reflect []byte) {
	s.finish(s.abortError(Provider, false, ReasonProtocolError, nil, err))
	s.must(spm.Event{Kind: spm.Invalid}, input{err: err, reflect: reflect})
}

// must steps an event that is not the user's. mu is held.
func (s *Session) must(ev spm.Event, in input) {
	if err := s.step(ev, in); err != nil {
		panic("BUG: " + err.Error())
	}
}

// control handles a TSDU without user information.
func (s *Session) control(tsdu []byte, expedited bool) {
	s.mu.Lock()
	defer s.perform()
	ev, in, err := s.decode(tsdu, expedited)
	reflect := tsdu[:min(len(tsdu), spdu.ReflectMax)]
	if err != nil {
		s.invalid(err, reflect)
		return
	}
	if in.pdu == nil {
		return // a segment, or nothing but a header
	}
	in.reflect = reflect
	if expedited && s.byConn && s.end == nil && s.hold(ev, in) {
		return
	}
	s.must(ev, in)
}

// hold keeps an abort that overtook data from a Conn until they have been read: received data stay readable. Who writes
// hears of it at once. PREPARE(AB) is dropped: its AB follows the data by itself.
func (s *Session) hold(ev spm.Event, in input) bool {
	switch ev.Kind {
	case spm.ABnr, spm.ABr:
		s.held = &heldAbort{ev, in}
		s.announce(s.abortOf(&ev, &in))
		s.raise(flagLook)
		return true
	case spm.PRAB:
		s.announce(s.abortError(User, true, ReasonUser, nil, nil))
		return true
	}
	return false
}

// takeExpedited takes what is on the expedited flow.
func (s *Session) takeExpedited() {
	s.expedited.enter()
	defer s.expedited.unlock()
	for {
		b := make([]byte, transport.MaxExpedited)
		n, ok := s.tc.ReceiveExpedited(b)
		if !ok {
			return
		}
		s.control(b[:n], true)
	}
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
		r.ssdu = false
		return nil
	case err == errLook:
		return nil
	case held != nil && (err == errNow || errors.As(err, &de) || gone(err)):
		s.mu.Lock()
		s.held = nil
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
