// Package socket is what the carriers over the system's stream sockets share: reads that can be interrupted, gathering writes that
// wait and that do not, and a listener that does not spin.
//
// # Limitations
//
// Only Unix systems have writes that do not wait, and only Linux and macOS keep little unsent in the kernel (TCP_NOTSENT_LOWAT).
package socket

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
)

// Socket is a stream socket of package net.
type Socket interface {
	net.Conn
	syscall.Conn
}

// Conn is a carrier.Conn over a socket, but for Binding and Features. It must not be copied.
type Conn struct {
	sock       Socket
	try        TryWriter
	interrupts Interrupts

	gather [][]byte    // Write's own copy of its bufs, kept for its capacity
	rest   net.Buffers // what of gather is not written yet
}

// Init takes the socket over.
func (c *Conn) Init(s Socket) error {
	c.sock = s
	return c.try.Init(s)
}

// Read waits for at least one octet.
func (c *Conn) Read(b []byte) (n int, err error) {
	n, err = c.sock.Read(b)
	return n, c.interrupts.Told(c.sock, err)
}

// Interrupt ends the Read that waits, or the next one.
func (c *Conn) Interrupt() { c.interrupts.Interrupt(c.sock) }

// Write writes all of bufs, or waits until the socket breaks or is closed.
func (c *Conn) Write(bufs ...[]byte) (n int, err error) {
	if len(bufs) == 1 {
		return c.sock.Write(bufs[0])
	}
	// WriteTo consumes the slices that it is given.
	c.gather = append(c.gather[:0], bufs...)
	c.rest = c.gather
	n64, err := c.rest.WriteTo(c.sock)
	clear(c.gather)
	c.rest = nil
	return int(n64), err
}

// TryWrite writes what the socket takes at once.
func (c *Conn) TryWrite(bufs ...[]byte) (n int, err error) { return c.try.Write(c.sock, bufs) }

// Close leaves to the kernel to deliver what it has taken, as far as the peer still reads: a last frame may well arrive.
func (c *Conn) Close() error { return c.sock.Close() }

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.sock.LocalAddr() }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.sock.RemoteAddr() }

// Interrupts is how Read and Interrupt of a carrier work together, by the read deadline of a socket that nobody else sets.
type Interrupts struct {
	mu      sync.Mutex  // the flag and the read deadline change together
	pending atomic.Bool // the read deadline has passed, and no Read has told it yet
}

// past is a deadline that has passed on any clock.
var past = time.Unix(1, 0)

// Interrupt ends the Read that waits, or the next one. It does not wait.
func (i *Interrupts) Interrupt(s net.Conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.pending.Load() {
		i.pending.Store(true)
		s.SetReadDeadline(past) // fails only when closed, and then Read fails too
	}
}

// Told takes the error of a Read and returns that which its caller sees. A Read that returns octets while it is interrupted
// tells both.
func (i *Interrupts) Told(s net.Conn, err error) error {
	if i.pending.Load() && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)) {
		i.mu.Lock()
		i.pending.Store(false)
		s.SetReadDeadline(time.Time{})
		i.mu.Unlock()
		err = carrier.ErrInterrupted
	}
	return err
}
