package tenuto

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

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
	tc       transport.Conn
	cfg      Config
	start    bool // this side sent CN
	version  spdu.Version
	service  string
	peerData []byte // user data of the peer's S-CONNECT
	sendMax  int    // TSDU maximum size this side keeps to, 0 unlimited

	flags                    atomic.Uint32
	sent, received, consumed atomic.Int64

	mu        sync.Mutex // guards what follows; never held across a call of the transport
	m         spm.Machine
	ops       []op         // what is to go out, in order; whoever has the send gate does it
	inds      []Indication // for Receive
	held      *heldAbort   // an AB that overtook data which a Conn has yet to read
	announced error        // what a sender hears of the end before the receiver comes to it
	end       error        // how the session ended
	byConn    bool
	hangUp    bool        // disconnect the transport when mu is free
	orphan    *time.Timer // ends a closed session whose peer does not answer; nil before that

	expedited gate // one takes expedited TSDUs at a time

	sendGate gate // guards tx and sending
	tx       struct {
		open   bool                       // a TSDU is unfinished
		ssdu   bool                       // an SSDU is
		owed   int                        // octets that the open TSDU is still to have, when its head says that it ends the SSDU
		head   [spdu.SegmentHeadSize]byte // of the segment that is being sent
		waiter waiter
	}

	recvGate gate // guards rx and receiving
	rx       receiver

	conn Conn
	br   *Bridge // nil where there is none
}

func newSession(tc transport.Conn, cfg Config) *Session {
	s := &Session{tc: tc, cfg: cfg, version: spdu.Version2, service: cfg.Service}
	s.tx.waiter = waiter{s: s, mask: flagStopSend | flagClosed}
	s.rx.waiter = waiter{s: s, mask: flagLook | flagClosed}
	s.rx.assembly.Limit = MaxUserData
	s.conn.s = s
	return s
}

// Service returns the called session selector.
func (s *Session) Service() string { return s.service }

// UserData returns the user data of the peer's S-CONNECT request or response.
func (s *Session) UserData() []byte { return s.peerData }

// Units returns the functional units selected.
func (s *Session) Units() Units {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Units()
}

// LocalAddr returns the address of this end of the transport connection.
func (s *Session) LocalAddr() net.Addr { return s.tc.LocalAddr() }

// RemoteAddr returns the address of the peer's end.
func (s *Session) RemoteAddr() net.Addr { return s.tc.RemoteAddr() }

// Conn returns the session as a net.Conn, always the same one. From then on Send and Receive are the Conn's. The calls of one that
// cannot be a stream return ErrNotConn.
func (s *Session) Conn() *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byConn = true
	if u := s.m.Units(); u&Duplex == 0 || u&spdu.NegotiatedRelease != 0 {
		s.raise(flagNotConn)
	}
	return &s.conn
}

// closed tells whether Conn.Close was called.
func (s *Session) closed() bool { return s.flags.Load()&flagClosed != 0 }

// Receive waits for the next indication or confirm: Data, ReleaseInd or ReleaseCnf. When the session has ended it returns an
// *AbortError, or ErrReleased. An abort drops indications not yet received.
func (s *Session) Receive(ctx context.Context) (Indication, error) {
	if err := s.recvGate.lock(ctx); err != nil {
		return nil, err
	}
	defer s.recvGate.unlock()
	if s.closed() {
		return nil, ErrClosed
	}
	w := s.rx.waiter.begin(ctx)
	defer w.done()
	if s.rx.buf == nil {
		s.rx.buf = make([]byte, receiveSize)
	}
	for {
		g, err := s.receive(w, s.rx.buf)
		if err != nil {
			return nil, err
		}
		if g.ind != nil {
			return g.ind, nil
		}
		if g.n > 0 || g.end {
			s.consumed.Add(int64(g.n))
			return Data{s.rx.buf[:g.n], g.end}, nil
		}
	}
}

// receiveSize is the most that one Data indication holds, in octets.
const receiveSize = 32 << 10

// Release is the S-RELEASE request: this side sends nothing more. It goes on receiving until ReleaseCnf comes. data has at most
// MaxUserData octets.
func (s *Session) Release(ctx context.Context, data []byte) error {
	return s.request(ctx, spm.SRELreq, spdu.FN{UserData: data}, len(data))
}

// RespondRelease is the affirmative S-RELEASE response to ReleaseInd, after which the session has ended. If both sides have asked
// for release, the one that did not dial answers only after its ReleaseCnf (X.225: p75).
func (s *Session) RespondRelease(ctx context.Context, data []byte) error {
	return s.request(ctx, spm.SRELrspPos, spdu.DN{UserData: data}, len(data))
}

// Abort is S-U-ABORT: what has not arrived never may. data has at most MaxUserData octets, which reach the peer if it is there.
// Abort does not wait. After the session's end it does nothing.
func (s *Session) Abort(data []byte) error {
	_, err := s.abort(data, ReasonUser)
	return err
}

func (s *Session) abort(data []byte, r AbortReason) (*AbortError, error) {
	tsdus, err := s.encode(spdu.AB{Reason: spdu.UserAbort, UserData: data}, len(data))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
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

// request steps a request of the user that sends one SPDU.
func (s *Session) request(ctx context.Context, k spm.Kind, p spdu.SPDU, size int) error {
	if err := s.sendGate.lock(ctx); err != nil {
		return err
	}
	defer s.openSendGate()
	switch {
	case s.closed():
		return ErrClosed
	case s.tx.ssdu:
		return ErrUnfinished
	}
	return s.requestLocked(k, p, size)
}

// requestLocked is request for who has the send gate.
func (s *Session) requestLocked(k spm.Kind, p spdu.SPDU, size int) error {
	tsdus, err := s.encode(p, size)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.perform()
	if err := s.over(); err != nil {
		return err
	}
	return wrap(s.step(spm.Event{Kind: k}, input{tsdus: tsdus}))
}
