package endpoint

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/transport"
)

// Bridge drives one bridge machine: it moves octets between its streams and its current carrier. It has no goroutine of its own;
// a carrier has one that reads when no caller does, and one that writes while there is much to write.
type Bridge struct {
	ep     *Endpoint
	peer   [ed25519.PublicKeySize]byte
	remote Addr

	network carrier.Network // the initiator's way to the responder
	role    bridge.Role

	mu       sync.Mutex
	writing  bool     // somebody writes to a carrier
	dialling bool     // somebody makes a carrier
	closing  bool     // Close was called
	url      *url.URL // that was dialled, or of the listener to which the newest carrier came
	m        *bridge.Machine
	link     *link // the current carrier, nil while there is none
	streams  streams
	waiters  *waiter // callers that wait and do not read, a ring
	lostAt   time.Time
	lookIn   time.Duration // how long after lostAt a parked bridge looks in at its responder
	resumes  int
	sent     int64 // octets written to carriers
	received int64 // and read from them
	lastErr  error // why the last carrier was lost
	over     error // why the bridge has ended, nil while it has not
	accept   func(*Stream) bool
	accepts  int                // how often Accept was called
	done     chan struct{}      // nil before Done was called
	stopDial context.CancelFunc // ends dialling; nil before somebody dialled
	hurry    chan struct{}      // ends the pause before the next attempt; nil before somebody dialled
	after    []func()           // runs when mu is free again
	used     int64              // octets of Limits.BridgeBytes

	timerAt  time.Duration // guarded by ep.timers.mu
	timerIdx int
	armed    time.Duration // what timerAt was set to last; 0 if it has fired since
}

// unlock frees mu and does what must not be done under it.
func (br *Bridge) unlock() {
	br.drain()
	br.arm()
	br.mu.Unlock()
}

// drain does what must not be done under mu, and has mu again afterwards. It tells whether there was anything: things may
// have changed then. Who frees mu calls it first.
func (br *Bridge) drain() bool {
	if len(br.after) == 0 {
		return false
	}
	for len(br.after) > 0 {
		after := br.after
		br.after = nil
		br.mu.Unlock()
		for _, f := range after {
			f()
		}
		br.mu.Lock()
	}
	return true
}

// later runs f when mu is free.
func (br *Bridge) later(f func()) { br.after = append(br.after, f) }

// install makes a carrier the current one.
func (br *Bridge) install(l *link) {
	br.link = l
	resumed := br.resumes > 0 || !br.lostAt.IsZero()
	br.later(func() {
		kind := Attached
		if resumed {
			kind = Resumed
		}
		br.ep.event(Event{Kind: kind, Bridge: br, Carrier: l.conn.RemoteAddr(), Cause: br.cause()})
	})
	if resumed {
		br.resumes++
	}
	br.ep.wg.Go(l.run)
	if l.out.first == nil { // else the link's goroutine will, unless something else goes out before
		br.kick()
	}
}

func (br *Bridge) cause() error {
	br.mu.Lock()
	defer br.mu.Unlock()
	return br.lastErr
}

// lose ends the use of a carrier; the bridge goes on without one.
func (br *Bridge) lose(l *link, err error) {
	if l == nil || br.link != l {
		return
	}
	if br.closing {
		br.end(transport.ReasonShutdown, false, err)
		return
	}
	br.unlink(l, err)
	br.later(func() {
		l.conn.Close()
		br.ep.cfg.Logger.Info("carrier lost", "bridge", br.ID(), "carrier", l.conn.RemoteAddr(), "cause", err)
		br.ep.event(Event{Kind: Detached, Bridge: br, Carrier: l.conn.RemoteAddr(), Cause: err})
	})
	br.redial()
}

// unlink ends the use of the current carrier, which the caller closes.
func (br *Bridge) unlink(l *link, err error) {
	br.link = nil
	br.lastErr = err
	br.lostAt = time.Now()
	br.m.Detach()
	l.stop()
}

