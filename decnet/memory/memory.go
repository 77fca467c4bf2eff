// Package memory is a link inside one process, for tests: it waits on condition variables alone, so that it works inside testing/synctest
// bubbles, and loses, doubles and reorders what it is told to.
//
//	a, b := memory.Pair()
//	lan := memory.NewEthernet(); a, b := lan.Link(mac1), lan.Link(mac2)
package memory

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/link"
)

const (
	// queue is how many packets wait at an end; what comes then is lost on an Ethernet, and waits on a pair.
	queue = 1024
	// maxBlock is the largest packet.
	maxBlock = 65535
)

// ErrDown is the error of a Conn whose link was cut, or whose other end was closed.
var ErrDown = errors.New("memory: the link is down")

// Medium joins links. Its methods may be called at any time by anyone.
type Medium struct {
	mu       sync.Mutex
	changed  sync.Cond
	links    []*Link
	ethernet bool
	cut      bool
	fate     func(link.Packet) (copies int, late bool)
	held     []packet
}

type packet struct {
	from *Link
	link.Packet
}

func newMedium(ethernet bool) *Medium {
	m := &Medium{ethernet: ethernet}
	m.changed.L = &m.mu
	return m
}

// NewEthernet makes an Ethernet without anybody.
func NewEthernet() *Medium { return newMedium(true) }

// Link adds an end with an address.
func (m *Medium) Link(mac decnet.MAC) *Link {
	l := &Link{m: m, mac: mac}
	m.mu.Lock()
	m.links = append(m.links, l)
	m.mu.Unlock()
	return l
}

// Pair makes the two ends of a point-to-point link.
func Pair() (a, b *Link) {
	m := newMedium(false)
	return m.Link(decnet.MAC{}), m.Link(decnet.MAC{})
}

// Medium is what the link belongs to.
func (l *Link) Medium() *Medium { return l.m }

// Cut brings a pair down until Mend: its Conns end and none opens. An Ethernet loses all until then.
func (m *Medium) Cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = true
	if !m.ethernet {
		for _, l := range m.links {
			l.end()
		}
	}
	m.changed.Broadcast()
}

// Mend ends a Cut.
func (m *Medium) Mend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = false
	m.changed.Broadcast()
}

// SetFate decides of each packet how often it arrives, and whether one that does comes behind the next. Nil lets all arrive. It is called
// with a lock held.
func (m *Medium) SetFate(f func(link.Packet) (copies int, late bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fate = f
}

// Link is one end.
type Link struct {
	m      *Medium
	mac    decnet.MAC
	conn   *conn // nil while it is down
	closed bool
}

// Replace puts a new end in the place of one, as a node does that begins anew.
func (m *Medium) Replace(old *Link) *Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &Link{m: m, mac: old.mac}
	for i, o := range m.links {
		if o == old {
			o.end()
			m.links[i] = l
		}
	}
	m.changed.Broadcast()
	return l
}

// Properties tells what it is.
func (l *Link) Properties() link.Properties {
	return link.Properties{Ethernet: l.m.ethernet, Restarts: !l.m.ethernet, MaxBlock: maxBlock}
}

func (l *Link) String() string { return "memory " + l.mac.String() }

type conn struct {
	l     *Link
	in    []link.Packet
	taken []link.Packet
	ended bool
}

// end ends the Conn, if there is one, and on a pair the other end's. The lock is held.
func (l *Link) end() {
	if l.conn != nil {
		l.conn.ended = true
		l.conn = nil
	}
}

// Open waits, on a pair, until the other end opens too.
func (l *Link) Open(ctx context.Context) (link.Conn, error) {
	m := l.m
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changed.Broadcast()
	})
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.end()
	c := &conn{l: l}
	if !l.closed {
		l.conn = c
	}
	m.changed.Broadcast()
	for {
		switch {
		case l.closed:
			return nil, net.ErrClosed
		case ctx.Err() != nil:
			l.end()
			return nil, ctx.Err()
		case m.ethernet, !m.cut && m.whole():
			if c.ended { // between
				c.ended, l.conn = false, c
				continue
			}
			return c, nil
		case c.ended:
			c.ended, l.conn = false, c
			m.changed.Broadcast()
		}
		m.changed.Wait()
	}
}

// whole tells whether both ends of a pair are open.
func (m *Medium) whole() bool {
	for _, l := range m.links {
		if l.conn == nil {
			return false
		}
	}
	return true
}

// Close takes the end away.
func (l *Link) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.closed = true
	l.down()
	return nil
}

// down ends the Conn, and a pair as a whole. The lock is held.
func (l *Link) down() {
	if l.conn != nil {
		for _, o := range l.m.links {
			if o == l || !l.m.ethernet {
				o.end()
			}
		}
	}
	l.m.changed.Broadcast()
}

// Receive waits for packets.
func (c *conn) Receive() ([]link.Packet, error) {
	m := c.l.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(c.in) == 0 {
		if c.ended {
			return nil, ErrDown
		}
		m.changed.Wait()
	}
	c.taken, c.in = c.in, c.taken[:0]
	m.changed.Broadcast()
	return c.taken, nil
}

// Send sends packets.
func (c *conn) Send(ps []link.Packet) error {
	m := c.l.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range ps {
		for !m.ethernet && !c.ended && m.crowded(c.l) {
			m.changed.Wait()
		}
		if c.ended {
			return ErrDown
		}
		if len(p.Data) > maxBlock {
			continue
		}
		m.send(packet{c.l, p})
	}
	return nil
}

func (m *Medium) crowded(from *Link) bool {
	for _, l := range m.links {
		if l != from && l.conn != nil && len(l.conn.in) >= queue {
			return true
		}
	}
	return false
}

// send lets fate decide, and delivers what is held back behind what is not.
func (m *Medium) send(p packet) {
	copies, late := 1, false
	if m.fate != nil {
		copies, late = m.fate(p.Packet)
	}
	if m.cut {
		copies = 0
	}
	p.Data = bytes.Clone(p.Data)
	if late && copies > 0 && len(m.held) < queue {
		m.held = append(m.held, p)
		return
	}
	for range copies {
		m.deliver(p)
	}
	held := m.held
	m.held = nil
	for _, p := range held {
		m.deliver(p)
	}
}

func (m *Medium) deliver(p packet) {
	for _, l := range m.links {
		if l == p.from || l.conn == nil || m.ethernet && !p.MAC.Multicast() && p.MAC != l.mac || m.ethernet && len(l.conn.in) >= queue {
			continue
		}
		in := link.Packet{Data: p.Data}
		if m.ethernet {
			in.MAC = p.from.mac
		}
		l.conn.in = append(l.conn.in, in)
	}
	m.changed.Broadcast()
}

// Close ends the Conn.
func (c *conn) Close() error {
	c.l.m.mu.Lock()
	defer c.l.m.mu.Unlock()
	if c.l.conn == c {
		c.l.down()
	}
	c.ended = true
	return nil
}
