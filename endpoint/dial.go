package endpoint

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
)

// dialled is a bridge that is, or is being, made by Dial.
type dialled struct {
	ready chan struct{} // closed when it is made, and nil from then on
	br    *Bridge
	err   error
}

// Dial returns the bridge to a URL, making it if there is none: all who dial the same URL share one.
func (ep *Endpoint) Dial(ctx context.Context, u *url.URL) (*Bridge, error) {
	key := dialKey(u)
	for {
		ep.mu.Lock()
		if ep.closed {
			ep.mu.Unlock()
			return nil, errClosing
		}
		d := ep.dialled[key]
		if d == nil {
			ready := make(chan struct{})
			d = &dialled{ready: ready}
			ep.dialled[key] = d
			ep.mu.Unlock()
			br, err := ep.dial(ctx, u)
			ep.mu.Lock()
			d.br, d.err, d.ready = br, err, nil
			if d.err != nil && ep.dialled[key] == d {
				delete(ep.dialled, key)
			}
			ep.mu.Unlock()
			close(ready)
			return d.br, d.err
		}
		ready := d.ready
		ep.mu.Unlock()
		if ready != nil {
			select {
			case <-ready:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if d.err == nil && d.br.usable() {
			return d.br, nil
		}
		if d.err == nil {
			// It has ended, and is not forgotten yet: whoever is told of its end may dial sooner than that.
			ep.forget(d.br)
			continue
		}
		if !errors.Is(d.err, context.Canceled) && !errors.Is(d.err, context.DeadlineExceeded) {
			return nil, d.err
		}
		// Whose call made the bridge gave up; ours has not.
	}
}

// usable tells whether streams can be opened on the bridge.
func (br *Bridge) usable() bool {
	br.mu.Lock()
	defer br.mu.Unlock()
	return br.over == nil && !br.closing
}

// dialKey is what tells bridges apart that are dialled.
func dialKey(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

func (ep *Endpoint) dial(ctx context.Context, u *url.URL) (*Bridge, error) {
	nw, err := ep.network(u)
	if err != nil {
		return nil, err
	}
	conn, err := nw.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	defer ep.limit(ctx, conn)()
	br, err := ep.greet(conn, nw, u)
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return br, nil
}

// limit closes a carrier whose handshake takes too long, or whose caller gives up, until the returned function is called. That tells,
// whenever it is called, whether the first call came in time.
func (ep *Endpoint) limit(ctx context.Context, conn carrier.Conn) func() bool {
	ctx, cancel := context.WithTimeout(ctx, ep.cfg.HandshakeTime)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return sync.OnceValue(func() bool {
		defer cancel()
		return stop()
	})
}

// greet makes a new bridge on a carrier.
func (ep *Endpoint) greet(conn carrier.Conn, nw carrier.Network, u *url.URL) (*Bridge, error) {
	hs, hello := bridge.NewInitiator(ep.cfg.Key, ep.settings, channel(conn), random(bridge.SeedSize))
	if _, err := conn.Write([]byte(bridge.Magic), hello); err != nil {
		return nil, err
	}
	asked := time.Now()
	g := &greeter{conn: conn}
	t, body, err := g.message()
	if err != nil {
		return nil, err
	}
	took := time.Since(asked)
	switch t {
	case bridge.MessageWelcome:
	case bridge.MessageRefused:
		return nil, bridge.ParseRefused(body, conn.Binding(), hello[3:])
	default:
		return nil, unexpected(t)
	}
	proof, res, err := hs.Welcome(body)
	if err != nil {
		return nil, err
	}
	if err := ep.verify(conn, u, res.Peer); err != nil {
		return nil, err
	}
	br, err := ep.addBridge(bridge.InitiatorRole, res, Addr{dialKey(u)})
	if err != nil {
		return nil, err
	}
	br.network, br.url = nw, u
	l := newLink(br, conn, g.buf)
	l.out.first = proof // the stream for which the bridge is dialled goes out with it
	br.mu.Lock()
	defer br.unlock()
	br.m.Attach(time.Now())
	br.m.Answered(took)
	br.install(l)
	return br, nil
}

// verify decides whether a key is the one that belongs to a dialled URL.
func (ep *Endpoint) verify(conn carrier.Conn, u *url.URL, peer ed25519.PublicKey) error {
	switch {
	case ep.cfg.Verify != nil:
		return ep.cfg.Verify(u, peer)
	case conn.Features().Local:
		return nil
	}
	return &UnknownPeerError{URL: u, Key: peer}
}

// UnknownPeerError says that nobody decides whether a responder's key belongs to the URL that was dialled.
type UnknownPeerError struct {
	URL *url.URL
	Key ed25519.PublicKey
}

func (e *UnknownPeerError) Error() string {
	return fmt.Sprintf("%s has a key that nobody knows: %x", e.URL.Redacted(), []byte(e.Key))
}

// unused tells whether nobody has any use for the bridge at this end.
func (br *Bridge) unused() bool { return br.streams.n == 0 && br.accept == nil && !br.m.Wanting() }

// redial makes another carrier for a bridge that needs one.
func (br *Bridge) redial() {
	if br.role != bridge.InitiatorRole || br.link != nil || br.over != nil || br.dialling || br.unused() {
		return
	}
	if br.m.Parked {
		if !br.m.Wanting() {
			return
		}
		br.lostAt = time.Now()
		br.m.Wake()
	}
	br.dialling = true
	br.later(func() {
		if !br.ep.Go(br.dialUntil) {
			br.mu.Lock()
			br.dialling = false
			br.unlock()
		}
	})
}

const (
	// retryMin and retryMax bound the pause between two attempts to get a carrier; the first attempt is made at once.
	retryMin = 20 * time.Millisecond
	retryMax = 3 * time.Second
	// attemptMin is how long the first attempt may take; each one may take twice as long as the last, up to HandshakeTime.
	attemptMin = 2 * time.Second
)

// nudge finds out at once whether the bridge's carrier lives, or makes the next attempt to get one.
func (br *Bridge) nudge(now time.Time) {
	br.mu.Lock()
	defer br.unlock()
	if br.link != nil {
		br.m.Doubt(now)
		br.kick()
		return
	}
	select {
	case br.hurry <- struct{}{}:
	default: // nobody waits, or has been told already
	}
}

// dialContext returns a context for who dials, until the bridge or the endpoint ends.
func (br *Bridge) dialContext() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(br.ep.ctx)
	br.mu.Lock()
	defer br.mu.Unlock()
	if br.over != nil {
		cancel()
	}
	br.stopDial = cancel
	return ctx, cancel
}

// endDial says that nobody dials any more.
func (br *Bridge) endDial() {
	br.dialling, br.stopDial, br.hurry = false, nil, nil
	br.redial() // the carrier may be lost again by now, or there may be a need for one
}

// dialUntil makes carriers until one is attached or the bridge is over.
func (br *Bridge) dialUntil() {
	ep := br.ep
	ctx, stop := br.dialContext()
	defer stop()
	hurry := make(chan struct{}, 1)
	br.mu.Lock()
	br.hurry = hurry
	br.mu.Unlock()
	pause, limit := retryMin, attemptMin
	for {
		err := br.attach(ctx, min(limit, ep.cfg.HandshakeTime))
		br.mu.Lock()
		br.refused(err)
		if err == nil || br.over != nil || ctx.Err() != nil {
			br.endDial()
			br.unlock()
			return
		}
		br.unlock()
		br.ep.cfg.Logger.Debug("no carrier", "bridge", br.ID(), "cause", err, "retry", pause)
		t := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-t.C:
		case <-hurry:
			pause = retryMin / 2
		case <-ctx.Done():
		}
		t.Stop()
		pause, limit = min(2*pause, retryMax), min(2*limit, ep.cfg.HandshakeTime)
	}
}

// finalError is a refusal that ends the bridge.
type finalError struct{ *bridge.RefusedError }

// final tells whether a refusal ends the bridge: it comes from the responder, or from one with another key with which a new bridge
// would be made. A server that was restarted without its key is such a one.
func (br *Bridge) final(conn carrier.Conn, r *bridge.RefusedError) bool {
	if !r.Refusal.Final() || r.Key == nil {
		return false
	}
	return br.Peer().Equal(r.Key) || br.ep.verify(conn, br.url, r.Key) == nil
}

// attach makes one carrier and attaches the bridge to it.
func (br *Bridge) attach(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := br.network.Dial(ctx, br.url)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := br.attachTo(conn); err != nil {
		conn.Close()
		br.mu.Lock()
		if br.link == nil && br.over == nil {
			br.m.Detach()
		}
		br.mu.Unlock()
		return err
	}
	return nil
}

func (br *Bridge) attachTo(conn carrier.Conn) error {
	nonce := random(32)
	br.mu.Lock()
	if br.over != nil || br.link != nil {
		br.mu.Unlock()
		return errTakenOver
	}
	msg := br.m.Keys.Attach(conn.Binding(), nonce)
	request := msg[3:]
	// The old carrier's reader has stopped, so the positions can be stated now: the responder sends on at once. What it sends is
	// looked at only when it has proved itself.
	br.m.Attach(time.Now())
	for f, _, ok := br.m.NextPosition(time.Now()); ok; f, _, ok = br.m.NextPosition(time.Now()) {
		msg, _ = f.AppendBinary(msg)
	}
	br.mu.Unlock()
	if _, err := conn.Write([]byte(bridge.Magic), msg); err != nil {
		return err
	}
	g := &greeter{conn: conn}
	t, body, err := g.message()
	if err != nil {
		return err
	}
	switch t {
	case bridge.MessageAttached:
	case bridge.MessageRefused:
		r := bridge.ParseRefused(body, conn.Binding(), request)
		if br.final(conn, r) {
			return &finalError{r}
		}
		return r
	default:
		return unexpected(t)
	}
	br.mu.Lock()
	defer br.unlock()
	if br.over != nil {
		return br.over
	}
	if err := br.m.Keys.Attached(conn.Binding(), nonce, body); err != nil {
		return err
	}
	br.m.Accepted()
	br.install(newLink(br, conn, g.buf))
	return nil
}