// broken is what a failed write makes of the current carrier: nothing more is written, but what came before it broke is read, a BYE
// perhaps, until the reading fails as well or brokenTime has passed.
func (br *Bridge) broken(l *link, err error) {
	if br.link != l || l.broken != nil {
		return
	}
	l.broken = err
	if l.leader == nil {
		l.takeLead()
	}
	time.AfterFunc(brokenTime, func() {
		br.mu.Lock()
		defer br.unlock()
		br.lose(l, err)
	})
}

const brokenTime = 20 * time.Millisecond

// end ends the bridge and all its streams.
func (br *Bridge) end(r transport.Reason, remote bool, err error) {
	if br.over != nil {
		return
	}
	br.over = &transport.DisconnectError{Reason: r, Remote: remote, Err: err}
	if l := br.link; l != nil {
		br.link = nil
		br.m.Detach()
		l.stop()
		br.later(func() { l.conn.Close() })
	}
	for s := br.streams.first; s != nil; {
		next := s.next // fail may forget s
		s.fail(br.over)
		s = next
	}
	if br.done != nil {
		close(br.done)
	}
	if br.stopDial != nil {
		br.stopDial()
	}
	br.later(func() {
		br.ep.removeBridge(br)
		br.ep.cfg.Logger.Info("bridge ended", "bridge", br.ID(), "reason", r, "cause", err)
		if r == transport.ReasonExpired || r == transport.ReasonUnknown {
			br.ep.event(Event{Kind: Expired, Bridge: br, Cause: br.over})
		}
	})
}

// breach ends the bridge because the peer broke its protocol on a stream.
func (br *Bridge) breach(s *Stream, text string) error {
	err := &bridge.ProtocolError{Frame: bridge.Frame{Type: bridge.FrameData, Stream: s.m.ID}, Text: text}
	br.end(transport.ReasonProtocol, false, err)
	return br.over
}

// Open opens a stream to the peer. It waits for nothing.
func (br *Bridge) Open() (*Stream, error) { return br.open(false) }

// ErrNoSimplex is returned by OpenSimplex where the peer does not know simplex streams.
var ErrNoSimplex = errors.New("endpoint: the peer knows no simplex sessions")

// OpenSimplex is Open for a stream whose session is simplex.
func (br *Bridge) OpenSimplex() (*Stream, error) { return br.open(true) }

func (br *Bridge) open(simplex bool) (*Stream, error) {
	br.mu.Lock()
	defer br.unlock()
	switch {
	case simplex && !br.m.Peer.Simplex:
		return nil, ErrNoSimplex
	case br.over != nil:
		return nil, br.over
	case br.closing:
		return nil, errClosing
	case !br.admit():
		return nil, &transport.DisconnectError{Reason: transport.ReasonCongestion, Err: errMemory}
	}
	m := br.m.Open()
	if m == nil {
		br.giveBack(2 * bridge.MinCredit)
		return nil, &transport.DisconnectError{Reason: transport.ReasonCongestion, Err: errStreams}
	}
	m.Simplex = simplex
	s := newStream(br, m)
	br.streams.add(s)
	br.redial()
	return s, nil
}

// opened takes a stream that the peer has opened.
func (br *Bridge) opened(m *bridge.Stream) {
	switch {
	case br.accept == nil:
		br.m.Close(m, uint64(transport.ReasonNoListener))
	case br.m.TooMany() || !br.admit():
		br.m.Close(m, uint64(transport.ReasonCongestion))
	default:
		s := newStream(br, m)
		s.fresh = true
		br.streams.add(s)
	}
}

// offer hands a stream that the peer has opened to who accepts them, once its first record is there.
func (br *Bridge) offer(s *Stream) {
	if s.in.len() < bridge.RecordHeader {
		return
	}
	var h [bridge.RecordHeader]byte
	a, b := s.in.slices(s.in.tail, len(h))
	copy(h[copy(h[:], a):], b)
	if n, end, ok := bridge.ParseRecord(h[:]); ok && end && s.in.len() < len(h)+n {
		return
	}
	s.fresh = false
	accept := br.accept
	br.later(func() {
		if !accept(s) {
			s.Disconnect(transport.ReasonCongestion)
		}
	})
}

