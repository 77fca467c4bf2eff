// Package tcp carries a bridge over plaintext TCP: scheme tenuto+tcp.
//
// Nothing here hides what is carried, so a [Network] stays on loopback addresses unless it is told otherwise. A URL's host and
// port say where; the port is 7225 if there is none.
//
//	nw := &tcp.Network{}
//	ln, err := nw.Listen(ctx, &url.URL{Scheme: "tenuto+tcp", Host: "127.0.0.1:0"})
//	c, err := nw.Dial(ctx, &url.URL{Scheme: "tenuto+tcp", Host: ln.Addr().String()})
//
// # Limitations
//
// Only Unix systems have TryWrite, and only Linux and macOS keep little unsent in the kernel (TCP_NOTSENT_LOWAT).
package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
)

const (
	// Scheme is the URL scheme of these carriers.
	Scheme = "tenuto+tcp"

	// DefaultPort is the port of a URL that names none.
	DefaultPort = "7225"

	// NotSentLowat is how many octets the kernel holds that it has not sent yet, where the system can be told: a write is
	// refused beyond it. Control and expedited data, which overtake in the bridge, then wait behind no more than this.
	NotSentLowat = 128 << 10
)

// ErrNotLoopback is returned for an address that others could reach.
var ErrNotLoopback = errors.New("plaintext carriers stay on loopback unless allowed (tenuto://, with TLS, is for other addresses and is the next step)")

// Network dials and listens. The zero Network is ready for use, on loopback addresses only.
type Network struct {
	// AllowAnywhere lets plaintext leave the machine.
	AllowAnywhere bool
}

// Scheme returns "tenuto+tcp".
func (nw *Network) Scheme() string { return Scheme }

// Dial connects to the URL's host. A name is looked up; of its addresses only those on loopback are tried.
func (nw *Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	addr, err := hostPort(u)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Control: nw.control}
	d.SetMultipathTCP(false)
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("carrier/tcp: %w", err)
	}
	return newConn(c.(*net.TCPConn))
}

// Listen listens at the URL's host, which should be an IP address or localhost.
func (nw *Network) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	addr, err := hostPort(u)
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: nw.control}
	// The bridge moves between paths by itself, and a multipath socket lacks options that we set.
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("carrier/tcp: %w", err)
	}
	return newListener(ln.(*net.TCPListener)), nil
}

func hostPort(u *url.URL) (string, error) {
	if u.Scheme != Scheme {
		return "", fmt.Errorf("carrier/tcp: URL of scheme %q, want %q", u.Scheme, Scheme)
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// control sees each address after names are resolved and before the socket is connected or bound, so that no name leads out.
func (nw *Network) control(_, address string, _ syscall.RawConn) error {
	if nw.AllowAnywhere {
		return nil
	}
	a, err := netip.ParseAddrPort(address)
	if err == nil && a.Addr().Unmap().IsLoopback() {
		return nil
	}
	return ErrNotLoopback
}

// acceptor is what a listener needs of net.TCPListener.
type acceptor interface {
	AcceptTCP() (*net.TCPConn, error)
	Close() error
	Addr() net.Addr
}

type listener struct {
	ln    acceptor
	pause atomic.Int64 // nanoseconds that Accept waits, after an error
	once  sync.Once
	done  chan struct{} // closed by Close
}

// minPause and maxPause bound how long Accept waits after an error that may pass, such as too many open files: the caller
// goes on at once, and would spin.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

func newListener(ln acceptor) *listener {
	return &listener{ln: ln, done: make(chan struct{})}
}

func (l *listener) Accept() (carrier.Conn, error) {
	if d := l.pause.Load(); d > 0 {
		timer := time.NewTimer(time.Duration(d))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
	c, err := l.ln.AcceptTCP()
	switch {
	case errors.Is(err, net.ErrClosed):
		return nil, net.ErrClosed
	case err != nil:
		l.pause.Store(int64(min(max(2*time.Duration(l.pause.Load()), minPause), maxPause)))
		return nil, fmt.Errorf("carrier/tcp: %w", err)
	}
	l.pause.Store(0)
	return newConn(c)
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.ln.Close()
}

func (l *listener) Addr() net.Addr { return l.ln.Addr() }
