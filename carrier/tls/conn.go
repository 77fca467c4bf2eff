package tls

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

// conn is a carrier.Conn: crypto/tls above an inner connection that keeps its writes from waiting.
type conn struct {
	nw    *Network
	tls   *tls.Conn
	inner inner
	out   writer

	once    sync.Once // shakes hands, or waits for who does
	shaken  atomic.Bool
	err     error  // of the handshake; set before shaken
	binding []byte // likewise

	interrupts socket.Interrupts
	mu         sync.Mutex
	early      bool // Interrupt was called before the handshake was over
	open       bool // the handshake is over and went well
}

// newConn takes the connection over; it closes it on error.
func newConn(t *net.TCPConn, nw *Network, config *tls.Config, side func(net.Conn, *tls.Config) *tls.Conn) (*conn, error) {
	c := &conn{nw: nw, inner: inner{TCPConn: t}}
	err := c.inner.try.Init(t)
	if err == nil {
		err = socket.TuneTCP(t)
	}
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("carrier/tls: %w", err)
	}
	c.tls = side(&c.inner, config)
	return c, nil
}

// ready shakes hands if nobody has.
func (c *conn) ready() error {
	if c.shaken.Load() {
		return c.err
	}
	return c.shake(context.Background())
}

func (c *conn) Read(b []byte) (n int, err error) {
	if err := c.ready(); err != nil {
		return 0, err
	}
	// A timeout passes: crypto/tls keeps what it has read of a record, and goes on there.
	n, err = c.tls.Read(b)
	return n, c.interrupts.Told(c.inner.TCPConn, err)
}

// Interrupt leaves a handshake alone, which would not survive it.
func (c *conn) Interrupt() {
	c.mu.Lock()
	c.early = !c.open
	open := c.open
	c.mu.Unlock()
	if open {
		c.interrupts.Interrupt(c.inner.TCPConn)
	}
}

func (c *conn) Write(bufs ...[]byte) (n int, err error) {
	if err := c.ready(); err != nil {
		return 0, err
	}
	return c.write(bufs, true)
}

func (c *conn) TryWrite(bufs ...[]byte) (n int, err error) {
	if !socket.CanTryWrite || !c.shaken.Load() {
		return 0, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.write(bufs, false)
}

// Close says goodbye if that needs no waiting (RFC 8446 6.1). It leaves to the kernel to deliver what it has taken, as far as the
// peer still reads: a last frame may well arrive.
func (c *conn) Close() error { return c.tls.Close() }

func (c *conn) Binding() []byte {
	if c.ready() != nil {
		return nil
	}
	return c.binding
}

// secretLabel is that of Secret's export. RFC 5705 4: labels that are not registered begin with "EXPERIMENTAL".
const secretLabel = "EXPERIMENTAL-tenuto-bridge-secret"

// Secret is asked for once on the first carrier of a bridge, and so it is not kept.
func (c *conn) Secret() []byte {
	if c.Binding() == nil {
		return nil
	}
	state := c.tls.ConnectionState()
	secret, err := state.ExportKeyingMaterial(secretLabel, nil, 32)
	if err != nil {
		panic("BUG: carrier/tls: a binding was exported, and a secret is not: " + err.Error())
	}
	return secret
}

func (c *conn) Features() carrier.Features {
	return carrier.Features{Interruptible: true, TryWrite: socket.CanTryWrite}
}

func (c *conn) LocalAddr() net.Addr  { return c.inner.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.inner.RemoteAddr() }
