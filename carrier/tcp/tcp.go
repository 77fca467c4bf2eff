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
	"syscall"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

const (
	// Scheme is the URL scheme of these carriers.
	Scheme = "tenuto+tcp"

	// DefaultPort is the port of a URL that names none.
	DefaultPort = socket.DefaultPort

	// NotSentLowat is how many octets the kernel holds that it has not sent yet, where the system can be told: a write is
	// refused beyond it. Control and expedited data, which overtake in the bridge, then wait behind no more than this.
	NotSentLowat = socket.NotSentLowat
)

// ErrNotLoopback is returned for an address that others could reach.
var ErrNotLoopback = errors.New("plaintext carriers stay on loopback unless allowed (tenuto://, with TLS, is for other addresses)")

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
	return socket.NewListener(ln, "carrier/tcp", func(c net.Conn) (carrier.Conn, error) { return newConn(c.(*net.TCPConn)) }), nil
}

func hostPort(u *url.URL) (string, error) {
	addr, err := socket.HostPort(u, Scheme)
	if err != nil {
		return "", fmt.Errorf("carrier/tcp: %w", err)
	}
	return addr, nil
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
