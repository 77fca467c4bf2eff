// Package multinet carries DECnet as Multinet for VMS does: over a TCP connection, which one end makes and the other accepts, or in UDP
// datagrams, each packet behind a header of four octets. Nothing is encrypted, and nobody is told from anybody else.
//
//	l, err := multinet.Connect("hub.example.net:700")
//	l, err := multinet.Listen("127.0.0.1:7001")
//	l, err := multinet.Datagrams("127.0.0.1:7001", "127.0.0.1:7002")
//
// # Limitations
//
// A listener has one connection at a time, as there is one neighbour; the next waits for its end. Datagrams that are lost are not sent again,
// and come in whatever order the network has. The header's sequence number is written, and not looked at.
package multinet

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/decnet/internal/datagram"
	"github.com/tenuto-session/tenuto/decnet/link"
)

const (
	// header is the size of what comes before a packet: over TCP its length and a word of zeros, in a datagram a number and a word of zeros.
	header = 4
	// maxTCP and maxUDP are the largest packets.
	maxTCP = 65535
	maxUDP = datagram.MaxSize - header

	// readSize is how much is read at once.
	readSize = 128 << 10
	// keepAlive is how long a connection may be silent before the system asks.
	keepAlive = 30 * time.Second
)

// opener makes the Conns of a link.
type opener interface {
	open(ctx context.Context) (link.Conn, error)
	close() error
}

// Link is a Multinet link. It implements link.Link.
type Link struct {
	name  string
	block int
	opener

	mu     sync.Mutex
	conn   link.Conn // guarded by mu
	closed bool      // guarded by mu
	ctx    context.Context
	cancel context.CancelFunc
}

func newLink(name string, block int, o opener) *Link {
	l := &Link{name: name, block: block, opener: o}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Connect makes a link that connects to an address over TCP.
func Connect(address string) (*Link, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("multinet: connect: %w", err)
	}
	return newLink("multinet connect "+address, maxTCP, dialer(address)), nil
}

// Listen makes a link that accepts at an address over TCP.
func Listen(address string) (*Link, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("multinet: listen: %w", err)
	}
	return newLink("multinet listen "+ln.Addr().String(), maxTCP, &acceptor{ln: ln.(*net.TCPListener)}), nil
}

// Datagrams makes a link of UDP datagrams between two addresses.
func Datagrams(local, remote string) (*Link, error) {
	s, err := datagram.Listen(local, remote)
	if err != nil {
		return nil, fmt.Errorf("multinet: datagrams: %w", err)
	}
	return newLink(fmt.Sprintf("multinet udp %v %s", s.LocalAddr(), remote), maxUDP, datagrams{s}), nil
}

// Addr is where a listener accepts; nil for other links.
func (l *Link) Addr() net.Addr {
	if a, ok := l.opener.(*acceptor); ok {
		return a.ln.Addr()
	}
	return nil
}

// Properties tells what it is. An init may come at any time: Multinet on VMS begins anew within a connection.
func (l *Link) Properties() link.Properties { return link.Properties{MaxBlock: l.block} }

func (l *Link) String() string { return l.name }

// Open brings the link up.
func (l *Link) Open(ctx context.Context) (link.Conn, error) {
	l.mu.Lock()
	old, closed := l.conn, l.closed
	l.conn = nil
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	if closed {
		return nil, fmt.Errorf("%s: %w", l.name, net.ErrClosed)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := l.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return nil, fmt.Errorf("%s: %w", l.name, net.ErrClosed)
	}
	l.conn = c
	return c, nil
}

// Close ends the link.
func (l *Link) Close() error {
	l.mu.Lock()
	conn, again := l.conn, l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	l.cancel()
	if conn != nil {
		conn.Close()
	}
	return l.close()
}

// dialer is an address to connect to.
type dialer string

func (d dialer) open(ctx context.Context) (link.Conn, error) {
	nd := net.Dialer{KeepAlive: keepAlive}
	c, err := nd.DialContext(ctx, "tcp", string(d))
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return newStream(c), nil
}

func (d dialer) close() error { return nil }

// acceptor accepts connections.
type acceptor struct{ ln *net.TCPListener }

func (a *acceptor) open(ctx context.Context) (link.Conn, error) {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(woken); a.ln.SetDeadline(time.Unix(1, 0)) })
	c, err := a.ln.Accept()
	if !stop() {
		<-woken
		a.ln.SetDeadline(time.Time{})
		if err == nil {
			c.Close()
		}
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return newStream(c), nil
}

func (a *acceptor) close() error { return a.ln.Close() }

// stream is a TCP connection with packets.
type stream struct {
	c       net.Conn
	buf     []byte
	r, w    int // of buf, what has come and was not returned
	packets []link.Packet
	out     []byte
}

func newStream(c net.Conn) *stream { return &stream{c: c, buf: make([]byte, readSize)} }

// Receive returns all packets that have come.
func (s *stream) Receive() ([]link.Packet, error) {
	s.packets = s.packets[:0]
	if s.w = copy(s.buf, s.buf[s.r:s.w]); s.w > 0 || s.r > 0 {
		s.r = 0
	}
	for {
		n, err := s.c.Read(s.buf[s.w:])
		s.w += n
		s.cut()
		if len(s.packets) > 0 {
			return s.packets, nil // an error comes again
		}
		if err != nil {
			return nil, err
		}
		if s.r > 0 { // only empty packets
			s.w = copy(s.buf, s.buf[s.r:s.w])
			s.r = 0
		}
	}
}

// cut finds whole packets in the buffer. An empty one is none.
func (s *stream) cut() {
	for s.w-s.r >= header {
		n := int(binary.LittleEndian.Uint16(s.buf[s.r:]))
		if s.w-s.r < header+n {
			return
		}
		if n > 0 {
			s.packets = append(s.packets, link.Packet{Data: s.buf[s.r+header : s.r+header+n : s.r+header+n]})
		}
		s.r += header + n
	}
}

// Send writes all packets at once.
func (s *stream) Send(ps []link.Packet) error {
	s.out = s.out[:0]
	for _, p := range ps {
		if len(p.Data) > maxTCP {
			continue
		}
		s.out = binary.LittleEndian.AppendUint32(s.out, uint32(len(p.Data)))
		s.out = append(s.out, p.Data...)
	}
	_, err := s.c.Write(s.out)
	return err
}

func (s *stream) Close() error { return s.c.Close() }

// datagrams is a UDP socket.
type datagrams struct{ *datagram.Socket }

func (u datagrams) open(ctx context.Context) (link.Conn, error) {
	c, err := u.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &datagramConn{Conn: c, buf: make([]byte, maxUDP+header)}, nil
}

func (u datagrams) close() error { return u.Close() }

type datagramConn struct {
	*datagram.Conn
	buf     []byte
	packets [1]link.Packet
	out     []byte
	number  uint16
}

// Receive returns the next packet.
func (c *datagramConn) Receive() ([]link.Packet, error) {
	for {
		n, err := c.Read(c.buf)
		if err != nil {
			return nil, err
		}
		if n > header {
			c.packets[0] = link.Packet{Data: c.buf[header:n]}
			return c.packets[:], nil
		}
	}
}

// Send sends a datagram for each packet.
func (c *datagramConn) Send(ps []link.Packet) error {
	for _, p := range ps {
		if len(p.Data) > maxUDP {
			continue
		}
		c.out = binary.LittleEndian.AppendUint32(c.out[:0], uint32(c.number))
		c.number++
		c.out = append(c.out, p.Data...)
		if _, err := c.Write(c.out); err != nil {
			return err
		}
	}
	return nil
}
