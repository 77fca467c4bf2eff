// Package plug is what links over TCP and UDP have in common: how they come up, again and again, and end.
package plug

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/decnet/internal/datagram"
	"github.com/tenuto-session/tenuto/decnet/link"
)

// keepAlive is how long a connection may be silent before the system asks.
const keepAlive = 30 * time.Second

// Source makes transport connections, one after the other.
type Source interface {
	Open(ctx context.Context) (io.ReadWriteCloser, error)
	Close() error
	Addr() net.Addr // where it can be found; nil for one that connects
}

// Link is a link over a source. It implements link.Link.
type Link struct {
	name  string
	props link.Properties
	src   Source
	up    func(ctx context.Context, c io.ReadWriteCloser) (link.Conn, error)

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	mu     sync.Mutex
	conn   link.Conn // guarded by mu
	closed bool      // guarded by mu
}

// New makes a link. up makes a Conn of a transport connection, which is closed if it cannot.
func New(name string, p link.Properties, src Source, up func(context.Context, io.ReadWriteCloser) (link.Conn, error)) *Link {
	l := &Link{name: name, props: p, src: src, up: up}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Addr is where the link can be found; nil for one that connects.
func (l *Link) Addr() net.Addr { return l.src.Addr() }

// Properties tells what it is.
func (l *Link) Properties() link.Properties { return l.props }

func (l *Link) String() string { return l.name }

// Open brings the link up.
func (l *Link) Open(ctx context.Context) (link.Conn, error) {
	l.mu.Lock()
	old, closed := l.conn, l.closed
	l.conn = nil
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	if closed {
		return nil, fmt.Errorf("%s: %w", l.name, net.ErrClosed)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := l.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return nil, fmt.Errorf("%s: %w", l.name, net.ErrClosed)
	}
	l.conn = c
	return c, nil
}

func (l *Link) open(ctx context.Context) (link.Conn, error) {
	t, err := l.src.Open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { t.Close() })
	c, err := l.up(ctx, t)
	if !stop() && err == nil {
		c.Close()
		err = ctx.Err()
	}
	if err != nil {
		t.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

// Close ends the link.
func (l *Link) Close() error {
	l.mu.Lock()
	conn, again := l.conn, l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	l.cancel()
	if conn != nil {
		conn.Close()
	}
	return l.src.Close()
}

// Dial is a source that connects to an address over TCP.
func Dial(address string) (Source, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, err
	}
	return dialer(address), nil
}

type dialer string

func (d dialer) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	nd := net.Dialer{KeepAlive: keepAlive}
	return nd.DialContext(ctx, "tcp", string(d))
}

func (d dialer) Close() error   { return nil }
func (d dialer) Addr() net.Addr { return nil }

// Accept is a source that accepts at an address over TCP.
func Accept(address string) (Source, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &acceptor{ln.(*net.TCPListener)}, nil
}

type acceptor struct{ ln *net.TCPListener }

func (a *acceptor) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(woken); a.ln.SetDeadline(time.Unix(1, 0)) })
	c, err := a.ln.Accept()
	if !stop() {
		<-woken
		a.ln.SetDeadline(time.Time{})
		if err == nil {
			c.Close()
		}
		return nil, ctx.Err()
	}
	return c, err
}

func (a *acceptor) Close() error   { return a.ln.Close() }
func (a *acceptor) Addr() net.Addr { return a.ln.Addr() }

// Datagrams is a source of UDP datagrams between two addresses.
func Datagrams(local, remote string) (Source, error) {
	s, err := datagram.Listen(local, remote)
	if err != nil {
		return nil, err
	}
	return datagrams{s}, nil
}

type datagrams struct{ s *datagram.Socket }

func (d datagrams) Open(ctx context.Context) (io.ReadWriteCloser, error) { return d.s.Open(ctx) }
func (d datagrams) Close() error                                         { return d.s.Close() }
func (d datagrams) Addr() net.Addr                                       { return d.s.LocalAddr() }
