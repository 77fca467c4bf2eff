package tenuto

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
)

// Session is a session connection (X.215). Its methods may be called at the same time; among themselves those that send wait for
// each other, as do those that receive.
//
// It starts no goroutine. What the peer sends is looked at when Receive is called, or a request that meets an abort: a session
// that nobody receives from answers nothing.
//
// A session is used either by its own methods or by its Conn.
type Session struct {
	tc            transport.Conn
	set           *setup               // until the session is connected
	terms         unique.Handle[terms] // of the peer's S-CONNECT
	own           *own                 // and what hardly any other has; nil if there is nothing
	linger        time.Duration        // Config.Linger
	trace         func(Trace)          // Config.Trace
	sendMax       uint16               // TSDU maximum size this side keeps to, 0 unlimited
	start         bool                 // this side sent CN
	simplex       bool                 // the data token stays where it is
	concatenation bool                 // this side receives extended concatenation
	concatenate   bool                 // and the peer does
	corked        bool                 // SPDUs wait for others
	cuts          bool                 // a TSDU that was sent in part can be withdrawn
	noPurge       bool                 // Config.NoPurge
	declined      bool                 // the peer asked for the transport connection to be kept, and will not be; guarded by mu
	version       spdu.Version

	flags                    atomic.Uint32
	sent, received, consumed atomic.Int64

	mu        sync.Mutex // guards what follows; never held across a call of the transport
	m         spm.Machine
	ops       []op           // what is to go out, in order; whoever has the send gate does it
	inds      []Indication   // for Receive
	segments  *spdu.Assembly // of an SPDU of which more are to come; nil if there are none
	expedited *expedited     // nil until there is something on the expedited flow
	resync    resync         // the resynchronization in progress
	purges    uint32         // how often ops were cancelled
	fresh     bool           // some of ops have not been tried
	confirmed bool           // the S-CONNECT confirm has come
	byConn    bool
	hangUp    bool        // disconnect the transport when mu is free
	announced error       // what a sender hears of the end before the receiver comes to it
	end       error       // how the session ended
	orphan    *time.Timer // ends a closed session whose peer does not answer; nil before that

	sendGate gate // guards tx and sending
	tx       struct {
		open bool                       // a TSDU is unfinished
		ssdu bool                       // an SSDU is
		flow flow                       // of which kind
		torn bool                       // an SSDU was cut by a purge, of which its sender has not heard
		owed uint16                     // octets that the open TSDU is still to have, when its head says that it ends the SSDU
		head [spdu.SegmentHeadSize]byte // of the segment that is being sent
	}

	recvGate gate // guards rx and receiving
	rx       receiver

	conn Conn
	ep   *Endpoint // of the bridge; nil where there is none
}

// A resync is what is kept of an RS.
type resync struct {
	serial uint32
	kind   ResyncType
	tokens spdu.TokenSetting
}

func resyncOf(p *spdu.RS) resync { return resync{p.Serial, p.Type, p.Tokens} }

// setup is what connecting keeps.
type setup struct {
	cfg      Config
	cn       spdu.CN // sent or received
	overflow []byte  // user data for CDO
}

func newSession(tc transport.Conn, cfg Config) *Session {
	s := &Session{tc: tc, set: &setup{cfg: cfg}, version: spdu.Version2, linger: cfg.Linger, trace: cfg.Trace}
	s.agree(Parameters{Called: cfg.Service})
	// Where there is no expedited flow the peer may not hear of it in time: then who sends a TSDU sends it to its end.
	s.cuts = tc.HasExpedited() && !cfg.NoPurge
	s.noPurge = cfg.NoPurge
	s.simplex = isSimplex(tc)
	s.conn.s = s
	s.m.Relay = cfg.Relay
	if l, ok := tc.(*lease); ok {
		s.m.Reuse = l.reuse()
	}
	return s
}

// Service returns the called session selector.
func (s *Session) Service() string { return s.terms.Value().called }

// UserData returns the user data of the peer's S-CONNECT request or response.
func (s *Session) UserData() []byte { return s.userData() }

// Parameters returns what was agreed on, of a session that was dialled, or what the peer had proposed.
func (s *Session) Parameters() Parameters { return s.parameters() }

// Units returns the functional units selected.
func (s *Session) Units() Units {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Units()
}

// HasExpedited tells whether the transport connection has an expedited flow, by which what withdraws other things overtakes them.
func (s *Session) HasExpedited() bool { return s.tc.HasExpedited() }

// LocalAddr returns the address of this end of the transport connection.
func (s *Session) LocalAddr() net.Addr { return s.tc.LocalAddr() }

// RemoteAddr returns the address of the peer's end.
func (s *Session) RemoteAddr() net.Addr { return s.tc.RemoteAddr() }

// Conn returns the session as a net.Conn, always the same one. From then on Send and Receive are the Conn's. The calls of one that
// cannot be a stream return ErrNotConn.
func (s *Session) Conn() *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byConn, s.corked = true, false
	switch s.m.Units() {
	case Duplex:
	case HalfDuplex:
		if s.conn.turns == nil {
			s.conn.turns = new(turns)
		}
	default:
		s.raise(flagNotConn)
	}
	return &s.conn
}

// closed tells whether Conn.Close was called.
func (s *Session) closed() bool { return s.flags.Load()&flagClosed != 0 }