// forget drops a stream that is over for its user.
func (br *Bridge) forget(s *Stream) {
	br.streams.remove(s)
	if br.ep.cfg.CloseWhenIdle && br.streams.n == 0 {
		br.later(func() { go br.ep.Close() }) // which waits for all other goroutines
	}
}

// ID names the bridge.
func (br *Bridge) ID() bridge.ID { return br.m.Keys.ID }

// Peer is the key that the other end has proved to hold.
func (br *Bridge) Peer() ed25519.PublicKey { return br.peer[:] }

// RemoteAddr is the URL that was dialled, or the address that the first carrier came from.
func (br *Bridge) RemoteAddr() Addr { return br.remote }

// Done is closed when the bridge has ended; Err says why.
func (br *Bridge) Done() <-chan struct{} {
	br.mu.Lock()
	defer br.mu.Unlock()
	if br.done == nil {
		br.done = make(chan struct{})
		if br.over != nil {
			close(br.done)
		}
	}
	return br.done
}

// Err says why the bridge has ended: a *transport.DisconnectError, or nil while it lives.
func (br *Bridge) Err() error {
	br.mu.Lock()
	defer br.mu.Unlock()
	return br.over
}

// Accept says who takes the streams that the peer opens; it returns false for one that it has no room for. Without it they are
// refused. The last one that was said counts, until its stop is called.
func (br *Bridge) Accept(f func(*Stream) bool) (stop func()) {
	br.mu.Lock()
	defer br.mu.Unlock()
	br.accept = f
	br.accepts++
	n := br.accepts
	return func() {
		br.mu.Lock()
		defer br.mu.Unlock()
		if br.accepts == n {
			br.accept = nil
		}
	}
}

// admit takes a new stream's guaranteed memory.
func (br *Bridge) admit() bool { return br.take(2 * bridge.MinCredit) }

func (br *Bridge) take(n int64) bool {
	if br.used+n > br.ep.cfg.Limits.BridgeBytes || !br.ep.used.take(n) {
		return false
	}
	br.used += n
	return true
}

// reserve takes memory for a stream's growth.
func (br *Bridge) reserve(s *Stream, n int64) bool {
	if !br.take(n) {
		return false
	}
	s.reserved += n
	return true
}

func (br *Bridge) giveBack(n int64) {
	br.used -= n
	br.ep.used.give(n)
}

// Close ends the bridge: its streams are disconnected, and the peer is told if there is a carrier. It does not wait; Done is closed when
// the peer has closed the carrier, or after byeTime. If the carrier were closed with octets unread, the system would reset it, and
// the peer might never read the BYE.
func (br *Bridge) Close(r transport.Reason) {
	br.mu.Lock()
	defer br.unlock()
	if br.over != nil || br.closing {
		return
	}
	br.closing = true
	br.m.Bye(uint64(r))
	switch {
	case br.link != nil:
		br.kick()
	case br.m.Parked && br.role == bridge.InitiatorRole && !br.dialling:
		br.bye()
	case !br.m.Parked || br.role == bridge.ResponderRole:
		br.end(r, false, nil)
		return
	}
	br.later(func() { br.ep.wg.Go(func() { br.closeLater(r) }) })
}

func (br *Bridge) closeLater(r transport.Reason) {
	t := time.NewTimer(byeTime)
	defer t.Stop()
	select {
	case <-br.Done():
	case <-t.C:
	}
	br.mu.Lock()
	defer br.unlock()
	br.end(r, false, nil)
}

// byeTime is how long a closing bridge waits for its carrier to take what is left and the BYE, and for the peer to close it.
const byeTime = time.Second

// random is n random octets.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
