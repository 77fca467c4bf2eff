package endpoint

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/transport"
)

// Listener accepts carriers, and hands on the streams that the peers open on their bridges.
type Listener struct {
	ep     *Endpoint
	ln     carrier.Listener
	url    *url.URL
	accept func(*Stream) bool
	once   sync.Once
}

// Listen accepts carriers at a URL. accept is called for each stream that a peer opens, when its first TSDU is there; it must not
// wait, and returns false if it has no room.
func (ep *Endpoint) Listen(ctx context.Context, u *url.URL, accept func(*Stream) bool) (*Listener, error) {
	nw, err := ep.network(u)
	if err != nil {
		return nil, err
	}
	cl, err := nw.Listen(ctx, u)
	if err != nil {
		return nil, err
	}
	ln := &Listener{ep: ep, ln: cl, url: u, accept: accept}
	ep.mu.Lock()
	defer ep.mu.Unlock()
	if ep.closed {
		cl.Close()
		return nil, errClosing
	}
	ep.listeners[ln] = struct{}{}
	ep.wg.Go(ln.run)
	return ln, nil
}

// Addr is the address at which carriers are accepted.
func (ln *Listener) Addr() net.Addr { return ln.ln.Addr() }

// Close ends the listening. Bridges that were accepted go on.
func (ln *Listener) Close() error {
	ln.once.Do(func() {
		ln.ln.Close()
		ln.ep.mu.Lock()
		delete(ln.ep.listeners, ln)
		ln.ep.mu.Unlock()
	})
	return nil
}

func (ln *Listener) run() {
	pause := acceptPause
	for {
		conn, err := ln.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			ln.ep.cfg.Logger.Warn("accept", "listener", ln.Addr(), "cause", err)
			t := time.NewTimer(pause)
			select {
			case <-t.C:
			case <-ln.ep.ctx.Done():
			}
			t.Stop()
			pause = min(2*pause, time.Second)
			continue
		}
		pause = acceptPause
		ln.take(conn)
	}
}

const acceptPause = 5 * time.Millisecond

// take begins the handshake of a carrier, if there are not too many already.
func (ln *Listener) take(conn carrier.Conn) {
	ep := ln.ep
	ep.mu.Lock()
	if ep.closed || ep.halfOpen >= ep.cfg.Limits.HalfOpen {
		ep.mu.Unlock()
		ep.cfg.Logger.Warn("carrier refused: too many handshakes", "carrier", conn.RemoteAddr(), "limit", ep.cfg.Limits.HalfOpen)
		conn.Close()
		return
	}
	ep.halfOpen++
	ep.wg.Go(func() {
		defer func() {
			ep.mu.Lock()
			ep.halfOpen--
			ep.mu.Unlock()
		}()
		inTime := ep.limit(ep.ctx, conn)
		err := ln.welcome(conn, inTime)
		if !inTime() && err != nil && ep.ctx.Err() == nil {
			err = errHandshakeTime
		}
		if err == nil {
			return
		}
		conn.Close()
		ep.cfg.Logger.Warn("carrier refused", "carrier", conn.RemoteAddr(), "cause", err)
	})
	ep.mu.Unlock()
}

var errHandshakeTime = errors.New("the handshake took too long")

// welcome does the responder's part of either handshake. When it returns nil the carrier belongs to a bridge. inTime ends the limit
// on its time, which must not close a carrier that is in use.
func (ln *Listener) welcome(conn carrier.Conn, inTime func() bool) error {
	ep := ln.ep
	g := &greeter{conn: conn, inTime: inTime}
	var request []byte
	err := g.magic()
	if err == nil {
		var t bridge.MessageType
		t, request, err = g.message()
		switch {
		case err != nil:
		case t == bridge.MessageHello:
			err = ln.hello(conn, g, request)
		case t == bridge.MessageAttach:
			err = ln.attach(conn, g, request)
		default:
			err = unexpected(t)
		}
	}
	var r *refusal
	if errors.As(err, &r) {
		answer := bridge.Refuse(ep.cfg.Key, r.code, r.text, conn.Binding(), request)
		if g.proved {
			answer, _ = (&bridge.Frame{Type: bridge.FrameBye, Arg: uint64(r.reason())}).AppendBinary(nil)
		}
		conn.Write(answer)
		finish(conn)
	}
	return err
}

// finish lets the peer read what was written last, before the carrier is closed: a close with octets unread would reset it.
func finish(conn carrier.Conn) {
	b := make([]byte, 2048)
	for range 8 {
		if _, err := conn.Read(b); err != nil && !errors.Is(err, carrier.ErrInterrupted) {
			return
		}
	}
}

