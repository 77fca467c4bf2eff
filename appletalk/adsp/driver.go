package adsp

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Limits of a listener.
const (
	maxBacklog = 64   // connections that open, or that the user has not accepted
	maxConns   = 1024 // connections
)

// hub has the connections at a socket: one, or those of a listener. It is used by its driver alone.
type hub struct {
	d       *drive.Driver
	s       *node.Socket
	cfg     Config
	listens bool
	conns   map[[2]uint8][]*Conn // by node and socket of the other end
	ids     map[uint16]bool      // in use
	last    uint16               // identifier
	changed []*Conn              // since the last Flush
	opening int                  // connections that open, or that wait for Accept
	backlog []*Conn
	denials []denial
	strays  int // packets of no connection
	out     []byte
}

type denial struct {
	to ddp.Socket
	p  Packet
}

func newHub(s *node.Socket, cfg Config, listens bool) *hub {
	h := &hub{s: s, cfg: cfg, listens: listens, conns: map[[2]uint8][]*Conn{}, ids: map[uint16]bool{}, last: uint16(rand.Uint32())}
	h.d = drive.New(h, s)
	return h
}

func key(s ddp.Socket) [2]uint8 { return [2]uint8{s.Node, s.Num} }

// add adds a connection, with an identifier that no other has.
func (h *hub) add(peer ddp.Socket) *Conn {
	for h.last++; h.last == 0 || h.ids[h.last]; h.last++ {
	}
	h.ids[h.last] = true
	c := &Conn{h: h, m: New(h.cfg, h.last), peer: peer, done: make(chan struct{})}
	h.conns[key(peer)] = append(h.conns[key(peer)], c)
	return c
}

// Datagram implements drive.Machine.
func (h *hub) Datagram(now time.Time, _ int, d *ddp.Datagram) {
	p, err := Parse(d.Data)
	if d.Type != ddp.TypeADSP || err != nil {
		h.strays++
		return
	}
	for _, c := range h.conns[key(d.Src)] {
		if c.peer.Matches(d.Src.Addr) && c.m.Matches(p) {
			c.m.Handle(now, p)
			h.changed = append(h.changed, c)
			return
		}
	}
	switch {
	case !h.listens || !p.Control || p.Attention || p.Code != OpenRequest:
		h.strays++
	case h.opening == maxBacklog || len(h.ids) >= maxConns || p.Open.Version != Version:
		h.denials = append(h.denials, denial{d.Src, Deny(p)})
	default:
		c := h.add(d.Src)
		c.waits = true
		h.opening++
		c.m.Accept(now, p)
		h.changed = append(h.changed, c)
	}
}

// Next implements drive.Machine.
func (h *hub) Next() (next time.Time) {
	for _, cs := range h.conns {
		for _, c := range cs {
			if at := c.m.Next(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// Tick implements drive.Machine.
func (h *hub) Tick(now time.Time) {
	for _, cs := range h.conns {
		for _, c := range cs {
			if at := c.m.Next(); !at.IsZero() && !now.Before(at) {
				c.m.Tick(now)
				h.changed = append(h.changed, c)
			}
		}
	}
}

// Flush implements drive.Machine.
func (h *hub) Flush(send drive.Send) {
	for _, d := range h.denials {
		h.out = d.p.Append(h.out[:0])
		send(0, d.to, ddp.TypeADSP, h.out)
	}
	h.denials = h.denials[:0]
	for _, c := range h.changed {
		for _, p := range c.m.Drain() {
			h.out = p.Append(h.out[:0])
			send(0, c.peer, ddp.TypeADSP, h.out)
		}
		h.look(c)
	}
	clear(h.changed)
	h.changed = h.changed[:0]
}

// look takes note of what has become of a connection.
func (h *hub) look(c *Conn) {
	switch s := c.m.State(); {
	case s == Established && c.waits:
		c.waits = false
		h.backlog = append(h.backlog, c)
	case s == Closed && !c.over:
		c.over = true
		close(c.done)
		if c.waits { // it never opened
			c.waits = false
			h.opening--
		}
	}
	k := key(c.peer)
	if c.m.Over() && slices.Contains(h.conns[k], c) {
		delete(h.ids, c.m.ID())
		if h.conns[k] = slices.DeleteFunc(h.conns[k], func(o *Conn) bool { return o == c }); len(h.conns[k]) == 0 {
			delete(h.conns, k)
		}
		if !h.listens && len(h.ids) == 0 {
			go h.d.Close() // which waits for who calls this
		}
	}
}
