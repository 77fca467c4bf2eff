package ltoudp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
)

// readBuffer is how many octets the kernel keeps for us, if it lets us ask for so many.
const readBuffer = 1 << 20

// Link is a link.Link.
type Link struct {
	target Target
	id     uint32 // the sender's number
	conn   net.PacketConn
	p      *ipv4.PacketConn
	group  *net.UDPAddr
	joined []net.Interface
	in     [idSize + link.MaxFrame]byte // of the reader
	double *doubles                     // of the reader; nil if there is one interface

	mu     sync.Mutex // held while a frame is written: one datagram for each interface
	out    [idSize + llap.MaxFrame]byte
	closed bool
}

var _ link.Link = (*Link)(nil)

// Open joins the group on the interfaces that the URL says. It needs no privilege.
func Open(rawURL string) (*Link, error) {
	target, err := ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	l := &Link{target: target, group: net.UDPAddrFromAddrPort(netip.AddrPortFrom(Group, target.Port))}
	var id [idSize]byte
	rand.Read(id[:])
	l.id = binary.BigEndian.Uint32(id[:])
	candidates, err := interfaces(target.Interface)
	if err != nil {
		return nil, err
	}
	// The socket is bound to no address: one bound to an address of a host hears no multicast.
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return setOptions(c) }}
	l.conn, err = config.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", target.Port))
	if err != nil {
		return nil, fmt.Errorf("ltoudp: open %v: %w", target, err)
	}
	if err := l.join(candidates); err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("ltoudp: open %v: %w", target, err)
	}
	return l, nil
}

// interfaces are the interfaces to join on: loopback, and all that have multicast and an address.
func interfaces(name string) (found []net.Interface, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("ltoudp: list interfaces: %w", err)
	}
	for _, i := range all {
		loopback := i.Flags&net.FlagLoopback != 0
		switch {
		case name == "lo" && loopback, name == i.Name, has(i, name):
		case name == "" && i.Flags&net.FlagUp != 0 && (loopback || i.Flags&net.FlagMulticast != 0):
		default:
			continue
		}
		found = append(found, i)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("ltoudp: list interfaces: there is no %q that is up and has multicast", name)
	}
	return found, nil
}

// has reports whether an interface has an address.
func has(i net.Interface, address string) bool {
	want, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	all, _ := i.Addrs() // an interface that is gone has none
	return slices.ContainsFunc(all, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr() == want
	})
}

// join joins the group. An interface of several may fail, as one without an IPv4 address does.
func (l *Link) join(candidates []net.Interface) error {
	l.p = ipv4.NewPacketConn(l.conn)
	var errs []error
	for _, i := range candidates {
		if err := l.p.JoinGroup(&i, l.group); err != nil {
			errs = append(errs, fmt.Errorf("join on %s: %w", i.Name, err))
			continue
		}
		l.joined = append(l.joined, i)
	}
	if len(l.joined) == 0 {
		return errors.Join(errs...)
	}
	// Others on this host depend on the loop, and the group is for this network alone.
	if err := errors.Join(l.p.SetMulticastLoopback(true), l.p.SetMulticastTTL(1)); err != nil {
		return err
	}
	if len(l.joined) > 1 {
		l.double = newDoubles()
		l.p.SetControlMessage(ipv4.FlagInterface, true) // where it cannot be had, a frame may come twice
	}
	l.conn.(*net.UDPConn).SetReadBuffer(readBuffer) // the kernel's own is enough for what LocalTalk carried
	return nil
}

// Kind implements link.Link.
func (l *Link) Kind() link.Kind { return link.LocalTalk }

// Hardware implements link.Link.
func (l *Link) Hardware() link.Hardware { return link.Hardware{} }

// Join implements link.Link: there are no groups on LocalTalk.
func (l *Link) Join(link.Hardware) error { return nil }

// Leave implements link.Link.
func (l *Link) Leave(link.Hardware) error { return nil }

// String implements link.Link.
func (l *Link) String() string { return l.target.String() }

// Interfaces are the names of the interfaces that were joined.
func (l *Link) Interfaces() (names []string) {
	for _, i := range l.joined {
		names = append(names, i.Name)
	}
	return names
}

// ReadFrame implements link.Link. Datagrams without a frame and our own are passed over.
func (l *Link) ReadFrame(b []byte) (int, error) {
	for {
		n, index, err := l.receive()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				err = link.ErrClosed
			}
			return 0, err
		}
		sender, frame, ok := split(l.in[:n])
		if !ok || sender == l.id || l.double != nil && !l.double.pass(time.Now(), l.in[:n], index) {
			continue
		}
		return copy(b, frame), nil
	}
}

func (l *Link) receive() (n, index int, err error) {
	if l.double == nil {
		n, _, err = l.conn.(*net.UDPConn).ReadFromUDPAddrPort(l.in[:])
		return n, 0, err
	}
	n, message, _, err := l.p.ReadFrom(l.in[:])
	if message != nil {
		index = message.IfIndex
	}
	return n, index, err
}

// WriteFrame implements link.Link. It fails only if no interface takes the frame.
func (l *Link) WriteFrame(b []byte) error {
	if len(b) < llap.HeaderSize || len(b) > llap.MaxFrame {
		return link.ErrFrameSize
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return link.ErrClosed
	}
	binary.BigEndian.PutUint32(l.out[:], l.id)
	n := copy(l.out[idSize:], b)
	var first error
	sent := 0
	for i := range l.joined {
		err := l.p.SetMulticastInterface(&l.joined[i])
		if err == nil {
			_, err = l.conn.WriteTo(l.out[:idSize+n], l.group)
		}
		if err == nil {
			sent++
		} else if first == nil {
			first = fmt.Errorf("ltoudp: write on %s: %w", l.joined[i].Name, err)
		}
	}
	if sent > 0 {
		return nil
	}
	return first
}

// Close implements link.Link.
func (l *Link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.conn.Close()
}
