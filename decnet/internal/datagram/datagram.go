// Package datagram is a UDP socket between two addresses, for links that come and go: the socket stays, so that nothing that comes meets a
// closed port, and each [Conn] is the time between Open and Close.
package datagram

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// MaxSize is the most octets of a datagram.
const MaxSize = 65535 - 28

// Socket is a UDP socket. Its methods may be called at any time by anyone.
type Socket struct {
	sock   *net.UDPConn
	remote netip.AddrPort
	turn   chan struct{} // held by who reads

	mu     sync.Mutex
	conn   *Conn // guarded by mu
	closed bool  // guarded by mu
}

// Listen makes a socket at a local address, to a remote one.
func Listen(local, remote string) (*Socket, error) {
	at, err := net.ResolveUDPAddr("udp", local)
	if err != nil {
		return nil, err
	}
	to, err := net.ResolveUDPAddr("udp", remote)
	if err != nil {
		return nil, err
	}
	s := &Socket{turn: make(chan struct{}, 1)}
	s.remote = netip.AddrPortFrom(to.AddrPort().Addr().Unmap(), to.AddrPort().Port())
	s.sock, err = net.ListenUDP("udp", at)
	return s, err
}

// LocalAddr is where the socket is.
func (s *Socket) LocalAddr() net.Addr { return s.sock.LocalAddr() }

// Open begins a Conn, and ends the one before.
func (s *Socket) Open(ctx context.Context) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	old := s.conn
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
	s.turn <- struct{}{} // nobody reads any more
	defer func() { <-s.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	s.conn = &Conn{s: s}
	return s.conn, s.sock.SetReadDeadline(time.Time{})
}

// Close ends the socket and its Conn.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.conn != nil {
		s.conn.ended = true
	}
	return s.sock.Close()
}

// Conn is the time between Open and Close.
type Conn struct {
	s     *Socket
	ended bool // guarded by s.mu
}

func (c *Conn) over() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.ended
}

// Read waits for the next datagram from the remote address. It has one caller at a time.
func (c *Conn) Read(b []byte) (n int, err error) {
	c.s.turn <- struct{}{}
	defer func() { <-c.s.turn }()
	for {
		if c.over() {
			return 0, net.ErrClosed
		}
		n, from, err := c.s.sock.ReadFromUDPAddrPort(b)
		switch {
		case c.over() || errors.Is(err, net.ErrClosed):
			return 0, net.ErrClosed
		case err != nil: // of a datagram that was sent: the remote port is closed
			continue
		case from.Port() == c.s.remote.Port() && from.Addr().Unmap() == c.s.remote.Addr():
			return n, nil
		}
	}
}

// Write sends a datagram. One that the network does not take is lost.
func (c *Conn) Write(b []byte) (n int, err error) {
	if c.over() {
		return 0, net.ErrClosed
	}
	if _, err := c.s.sock.WriteToUDPAddrPort(b, c.s.remote); errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	return len(b), nil
}

// Close ends the Conn and leaves the socket.
func (c *Conn) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.ended || c.s.closed {
		c.ended = true
		return nil
	}
	c.ended = true
	return c.s.sock.SetReadDeadline(time.Unix(1, 0))
}
