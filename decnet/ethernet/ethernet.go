// Package ethernet carries DECnet in Ethernet frames: on an interface of this host, or in UDP datagrams, which is the format of the HECnet bridge. Two
// nodes may be each other's bridge.
//
//	l, err := ethernet.Bridge(node.MAC(), "127.0.0.1:4711", "127.0.0.1:4712")
//	l, err := ethernet.Interface(node.MAC(), "eth0") // Linux, with the right to use raw sockets
//
// # Limitations
//
// Frames of other protocols, and those for others, are dropped. Nothing is encrypted, and nobody is told from anybody else.
package ethernet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/net/bpf"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/internal/datagram"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/internal/rawlink"
)

const (
	etherType = 0x6003 // of DECnet routing
	header    = 14 + 2 // addresses, type, and the packet's length
	minFrame  = 60
	frameSize = 2048 // of a buffer for one
	// MaxBlock is the largest packet: what an Ethernet's frame of 1500 octets holds behind the length.
	MaxBlock = 1498
)

// allEndnodes are the groups that an end node is in.
var allEndnodes = decnet.MAC{0xab, 0x00, 0x00, 0x04, 0x00, 0x00}

// AppendFrame appends a frame with a packet, padded to the least size.
func AppendFrame(b []byte, dst, src decnet.MAC, packet []byte) []byte {
	start := len(b)
	b = append(append(b, dst[:]...), src[:]...)
	b = binary.BigEndian.AppendUint16(b, etherType)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(packet)))
	b = append(b, packet...)
	for len(b)-start < minFrame {
		b = append(b, 0)
	}
	return b
}

// ParseFrame reads a frame. The packet aliases it. ok is false if it is none of DECnet routing.
func ParseFrame(b []byte) (dst, src decnet.MAC, packet []byte, ok bool) {
	if len(b) < header || binary.BigEndian.Uint16(b[12:]) != etherType {
		return dst, src, nil, false
	}
	copy(dst[:], b)
	copy(src[:], b[6:])
	n := int(binary.LittleEndian.Uint16(b[14:]))
	if n == 0 || n > len(b)-header || src.Multicast() {
		return dst, src, nil, false
	}
	return dst, src, b[header : header+n : header+n], true
}

// Link is an Ethernet. It implements link.Link.
type Link struct {
	mac  decnet.MAC
	sock *datagram.Socket
	name string
}

// Bridge makes a link for the node with an address on the Ethernet: frames go to a bridge's address and come from there.
func Bridge(mac decnet.MAC, local, remote string) (*Link, error) {
	s, err := datagram.Listen(local, remote)
	if err != nil {
		return nil, fmt.Errorf("ethernet: bridge: %w", err)
	}
	return &Link{mac: mac, sock: s, name: fmt.Sprintf("ethernet udp %v %s", s.LocalAddr(), remote)}, nil
}

// filter lets through what has DECnet routing's type.
var filter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherType, SkipTrue: 1},
	bpf.RetConstant{Val: rawlink.MaxFrame},
	bpf.RetConstant{Val: 0},
}

// Interface makes a link for the node with an address on an interface of this host. The interface takes frames for that address beside those for its
// own, as long as the link lives.
func Interface(mac decnet.MAC, name string) (*Link, error) {
	c, err := rawlink.Open(name, filter)
	if err != nil {
		return nil, fmt.Errorf("ethernet: %w", err)
	}
	if err := errors.Join(c.Accept(mac), c.Join(allEndnodes)); err != nil {
		c.Close()
		return nil, fmt.Errorf("ethernet: %s: %w", name, err)
	}
	return &Link{mac: mac, sock: datagram.New(device{c}), name: "ethernet " + name}, nil
}

// device is a packet socket as a datagram.Device.
type device struct{ *rawlink.Conn }

func (d device) Read(b []byte) (int, error) {
	n, err := d.ReadFrame(b)
	if errors.Is(err, os.ErrClosed) {
		err = net.ErrClosed
	}
	return n, err
}

// Write sends a frame. One that the interface does not take, as while it is down, is lost.
func (d device) Write(b []byte) (int, error) {
	if err := d.WriteFrame(b); errors.Is(err, os.ErrClosed) {
		return 0, net.ErrClosed
	}
	return len(b), nil
}

// Properties tells what it is.
func (l *Link) Properties() link.Properties {
	return link.Properties{Ethernet: true, MaxBlock: MaxBlock}
}

func (l *Link) String() string { return l.name }

// Open begins to take frames.
func (l *Link) Open(ctx context.Context) (link.Conn, error) {
	c, err := l.sock.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	return &conn{Conn: c, l: l, buf: make([]byte, frameSize)}, nil
}

// Close ends the link.
func (l *Link) Close() error { return l.sock.Close() }

type conn struct {
	*datagram.Conn
	l       *Link
	buf     []byte
	out     []byte
	packets [1]link.Packet
}

// Receive returns the next packet that is for this node or for all end nodes, and was not sent by it.
func (c *conn) Receive() ([]link.Packet, error) {
	for {
		n, err := c.Read(c.buf)
		if err != nil {
			return nil, err
		}
		dst, src, packet, ok := ParseFrame(c.buf[:n])
		if ok && src != c.l.mac && (dst == c.l.mac || dst == allEndnodes) {
			c.packets[0] = link.Packet{Data: packet, MAC: src}
			return c.packets[:], nil
		}
	}
}

// Send sends a frame for each packet.
func (c *conn) Send(ps []link.Packet) error {
	for _, p := range ps {
		if len(p.Data) > MaxBlock {
			continue
		}
		c.out = AppendFrame(c.out[:0], p.MAC, c.l.mac, p.Data)
		if _, err := c.Write(c.out); err != nil {
			return err
		}
	}
	return nil
}
