package tenuto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/endpoint"
	"github.com/tenuto-session/tenuto/rfc1006"
	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/transport"
)

// Listener gets the S-CONNECT indications of an endpoint's peers.
type Listener struct {
	ep      *Endpoint
	cfg     *Config
	ln      *endpoint.Listener // of carriers
	osi     *rfc1006.Listener  // of transport connections over RFC 1006; if both are nil, the sessions of one bridge
	timeout time.Duration      // Config.ConnectTimeout
	br      *endpoint.Bridge
	stop    func() // of br's Accept, or of osi's
	scheme  string
	queue   chan *endpoint.Stream // their first TSDU is there
	late    chan *Incoming        // those whose CN came in parts
	done    chan struct{}         // Close
	over    <-chan struct{}       // the endpoint, or the bridge, has ended
	once    sync.Once
	private bool
}

// Listen accepts carriers, and with them bridges and sessions, at a URL such as tenuto://:7225. It names no service: each indication
// does. cfg is what Accept accepts with.
func (ep *Endpoint) Listen(ctx context.Context, rawURL string, cfg *Config) (*Listener, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("tenuto: %w", err)
	}
	if u.Host != "" && u.Scheme != SchemeOSI && strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("tenuto: listen: %s names a service; each session says which it wants", rawURL)
	}
	l, err := ep.newListener(cfg)
	if err != nil {
		return nil, err
	}
	l.scheme = u.Scheme
	if u.Scheme == SchemeOSI {
		if err := l.listenOSI(ctx, u); err != nil {
			return nil, err
		}
		return l, nil
	}
	if l.ln, err = ep.ep.Listen(ctx, u, l.offer); err != nil {
		return nil, fmt.Errorf("tenuto: listen: %w", err)
	}
	return l, nil
}

// Listen listens with an endpoint of its own, which closes with the listener.
func Listen(ctx context.Context, rawURL string, cfg *Config) (*Listener, error) {
	ep, err := NewEndpoint(nil)
	if err != nil {
		return nil, err
	}
	l, err := ep.Listen(ctx, rawURL, cfg)
	if err != nil {
		ep.Close()
		return nil, err
	}
	l.private = true
	return l, nil
}

func (ep *Endpoint) newListener(cfg *Config) (*Listener, error) {
	c, err := cfg.session(false)
	if err != nil {
		return nil, err
	}
	return &Listener{ep: ep, cfg: cfg, timeout: c.ConnectTimeout, queue: make(chan *endpoint.Stream, ep.backlog), late: make(chan *Incoming), done: make(chan struct{}), over: ep.ep.Done()}, nil
}

// offer takes a stream whose first TSDU is there.
func (l *Listener) offer(s *endpoint.Stream) bool {
	select {
	case <-l.done:
		return false
	default:
	}
	select {
	case l.queue <- s:
		return true
	default:
		return false
	}
}

// Next waits for the next S-CONNECT indication, which the caller accepts or refuses. What a peer sends in place of a CN is dropped with its
// transport connection, and is nobody else's affair. After Close, or the end of what it listens on, it returns ErrClosed.
func (l *Listener) Next(ctx context.Context) (*Incoming, error) {
	for {
		select {
		case <-l.done:
			return nil, ErrClosed
		case <-l.over:
			return nil, ErrClosed
		default:
		}
		select {
		case s := <-l.queue:
			if in := l.incoming(s); in != nil {
				return in, nil
			}
		case in := <-l.late:
			return in, nil
		case <-l.done:
			return nil, ErrClosed
		case <-l.over:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// incoming reads the CN of a stream. One whose user data overflow takes a round trip more: it is not waited for here.
func (l *Listener) incoming(s *endpoint.Stream) *Incoming {
	in, err := newIncoming(s, l.cfg)
	if err != nil {
		panic("BUG: " + err.Error()) // the configuration was looked at when listening began
	}
	in.s.ep = l.ep
	err = in.read(now{})
	if errors.Is(err, errNow) && l.ep.ep.Go(func() { l.readLate(in, s) }) {
		return nil
	}
	if err != nil {
		l.drop(in, err)
		return nil
	}
	return l.admit(in)
}

// drop tells of a peer that sent no CN that could be an indication, and lets its transport connection go.
func (l *Listener) drop(in *Incoming, err error) {
	in.drop()
	level := slog.LevelWarn
	if ae, ok := errors.AsType[*AbortError](err); ok && ae.Err != nil && ae.Reason == ReasonTransport || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		level = slog.LevelDebug // a peer that has gone, or is silent
	}
	l.ep.log.Log(context.Background(), level, "no session", "peer", in.RemoteAddr().String(), "cause", err)
}

// admit refuses an indication for a service that the peer may not have.
func (l *Listener) admit(in *Incoming) *Incoming {
	br := in.Bridge()
	err := br.br.Admit(in.Service())
	if err == nil {
		return in
	}
	l.ep.log.Warn("session refused", "bridge", br.ID(), "service", in.Service(), "cause", err)
	in.Refuse(spdu.RefusedWithData, []byte(notAdmitted))
	return nil
}

func (l *Listener) readLate(in *Incoming, s *endpoint.Stream) {
	ctx, cancel := context.WithTimeout(context.Background(), in.s.set.cfg.ConnectTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, s.Wake)()
	if err := in.read(ctx); err != nil {
		l.drop(in, err)
		return
	}
	if l.admit(in) == nil {
		return
	}
	select {
	case l.late <- in:
	case <-l.done:
		in.Refuse(spdu.RefusedCongestion, nil)
	case <-s.Bridge().Done():
	}
}

// Accept waits for the next S-CONNECT indication and accepts it.
func (l *Listener) Accept(ctx context.Context) (*Session, error) {
	for {
		in, err := l.Next(ctx)
		if err != nil {
			return nil, err
		}
		// A peer that aborted meanwhile is no error of the listener's.
		if s, err := in.Accept(ctx, l.cfg); err == nil || ctx.Err() != nil {
			return s, err
		}
	}
}

// Addr is the address at which carriers are accepted; of a bridge's listener it is the bridge's.
func (l *Listener) Addr() net.Addr {
	switch {
	case l.ln != nil:
		return l.ln.Addr()
	case l.osi != nil:
		return l.osi.Addr()
	}
	return l.br.RemoteAddr()
}

// URL is what peers dial, without the service; it is empty for a bridge's listener.
func (l *Listener) URL() string {
	if l.br != nil {
		return ""
	}
	return l.scheme + "://" + l.Addr().String()
}

// Close ends the listening. Sessions that were accepted go on, unless the listener has an endpoint of its own; indications that
// nobody has taken are refused.
func (l *Listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		if l.ln != nil {
			l.ln.Close()
		}
		if l.stop != nil {
			l.stop()
		}
		if l.osi != nil {
			l.osi.Close()
		}
		for drained := false; !drained; {
			select {
			case s := <-l.queue:
				if in := l.incoming(s); in != nil {
					in.Refuse(spdu.RefusedCongestion, nil)
				}
			default:
				drained = true
			}
		}
		if l.private {
			l.ep.Close()
		}
	})
	return nil
}

