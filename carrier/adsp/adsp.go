// Package adsp carries a bridge over an AppleTalk data stream: scheme tenuto+adsp. A session may move from TCP to AppleTalk and back.
//
//	nw := adsp.New(node)                             // a node of appletalk/node
//	ln, err := nw.Listen(ctx, u)                     // tenuto+adsp://Server registers Server:Tenuto
//	c, err := nw.Dial(ctx, u)                        // tenuto+adsp://Server, or tenuto+adsp://3.10:130 for a socket
//
// A name's type and zone stand as in tenuto+adsp://Object:Type@Zone; a name with spaces is written with %20, a zone with spaces as ?zone=The%20Zone.
//
// # Limitations
//
// AppleTalk has no cipher: Binding is nil, and the bridge's own handshake proves who both ends are.
package adsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	stream "github.com/tenuto-session/tenuto/appletalk/adsp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

// Scheme is the URL scheme of these carriers.
const Scheme = "tenuto+adsp"

// Type is the type of names that have none.
const Type = "Tenuto"

// config: who does not answer is asked for five seconds.
var config = stream.Config{Window: stream.MaxWindow, Interval: time.Second}

// Network dials and listens on a node. It does not close it.
type Network struct{ node *node.Node }

// New makes the network of a node.
func New(n *node.Node) *Network { return &Network{n} }

// Scheme returns "tenuto+adsp".
func (*Network) Scheme() string { return Scheme }

// address is what a URL names.
func address(u *url.URL) (string, error) {
	if u.Scheme != Scheme {
		return "", fmt.Errorf("carrier/adsp: URL of scheme %q, want %q", u.Scheme, Scheme)
	}
	text, err := node.URLAddress(u, Type)
	if err != nil {
		return "", fmt.Errorf("carrier/adsp: %w", err)
	}
	return text, nil
}

// Dial opens a connection to the name or the socket in the URL.
func (nw *Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	text, err := address(u)
	if err != nil {
		return nil, err
	}
	c, err := stream.Dial(ctx, nw.node, text, config)
	if err != nil {
		return nil, fmt.Errorf("carrier/adsp: %w", err)
	}
	return &conn{Conn: c}, nil
}

// Listen registers the name in the URL; with tenuto+adsp://:0 it listens at a socket that Addr tells.
func (nw *Network) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	text, err := address(u)
	if err != nil {
		return nil, err
	}
	l, err := stream.Listen(ctx, nw.node, text, config)
	if err != nil {
		return nil, fmt.Errorf("carrier/adsp: listen: %w", err)
	}
	return &listener{l}, nil
}

type listener struct{ *stream.Listener }

func (l *listener) Accept() (carrier.Conn, error) {
	c, err := l.AcceptContext(context.Background())
	if err != nil {
		if errors.Is(err, net.ErrClosed) {
			err = net.ErrClosed
		}
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// conn is a carrier.Conn over a data stream.
type conn struct {
	*stream.Conn
	interrupts socket.Interrupts
}

func (c *conn) Read(b []byte) (n int, err error) {
	n, err = c.Conn.Read(b)
	return n, c.interrupts.Told(c.Conn, err)
}

func (c *conn) Interrupt() { c.interrupts.Interrupt(c.Conn) }

func (c *conn) Write(bufs ...[]byte) (n int, err error) {
	for _, b := range bufs {
		k, err := c.Conn.Write(b)
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

func (c *conn) TryWrite(bufs ...[]byte) (n int, err error) { return c.Conn.TryWrite(bufs...) }

// Binding returns nil: AppleTalk has no security of its own.
func (c *conn) Binding() []byte { return nil }

// Secret returns nil, as Binding does.
func (c *conn) Secret() []byte { return nil }

func (c *conn) Features() carrier.Features {
	return carrier.Features{Interruptible: true, TryWrite: true}
}
