package bench

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier"
)

// spoiledNetwork makes carriers that an endpoint uses in good faith and that are bad for the other end once the network is armed.
type spoiledNetwork struct {
	carrier.Network
	spoil func(spoiledConn) carrier.Conn
	armed atomic.Bool
}

// Dial makes a carrier that is spoiled.
func (nw *spoiledNetwork) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	c, err := nw.Network.Dial(ctx, u)
	if err != nil {
		return nil, err
	}
	return nw.spoil(spoiledConn{c, nw}), nil
}

// spoiledConn is a carrier that is read and written by goroutines of their own, which makes it simple.
type spoiledConn struct {
	carrier.Conn
	network *spoiledNetwork
}

func (c spoiledConn) Features() carrier.Features {
	return carrier.Features{Local: c.Conn.Features().Local}
}

func (c spoiledConn) TryWrite(...[]byte) (int, error) { return 0, nil }

// unread is not read any more once the network is armed, but for the first octets, which are the handshake's.
type unread struct {
	spoiledConn
	reads  int
	once   sync.Once
	closed chan struct{}
}

func (c *unread) Read(b []byte) (int, error) {
	if c.reads++; c.reads > 1 && c.network.armed.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return c.Conn.Read(b)
}

func (c *unread) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// unacknowledged leaves out every ACK once the network is armed.
type unacknowledged struct {
	spoiledConn
	magic   int    // octets of it that are to come
	framed  bool   // the handshake is over
	pass    int    // octets of the current payload that are to come
	pending []byte // the beginning of a message or a frame
}

func (c *unacknowledged) Write(bufs ...[]byte) (n int, err error) {
	for _, b := range bufs {
		c.pending = append(c.pending, b...)
		n += len(b)
	}
	var out []byte
	for {
		k, keep := c.next()
		if k == 0 {
			break
		}
		if keep {
			out = append(out, c.pending[:k]...)
		}
		c.pending = c.pending[k:]
	}
	if len(out) == 0 {
		return n, nil
	}
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return n, nil
}

// next tells how many octets of what is pending belong together, and whether they are let through.
func (c *unacknowledged) next() (n int, keep bool) {
	switch {
	case c.magic > 0:
		n = min(c.magic, len(c.pending))
		c.magic -= n
		return n, true
	case c.pass > 0:
		n = min(c.pass, len(c.pending))
		c.pass -= n
		return n, true
	case !c.framed:
		t, _, n, err := bridge.ParseMessage(c.pending)
		if err != nil {
			panic("BUG: bench: " + err.Error()) // the endpoint has written it
		}
		c.framed = n > 0 && t != bridge.MessageHello // a PROOF or an ATTACH is the last one
		return n, true
	}
	f, n, err := bridge.ParseFrame(c.pending)
	if err != nil {
		panic("BUG: bench: " + err.Error())
	}
	c.pass = f.Length
	return n, f.Type != bridge.FrameAck || !c.network.armed.Load()
}
