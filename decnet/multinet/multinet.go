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
	"io"

	"github.com/tenuto-session/tenuto/decnet/internal/datagram"
	"github.com/tenuto-session/tenuto/decnet/internal/plug"
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
)

// Link is a Multinet link. It implements link.Link.
type Link = plug.Link

// An init may come at any time: Multinet on VMS begins anew within a connection.
var (
	overTCP = link.Properties{MaxBlock: maxTCP}
	overUDP = link.Properties{MaxBlock: maxUDP}
)

// Connect makes a link that connects to an address over TCP.
func Connect(address string) (*Link, error) {
	src, err := plug.Dial(address)
	if err != nil {
		return nil, fmt.Errorf("multinet: connect: %w", err)
	}
	return plug.New("multinet connect "+address, overTCP, src, newStream), nil
}

// Listen makes a link that accepts at an address over TCP.
func Listen(address string) (*Link, error) {
	src, err := plug.Accept(address)
	if err != nil {
		return nil, fmt.Errorf("multinet: listen: %w", err)
	}
	return plug.New("multinet listen "+src.Addr().String(), overTCP, src, newStream), nil
}

// Datagrams makes a link of UDP datagrams between two addresses.
func Datagrams(local, remote string) (*Link, error) {
	src, err := plug.Datagrams(local, remote)
	if err != nil {
		return nil, fmt.Errorf("multinet: datagrams: %w", err)
	}
	return plug.New(fmt.Sprintf("multinet udp %v %s", src.Addr(), remote), overUDP, src, newDatagrams), nil
}

// stream is a TCP connection with packets.
type stream struct {
	c       io.ReadWriteCloser
	buf     []byte
	r, w    int // of buf, what has come and was not returned
	packets []link.Packet
	out     []byte
}

func newStream(_ context.Context, c io.ReadWriteCloser) (link.Conn, error) {
	return &stream{c: c, buf: make([]byte, readSize)}, nil
}

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

// datagrams is a UDP socket with packets.
type datagrams struct {
	io.ReadWriteCloser
	buf     []byte
	packets [1]link.Packet
	out     []byte
	number  uint16
}

func newDatagrams(_ context.Context, c io.ReadWriteCloser) (link.Conn, error) {
	return &datagrams{ReadWriteCloser: c, buf: make([]byte, maxUDP+header)}, nil
}

// Receive returns the next packet.
func (c *datagrams) Receive() ([]link.Packet, error) {
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
func (c *datagrams) Send(ps []link.Packet) error {
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
