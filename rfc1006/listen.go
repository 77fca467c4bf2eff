package rfc1006

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// ErrNotLoopback is returned for an address that others could reach.
var ErrNotLoopback = errors.New("RFC 1006 is plaintext, and stays on loopback unless allowed")

// Listener accepts transport connections. Its methods may be called at any time by anyone.
type Listener struct {
	ln     net.Listener
	set    *settings
	queue  chan *Incoming
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the goroutine that accepts, and those of handshakes

	mu       sync.Mutex
	halfOpen int
	conns    int
}

// Listen listens at addr: a host that should be an IP address or localhost, and after a colon a port if it is not DefaultPort. It starts
// a goroutine, which Close ends.
func Listen(ctx context.Context, addr string, cfg *Config) (*Listener, error) {
	set, err := cfg.settings()
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: set.keepAlive(), Control: set.control}
	lc.SetMultipathTCP(false)
	nl, err := lc.Listen(ctx, "tcp", withPort(addr))
	if err != nil {
		return nil, fmt.Errorf("rfc1006: %w", err)
	}
	l := &Listener{ln: nl, set: set, queue: make(chan *Incoming, set.Limits.Backlog)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.start(l.run)
	return l, nil
}

// start runs f in a goroutine that Close waits for.
func (l *Listener) start(f func()) {
	l.wg.Add(1)
	l.set.start(func() {
		defer l.wg.Done()
		f()
	})
}

// control sees the address before the socket is bound, and after names are resolved.
func (s *settings) control(_, address string, _ syscall.RawConn) error {
	if s.Anywhere {
		return nil
	}
	a, err := netip.ParseAddrPort(address)
	if err == nil && a.Addr().Unmap().IsLoopback() {
		return nil
	}
	return ErrNotLoopback
}

// Addr is the address of the TCP socket.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close ends the listening, and refuses those whom nobody has accepted. Connections that were accepted go on. It waits for the
// listener's goroutines.
func (l *Listener) Close() error {
	l.cancel()
	err := l.ln.Close()
	l.wg.Wait()
	for {
		select {
		case in := <-l.queue:
			in.Refuse(cotp.ReasonNotAttached)
		default:
			if errors.Is(err, net.ErrClosed) {
				err = nil
			}
			return err
		}
	}
}

// minPause and maxPause bound how long the listener waits after an error that may pass, such as too many open files.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

func (l *Listener) run() {
	pause := minPause
	for {
		t, err := l.ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.set.Logger.Warn("accept", "listener", l.Addr(), "cause", err)
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-l.ctx.Done():
			}
			timer.Stop()
			pause = min(2*pause, maxPause)
			continue
		}
		pause = minPause
		l.take(t.(*net.TCPConn))
	}
}

// take begins the handshake of a TCP connection, if there are not too many already.
func (l *Listener) take(t *net.TCPConn) {
	l.mu.Lock()
	many := l.halfOpen >= l.set.Limits.HalfOpen || l.conns >= l.set.Limits.Connections
	if !many {
		l.halfOpen++
		l.conns++
	}
	l.mu.Unlock()
	if many {
		l.set.Logger.Warn("connection refused: too many", "peer", t.RemoteAddr(), "limit", l.set.Limits.HalfOpen, "limit of all", l.set.Limits.Connections)
		t.Close()
		return
	}
	l.start(func() {
		err := l.welcome(t)
		l.mu.Lock()
		l.halfOpen--
		l.mu.Unlock()
		if err != nil && l.ctx.Err() == nil {
			l.set.Logger.Warn("connection refused", "peer", t.RemoteAddr(), "cause", err)
		}
	})
}

func (l *Listener) gone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns--
}

// welcome waits for CR, and offers what comes of it to who accepts.
func (l *Listener) welcome(t *net.TCPConn) error {
	c, err := newConn(t, l.set, cotp.NewResponder(newRef(), l.set.offer))
	if err != nil {
		l.gone()
		return err
	}
	c.gone = l.gone
	ctx, cancel := context.WithTimeoutCause(l.ctx, l.set.HandshakeTime, errHandshakeTime)
	defer cancel()
	defer context.AfterFunc(ctx, c.Wake)()
	if err := c.shake(ctx); err != nil {
		c.Disconnect(transport.ReasonNormal)
		return cause(ctx, err)
	}
	in := &Incoming{c}
	c.mu.Lock()
	called := c.m.Peer.Called
	c.local.TSAP, c.remote.TSAP = called, c.m.Peer.Calling
	c.mu.Unlock()
	if len(called) > 0 && l.set.TSAPs != nil &&
		!slices.ContainsFunc(l.set.TSAPs, func(t []byte) bool { return bytes.Equal(t, called) }) {
		in.Refuse(cotp.ReasonAddressUnknown)
		return fmt.Errorf("rfc1006: nobody has the TSAP %x", called)
	}
	select {
	case <-l.ctx.Done():
		in.Refuse(cotp.ReasonNotAttached)
	case l.queue <- in:
	default:
		in.Refuse(cotp.ReasonCongestion)
		return fmt.Errorf("rfc1006: %d connections wait already", cap(l.queue))
	}
	return nil
}

// Next waits for the next T-CONNECT indication, which the caller accepts or refuses. After Close it returns net.ErrClosed.
func (l *Listener) Next(ctx context.Context) (*Incoming, error) {
	select {
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	default:
	}
	select {
	case in := <-l.queue:
		return in, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next T-CONNECT indication and accepts it.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	for {
		in, err := l.Next(ctx)
		if err != nil {
			return nil, err
		}
		if c, err := in.Accept(); err == nil { // one that has gone meanwhile is no error of the listener's
			return c, nil
		}
	}
}

// Incoming is a T-CONNECT indication. It is accepted or refused, once.
type Incoming struct{ c *Conn }

// Called returns the TSAP selector that the peer wants, nil if it named none.
func (in *Incoming) Called() []byte { return in.c.local.TSAP }

// Calling returns the peer's own TSAP selector, nil if it named none.
func (in *Incoming) Calling() []byte { return in.c.remote.TSAP }

// RemoteAddr is the peer's *Addr.
func (in *Incoming) RemoteAddr() net.Addr { return in.c.RemoteAddr() }

var errAnswered = errors.New("rfc1006: the connection was accepted already")

// Accept is the T-CONNECT response. It does not wait.
func (in *Incoming) Accept() (*Conn, error) {
	c := in.c
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.err != nil:
		return nil, c.err
	case c.m.State != cotp.AwaitResponse:
		return nil, errAnswered
	}
	if err := c.control(c.m.Accept()); err != nil {
		return nil, err
	}
	if c.out.err != nil {
		return nil, c.out.err
	}
	return c, nil
}

// Refuse is the T-DISCONNECT request in place of a response: the peer is told the reason. It does not wait.
func (in *Incoming) Refuse(r cotp.Reason) {
	c := in.c
	c.mu.Lock()
	defer c.unlock()
	if c.err != nil || c.m.State != cotp.AwaitResponse {
		return
	}
	c.closed = true
	c.part(c.m.Refuse(r), net.ErrClosed)
}