// authorize decides whether an initiator may have, or keep, a bridge on this carrier.
func (ln *Listener) authorize(conn carrier.Conn, peer ed25519.PublicKey) error {
	var err error
	if admit := ln.ep.cfg.Admit; admit != nil {
		err = admit(ln.url, peer, "")
	} else if !conn.Features().Local {
		err = errNobody
	}
	if err != nil {
		return &refusal{bridge.RefusedUnauthorised, err.Error()}
	}
	return nil
}

// Admit tells whether the peer may have a service. A responder has admitted the initiator by its own choice of a URL.
func (br *Bridge) Admit(service string) error {
	if br.role == bridge.InitiatorRole || br.ep.cfg.Admit == nil {
		return nil
	}
	br.mu.Lock()
	via := br.url
	br.mu.Unlock()
	return br.ep.cfg.Admit(via, br.Peer(), service)
}

func (ln *Listener) hello(conn carrier.Conn, g *greeter, body []byte) error {
	ep := ln.ep
	hs, welcome, err := bridge.NewResponder(ep.cfg.Key, ep.settings, channel(conn), body, random(bridge.SeedSize))
	if h, ok := errors.AsType[*bridge.HandshakeError](err); ok && h.Refusal != 0 {
		return &refusal{h.Refusal, h.Text}
	}
	if err != nil {
		return err
	}
	if _, err := conn.Write(welcome); err != nil {
		return err
	}
	t, proof, err := g.message()
	if err != nil {
		return err
	}
	if t != bridge.MessageProof {
		return unexpected(t)
	}
	res, err := hs.Proof(proof)
	if err != nil {
		return err
	}
	g.proved = true
	if err := ln.authorize(conn, res.Peer); err != nil {
		return err
	}
	if !g.inTime() {
		return errHandshakeTime
	}
	br, err := ep.addBridge(bridge.ResponderRole, res, Addr{conn.RemoteAddr().String()})
	if err != nil {
		return err
	}
	if err := ep.cfg.Directory.Claim(br.ID(), ep.owner, 1); err != nil {
		ep.removeBridge(br)
		return err
	}
	br.mu.Lock()
	defer br.unlock()
	br.accept, br.url = ln.accept, ln.url
	br.m.Attach(time.Now())
	br.install(newLink(br, conn, g.buf))
	ep.cfg.Logger.Info("bridge", "bridge", br.ID(), "carrier", conn.RemoteAddr())
	return nil
}

func (ln *Listener) attach(conn carrier.Conn, g *greeter, body []byte) error {
	ep := ln.ep
	id, err := bridge.AttachID(body)
	if err != nil {
		return err
	}
	ep.mu.Lock()
	br := ep.bridges[id]
	ep.mu.Unlock()
	if br == nil || br.role != bridge.ResponderRole {
		return &refusal{bridge.RefusedUnknown, "this endpoint has no such bridge: it was restarted, or has kept it for as long as it keeps one without a carrier"}
	}
	attached, epoch, err := br.takeOver(conn, body)
	if err != nil {
		return err
	}
	if err := ln.authorize(conn, br.Peer()); err != nil {
		br.mu.Lock()
		defer br.unlock()
		br.end(transport.ReasonNotAdmitted, false, err)
		return err
	}
	if _, err := conn.Write(attached); err != nil {
		return err
	}
	if !g.inTime() {
		return errHandshakeTime
	}
	br.mu.Lock()
	defer br.unlock()
	if br.over != nil || br.m.Keys.Epoch != epoch {
		return errTakenOver
	}
	br.url = ln.url
	br.m.Attach(time.Now())
	br.install(newLink(br, conn, g.buf))
	return nil
}

// takeOver verifies an ATTACH and freezes the carrier before: nothing more is delivered or acknowledged from it.
func (br *Bridge) takeOver(conn carrier.Conn, body []byte) (attached []byte, epoch uint64, err error) {
	br.mu.Lock()
	defer br.unlock()
	if br.over != nil {
		return nil, 0, &refusal{bridge.RefusedUnknown, "the bridge has just ended"}
	}
	attached, refused, err := br.m.Keys.Answer(conn.Binding(), random(32), body)
	switch {
	case refused != 0:
		return nil, 0, &refusal{refused, err.Error()}
	case err != nil:
		return nil, 0, err
	}
	epoch = br.m.Keys.Epoch
	if err := br.ep.cfg.Directory.Claim(br.ID(), br.ep.owner, epoch); err != nil {
		return nil, 0, &refusal{bridge.RefusedFenced, err.Error()}
	}
	br.lose(br.link, errTakenOver)
	return attached, epoch, nil
}
