// Package decnet carries a bridge over a logical link of DECnet: scheme tenuto+decnet. A URL's host is a node, by address or name, and its
// port the number of an object, 225 if there is none.
//
//	nw := decnet.New(n) // a *node.Node
//	ln, err := nw.Listen(ctx, &url.URL{Scheme: "tenuto+decnet", Host: ":225"})
//	c, err := nw.Dial(ctx, &url.URL{Scheme: "tenuto+decnet", Host: "1.2:225"})
//
// # Limitations
//
// DECnet has no security of its own: the bridge proves who its ends are, but whoever is on the path reads what goes over it.
package decnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// Scheme is the URL scheme of these carriers.
const Scheme = "tenuto+decnet"

// DefaultObject is the number of the object where a URL names none.
const DefaultObject = 225

// maxMessage is how much is put together in a message.
const maxMessage = 64 << 10

// Network dials and listens as a node.
type Network struct{ n *node.Node }

// New makes a Network of a node, which has to live as long as the carriers.
func New(n *node.Node) *Network { return &Network{n} }

// Scheme returns "tenuto+decnet".
func (*Network) Scheme() string { return Scheme }

// target is the node and the object that a URL names.
func target(u *url.URL) (host, object string, err error) {
	object = u.Port()
	if object == "" {
		object = strconv.Itoa(DefaultObject)
	}
	if n, err := strconv.Atoi(object); err != nil || n < 1 || n > 255 {
		return "", "", fmt.Errorf("carrier/decnet: object %s is not a number from 1 to 255", object)
	}
	return u.Hostname(), object, nil
}

// Dial connects to the object of the URL.
func (nw *Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	host, object, err := target(u)
	if err == nil && host == "" {
		err = errors.New("carrier/decnet: dial: the URL has no node")
	}
	if err != nil {
		return nil, err
	}
	c, err := nw.n.Dial(ctx, host+"::"+object, nil)
	if err != nil {
		return nil, fmt.Errorf("carrier/decnet: %w", err)
	}
	return newConn(c), nil
}

// Listen lets the object of the URL be called, whose host is empty or this node.
func (nw *Network) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	host, object, err := target(u)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && host != "" {
		if a, rerr := nw.n.Resolve(host); rerr != nil || a != nw.n.Addr() {
			err = fmt.Errorf("carrier/decnet: listen: %s is not this node", host)
		}
	}
	if err != nil {
		return nil, err
	}
	ln, err := nw.n.Listen(object, nil)
	if err != nil {
		return nil, fmt.Errorf("carrier/decnet: %w", err)
	}
	return &listener{ln, addr(nw.n.Addr().String() + ":" + object)}, nil
}

// addr is a node and an object as a URL's host has them.
type addr string

func (addr) Network() string  { return Scheme }
func (a addr) String() string { return string(a) }

type listener struct {
	*node.Listener
	addr addr
}

// Accept returns the next carrier.
func (l *listener) Accept() (carrier.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c.(*scp.Conn)), nil
}

// Addr is what a URL's host is to be.
func (l *listener) Addr() net.Addr { return l.addr }

// conn is a link as a carrier.
type conn struct {
	c     *scp.Conn
	batch []byte // of Write

	mu          sync.Mutex
	interrupted bool // the deadline of reading has passed for that
}

func newConn(c *scp.Conn) *conn { return &conn{c: c} }

// Read reads octets; messages have no meaning here.
func (c *conn) Read(b []byte) (n int, err error) {
	n, err = c.c.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.interrupted = false
		c.c.SetReadDeadline(time.Time{})
		err = carrier.ErrInterrupted
	}
	return n, err
}

// Interrupt ends a Read.
func (c *conn) Interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		c.interrupted = true
		c.c.SetReadDeadline(time.Unix(1, 0))
	}
}

// Write writes messages, small buffers together.
func (c *conn) Write(bufs ...[]byte) (n int, err error) {
	c.batch = c.batch[:0]
	flush := func() error {
		k, err := c.c.Write(c.batch)
		n += k
		c.batch = c.batch[:0]
		return err
	}
	for _, b := range bufs {
		for len(b) > 0 {
			k := min(len(b), maxMessage-len(c.batch))
			c.batch = append(c.batch, b[:k]...)
			if b = b[k:]; len(c.batch) == maxMessage {
				if err := flush(); err != nil {
					return n, err
				}
			}
		}
	}
	err = flush()
	return n, err
}

// TryWrite takes nothing.
func (c *conn) TryWrite(...[]byte) (n int, err error) { return 0, nil }

// Close ends the link; what was written goes on to its end.
func (c *conn) Close() error {
	c.c.Leave()
	return nil
}

// Binding is nil: DECnet has no security of its own.
func (c *conn) Binding() []byte { return nil }

// Secret is nil, as Binding.
func (c *conn) Secret() []byte { return nil }

// Features tells that Interrupt works.
func (c *conn) Features() carrier.Features { return carrier.Features{Interruptible: true} }

func (c *conn) LocalAddr() net.Addr  { return c.c.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.c.RemoteAddr() }
