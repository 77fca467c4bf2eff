package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
)

// conn is a carrier.Conn over a TCP connection with the options of newConn.
type conn struct {
	tcp *net.TCPConn
	try tryWriter

	gather [][]byte    // Write's own copy of its bufs, kept for its capacity
	rest   net.Buffers // what of gather is not written yet

	interruptMu sync.Mutex  // the flag and the read deadline change together
	interrupted atomic.Bool // the read deadline has passed, and no Read has told it yet
}

// newConn takes the connection over; it closes it on error. Its keepalive probes are the ones that package net sets (after 15 s
// of silence), and its buffers the kernel's.
func newConn(t *net.TCPConn) (*conn, error) {
	c := &conn{tcp: t}
	raw, err := t.SyscallConn()
	if err == nil {
		c.try.init(raw)
		err = errors.Join(t.SetNoDelay(true), setNotSentLowat(raw))
	}
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("carrier/tcp: %w", err)
	}
	return c, nil
}

func (c *conn) Read(b []byte) (n int, err error) {
	n, err = c.tcp.Read(b)
	// A deadline is set by Interrupt alone. A Read that returns octets while it is interrupted tells both.
	if c.interrupted.Load() && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)) {
		c.interruptMu.Lock()
		c.interrupted.Store(false)
		c.tcp.SetReadDeadline(time.Time{})
		c.interruptMu.Unlock()
		err = carrier.ErrInterrupted
	}
	return n, err
}

// past is a deadline that has passed on any clock.
var past = time.Unix(1, 0)

func (c *conn) Interrupt() {
	c.interruptMu.Lock()
	defer c.interruptMu.Unlock()
	if !c.interrupted.Load() {
		c.interrupted.Store(true)
		c.tcp.SetReadDeadline(past) // fails only when closed, and then Read fails too
	}
}

func (c *conn) Write(bufs ...[]byte) (n int, err error) {
	if len(bufs) == 1 {
		return c.tcp.Write(bufs[0])
	}
	// WriteTo consumes the slices that it is given.
	c.gather = append(c.gather[:0], bufs...)
	c.rest = c.gather
	n64, err := c.rest.WriteTo(c.tcp)
	clear(c.gather)
	c.rest = nil
	return int(n64), err
}

func (c *conn) TryWrite(bufs ...[]byte) (n int, err error) {
	n, err = c.try.write(bufs)
	if _, ok := err.(*os.SyscallError); ok { // as package net would have it
		err = &net.OpError{Op: "write", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
	}
	return n, err
}

// Close leaves to the kernel to deliver what it has taken, as far as the peer still reads: a last frame may well arrive.
func (c *conn) Close() error { return c.tcp.Close() }

// Binding returns nil: TCP has no security of its own.
func (c *conn) Binding() []byte { return nil }

func (c *conn) Features() carrier.Features {
	return carrier.Features{Interruptible: true, TryWrite: canTryWrite}
}

func (c *conn) LocalAddr() net.Addr  { return c.tcp.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.tcp.RemoteAddr() }
