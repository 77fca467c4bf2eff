// Package datagram is a socket for links that come and go, such as one of UDP between two addresses: it stays, so that nothing that comes meets a
// closed port, and each [Conn] is the time between Open and Close.
package datagram

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// MaxSize is the most octets of a datagram.
const MaxSize = 65535 - 28

// Device is what a Socket reads and writes: datagrams. Its methods may be called at any time by anyone, but Read by one at a time; Close and a read
// deadline end a Read that waits.
type Device interface {
	Read(b []byte) (int, error)
	Write(b []byte) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

// Socket is a device that stays. Its methods may be called at any time by anyone.
type Socket struct {
	dev   Device
	local net.Addr
	turn  chan struct{} // held by who reads

	mu     sync.Mutex
	conn   *Conn // guarded by mu
	closed bool  // guarded by mu
}

// New makes a socket of a device, and closes it in the end.
func New(dev Device) *Socket { return &Socket{dev: dev, turn: make(chan struct{}, 1)} }

// Listen makes a socket of UDP at a local address, to a remote one.
func Listen(local, remote string) (*Socket, error) {
	here, err := net.ResolveUDPAddr("udp", local)
	if err != nil {
		return nil, err
	}
	there, err := net.ResolveUDPAddr("udp", remote)
	if err != nil {
		return nil, err
	}
	u := &udp{remote: netip.AddrPortFrom(there.AddrPort().Addr().Unmap(), there.AddrPort().Port())}
	if u.UDPConn, err = net.ListenUDP("udp", here); err != nil {
		return nil, err
	}
	s := New(u)
	s.local = u.LocalAddr()
	return s, nil
}

// LocalAddr is where a socket of UDP is; nil of others.
func (s *Socket) LocalAddr() net.Addr { return s.local }

// udp is a socket between two addresses.
type udp struct {
	*net.UDPConn
	remote netip.AddrPort
}

// Read waits for the next datagram from the remote address.
func (u *udp) Read(b []byte) (int, error) {
	for {
		n, from, err := u.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case err != nil: // of a datagram that was sent: the remote port is closed
		case from.Port() == u.remote.Port() && from.Addr().Unmap() == u.remote.Addr():
			return n, nil
		}
	}
}

// Write sends a datagram. One that the network does not take is lost.
func (u *udp) Write(b []byte) (int, error) {
	if _, err := u.WriteToUDPAddrPort(b, u.remote); errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	return len(b), nil
}

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
	return s.conn, s.dev.SetReadDeadline(time.Time{})
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
	return s.dev.Close()
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

// Read waits for the next datagram. It has one caller at a time.
func (c *Conn) Read(b []byte) (n int, err error) {
	c.s.turn <- struct{}{}
	defer func() { <-c.s.turn }()
	if c.over() {
		return 0, net.ErrClosed
	}
	if n, err = c.s.dev.Read(b); err != nil && c.over() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write sends a datagram.
func (c *Conn) Write(b []byte) (n int, err error) {
	if c.over() {
		return 0, net.ErrClosed
	}
	return c.s.dev.Write(b)
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
	return c.s.dev.SetReadDeadline(time.Unix(1, 0))
}