// Receive waits for the next indication or confirm. When the session has ended it returns an
// *AbortError, or ErrReleased. An abort drops indications not yet received.
func (s *Session) Receive(ctx context.Context) (Indication, error) {
	w, err := s.enterReceive(ctx)
	if err != nil {
		return nil, err
	}
	defer s.leaveReceive(w)
	if s.closed() {
		return nil, ErrClosed
	}
	if s.rx.buf == nil {
		s.rx.buf = new([receiveSize]byte)
	}
	for {
		g, err := s.receive(w, s.rx.buf[:])
		if err != nil {
			return nil, err
		}
		if g.ind != nil {
			return g.ind, nil
		}
		if g.n > 0 || g.end {
			s.consumed.Add(int64(g.n))
			if g.flow == typed {
				return TypedDataInd{s.rx.buf[:g.n], g.end}, nil
			}
			return Data{s.rx.buf[:g.n], g.end}, nil
		}
	}
}

// receiveSize is the most that one Data indication holds, in octets.
const receiveSize = 32 << 10

// Release is the S-RELEASE request: this side sends nothing more. It goes on receiving until ReleaseCnf comes. It wants all tokens here, and
// no activity in progress. data has at most MaxUserData octets.
func (s *Session) Release(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, s.askRelease(data))
	return err
}

// askRelease is the build of S-RELEASE request.
func (s *Session) askRelease(data []byte) build {
	return func(uint32) (spm.Event, spdu.SPDU) {
		return spm.Event{Kind: spm.SRELreq}, spdu.FN{Keep: s.m.Keeps(spm.SRELreq), UserData: data}
	}
}

// RespondRelease is the affirmative S-RELEASE response to ReleaseInd, after which the session has ended. If both sides have asked
// for release, the one that did not dial answers only after its ReleaseCnf (X.225: p75).
func (s *Session) RespondRelease(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SRELrspPos}, spdu.DN{UserData: data}))
	return err
}

// RefuseRelease is the negative S-RELEASE response, which wants NegotiatedRelease: the session goes on.
func (s *Session) RefuseRelease(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SRELrspNeg}, spdu.NF{UserData: data}))
	return err
}

// Abort is S-U-ABORT: what has not arrived never may. data has at most MaxUserData octets, which reach the peer if it is there.
// Abort does not wait. After the session's end it does nothing.
func (s *Session) Abort(data []byte) error {
	_, err := s.abort(data, ReasonUser)
	return err
}

func (s *Session) abort(data []byte, r AbortReason) (*AbortError, error) {
	s.mu.Lock()
	tsdus, err := s.encode(spdu.AB{Keep: s.m.Keeps(spm.SUABreq), Reason: spdu.UserAbort, UserData: data}, len(data))
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	if s.end != nil {
		s.mu.Unlock()
		return nil, nil
	}
	e := s.abortError(User, false, r, nil, nil)
	err = s.step(spm.Event{Kind: spm.SUABreq, Len: len(data)}, input{tsdus: tsdus})
	if err == nil {
		s.finish(e)
	}
	s.perform()
	return e, err
}

// A build makes the event of a request or response, and its SPDU, given the number of the next synchronization point. It is called with
// mu held.
type build func(next uint32) (spm.Event, spdu.SPDU)

// as is the build of a request that needs no number.
func as(ev spm.Event, p spdu.SPDU) build { return func(uint32) (spm.Event, spdu.SPDU) { return ev, p } }

// request is a request or response whose SPDU goes out behind what was sent before.
func (s *Session) request(ctx context.Context, data []byte, b build) (next uint32, err error) {
	w, err := s.enterSend(ctx)
	if err != nil {
		return 0, err
	}
	defer s.leaveSend(w)
	switch {
	case s.closed():
		return 0, ErrClosed
	case s.tx.ssdu:
		return 0, ErrUnfinished
	}
	if err := s.run(w); err != nil {
		return 0, err
	}
	if next, err = s.requestLocked(len(data), b); err != nil {
		return 0, err
	}
	return next, s.run(w)
}

// requestLocked steps a request for who waits for flow control by run afterwards.
func (s *Session) requestLocked(size int, b build) (next uint32, err error) {
	s.mu.Lock()
	defer s.perform()
	return s.stepRequest(size, b, true)
}

// stepRequest steps a request. wait says that the caller waits for flow control; else its SPDU goes out past that. mu is held.
func (s *Session) stepRequest(size int, b build, wait bool) (next uint32, err error) {
	if err := s.over(); err != nil {
		return 0, err
	}
	next = s.m.Next()
	ev, p := b(next)
	if s.pinned(p) {
		return 0, ErrSimplex
	}
	tsdus, err := s.encode(p, size)
	if err != nil {
		return 0, err
	}
	if err := s.step(ev, input{tsdus: tsdus, send: p, wait: wait}); err != nil {
		return 0, s.refusal(err)
	}
	if setsPoint(p) && s.m.Next() == next {
		return 0, ErrPurged // what the peer has announced withdraws the point before it is set
	}
	return next, nil
}

// setsPoint tells the requests that set a synchronization point.
func setsPoint(p spdu.SPDU) bool {
	switch p.(type) {
	case spdu.MIP, spdu.MAP, spdu.AE:
		return true
	}
	return false
}

// urgent is a request that withdraws what was sent before: it does not wait for who is sending, but ends that, if the transport can cut a TSDU. Else
// it waits for the SSDU that is being sent, and for none behind that.
func (s *Session) urgent(ctx context.Context, data []byte, b build) error {
	first := func() error { return s.stepUrgent(len(data), b) }
	if s.cuts {
		if err := first(); err != nil {
			return err
		}
		first = func() error { return nil }
	}
	if err := s.sendGate.lockFirst(ctx); err != nil {
		return err
	}
	w := s.sending(ctx)
	defer s.leaveSend(w)
	if s.tx.open && !s.cuts {
		return ErrUnfinished
	}
	if err := first(); err != nil {
		return err
	}
	return s.run(w)
}

func (s *Session) stepUrgent(size int, b build) error {
	if s.closed() {
		return ErrClosed
	}
	_, err := s.requestLocked(size, b)
	return err
}