// NetListener makes a net.Listener of a Listener: http.Serve and others can use it. Its connections are the sessions' Conns.
func NetListener(l *Listener) net.Listener { return netListener{l} }

type netListener struct{ l *Listener }

func (n netListener) Accept() (net.Conn, error) {
	s, err := n.l.Accept(context.Background())
	if err != nil {
		return nil, err
	}
	return s.Conn(), nil
}

func (n netListener) Close() error   { return n.l.Close() }
func (n netListener) Addr() net.Addr { return n.l.Addr() }

// Bridge is a bridge of an endpoint: what sessions to the same peer share. Two Bridges with the same ID are the same one.
type Bridge struct {
	ep *Endpoint
	br *endpoint.Bridge
}

// BridgeInfo is what can be told of a bridge.
type BridgeInfo = endpoint.Info

// Dial opens a session on the bridge, whichever end made it.
func (b *Bridge) Dial(ctx context.Context, service string, cfg *Config) (*Session, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.Service == "" {
		c.Service = service
	}
	open := b.br.Open
	if c.Simplex {
		open = b.br.OpenSimplex
	}
	st, err := open()
	if errors.Is(err, endpoint.ErrNoSimplex) {
		return nil, ErrNoSimplex
	}
	if err != nil {
		return nil, fmt.Errorf("tenuto: dial: %w", err)
	}
	s, err := connect(ctx, st, &c)
	if err != nil {
		return nil, err
	}
	s.ep = b.ep
	return s, nil
}

// Listen takes the sessions that the peer opens on this bridge; there is one such listener at a time, and the last one made counts.
func (b *Bridge) Listen(cfg *Config) (*Listener, error) {
	if err := b.Err(); err != nil {
		return nil, err
	}
	l, err := b.ep.newListener(cfg)
	if err != nil {
		return nil, err
	}
	l.br, l.over = b.br, b.br.Done()
	l.stop = b.br.Accept(l.offer)
	return l, nil
}

// ID names the bridge in logs.
func (b *Bridge) ID() string { return b.br.ID().String() }

// Info tells about the bridge as it is now.
func (b *Bridge) Info() BridgeInfo { return b.br.Info() }

// Done is closed when the bridge has ended; Err says why.
func (b *Bridge) Done() <-chan struct{} { return b.br.Done() }

// Err says why the bridge has ended; it is nil while the bridge lives.
func (b *Bridge) Err() error { return b.br.Err() }

// Close ends the bridge; its sessions are aborted.
func (b *Bridge) Close() error {
	b.br.Close(transport.ReasonShutdown)
	return nil
}

// Bridge is the bridge that carries the session, nil where there is none.
func (s *Session) Bridge() *Bridge {
	if s.ep == nil {
		return nil
	}
	return &Bridge{s.ep, s.tc.(*endpoint.Stream).Bridge()}
}

// Bridge is the bridge on which the session is asked for, nil where there is none.
func (in *Incoming) Bridge() *Bridge { return in.s.Bridge() }
