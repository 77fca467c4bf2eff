package pap

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Type is the type of names that have none.
const Type = "LaserWriter"

// hub has the connections at a socket of a node: one, or those of a printer, which has its listening socket beside it.
type hub struct {
	d      *drive.Driver
	server *Server // nil at a workstation
	conns  []*Machine
	closed bool // the printer is
	ready  []*Machine
	strays int
}

// The places of the sockets.
const (
	atConns = iota
	atServer
)

// Datagram implements drive.Machine.
func (h *hub) Datagram(now time.Time, socket int, d *ddp.Datagram) {
	p, err := atp.Parse(d.Data)
	if err != nil || d.Type != ddp.TypeATP {
		h.strays++
		return
	}
	if socket == atServer {
		if !h.closed {
			h.server.Handle(now, d.Src, p)
		}
		return
	}
	taken := false
	for _, m := range h.conns {
		switch {
		case h.server == nil:
		case !m.Peer().Matches(d.Src.Addr):
			continue
		case p.Function == atp.TReq && p.User[0] != m.ID(), p.Function == atp.TResp && d.Src.Num != m.Peer().Num:
			continue
		}
		m.Handle(now, d.Src, p)
		taken = true
	}
	if !taken {
		h.strays++
	}
}

// Next implements drive.Machine.
func (h *hub) Next() (next time.Time) {
	if h.server != nil {
		next = h.server.Next()
	}
	for _, m := range h.conns {
		next = drive.Earliest(next, m.Next())
	}
	return next
}

// Tick implements drive.Machine.
func (h *hub) Tick(now time.Time) {
	if h.server != nil {
		h.server.Tick(now)
	}
	for _, m := range h.conns {
		m.Tick(now)
	}
}

// Flush implements drive.Machine. Who has got a connection hears of that before he is asked for data.
func (h *hub) Flush(send drive.Send) {
	if h.server != nil {
		drive.Transmit(send, atServer, h.server.Drain())
		accepted := h.server.Accepted()
		h.conns, h.ready = append(h.conns, accepted...), append(h.ready, accepted...)
	}
	for _, m := range h.conns {
		drive.Transmit(send, atConns, m.Drain())
	}
	h.conns = slices.DeleteFunc(h.conns, (*Machine).Forgotten)
	if len(h.conns) == 0 && (h.server == nil || h.closed) {
		go h.d.Close() // which waits for who calls this
	}
}

// Conn is a connection. Its methods may be called by several goroutines.
type Conn struct {
	h *hub
	m *Machine

	writing sync.Mutex // one Write at a time
}

// Dial asks a printer for a connection, and again while that is busy, until the context ends: NETWORK.NODE:SOCKET, or a name, OBJECT:TYPE@ZONE, whose type
// is LaserWriter if it has none. busy, if it is not nil, is told each time what the printer says of itself, in MacRoman.
func Dial(ctx context.Context, n *node.Node, address string, busy func(status string)) (*Conn, error) {
	printer, err := n.Resolve(ctx, address, Type)
	if err != nil {
		return nil, err
	}
	s, err := n.Open(0)
	if err != nil {
		return nil, err
	}
	h := &hub{}
	c := &Conn{h: h, m: Connect(time.Now(), printer, s.Num(), uint8(rand.Uint32()), uint16(rand.Uint32()))}
	h.conns = []*Machine{c.m}
	h.d = drive.New(h, s)
	h.d.Do(func(time.Time) {})
	told, waits := 0, true
	for waits && err == nil {
		var status string
		err = h.d.Wait(ctx, func(time.Time) bool {
			status, waits = c.m.Status(), !c.m.IsOpen() && !c.m.Over()
			return !waits || c.m.Refusals > told
		})
		if told = c.m.Refusals; waits && err == nil && busy != nil {
			busy(status)
		}
	}
	h.d.Do(func(now time.Time) {
		if err == nil && c.m.Over() {
			err = c.m.Err()
		} else if err != nil {
			c.m.Close(now)
		}
	})
	if err != nil {
		h.d.Close()
		return nil, closed(err)
	}
	return c, nil
}

// closed gives a driver's error its name in package net.
func closed(err error) error {
	if errors.Is(err, drive.ErrClosed) {
		return net.ErrClosed
	}
	return err
}

// ReadStatus asks a printer what it says of itself, in MacRoman. The address is as Dial's.
func ReadStatus(ctx context.Context, n *node.Node, address string) (string, error) {
	printer, err := n.Resolve(ctx, address, Type)
	if err != nil {
		return "", err
	}
	parts, err := drive.Ask(ctx, n, atp.Request{Peer: printer, User: user(0, SendStatus, 0), Responses: 1, Interval: retryTime, Tries: tries})
	if err != nil {
		return "", err
	}
	return ParseStatus(parts[0])
}

// Status is what the printer said when the connection was opened, in MacRoman; empty at a printer.
func (c *Conn) Status() (s string) {
	c.h.d.Do(func(time.Time) { s = c.m.Status() })
	return s
}

// Peer is the socket of the other end.
func (c *Conn) Peer() (s ddp.Socket) {
	c.h.d.Do(func(time.Time) { s = c.m.Peer() })
	return s
}

// Read waits for octets of the other end. io.EOF is the end of a job, after which Read goes on with the next; ErrPeer, or what else has ended the connection,
// comes behind all of them.
func (c *Conn) Read(ctx context.Context, b []byte) (n int, err error) {
	wait := c.h.d.Wait(ctx, func(now time.Time) bool {
		switch {
		case c.m.Readable():
			var eof bool
			if n, eof = c.m.Read(now, b); eof {
				err = io.EOF
			}
		case c.m.Over():
			err = c.m.Err()
		default:
			return false
		}
		return true
	})
	if wait != nil {
		err = closed(wait)
	}
	return n, err
}

// Write waits until the other end has asked for so much that what is left of b is no more than a few of its requests.
func (c *Conn) Write(ctx context.Context, b []byte) (n int, err error) { return c.put(ctx, b, false) }

// End is the end of a job behind what was written.
func (c *Conn) End(ctx context.Context) error {
	_, err := c.put(ctx, nil, true)
	return err
}

func (c *Conn) put(ctx context.Context, b []byte, end bool) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for first := true; err == nil && (n < len(b) || first && end); first = false {
		wait := c.h.d.Wait(ctx, func(now time.Time) bool {
			switch {
			case !c.m.IsOpen():
				if err = c.m.Err(); err == nil {
					err = ErrClosed
				}
			case c.m.Room() == 0 && !end:
				return false
			default:
				n += c.m.Write(now, b[n:], end)
			}
			return true
		})
		if wait != nil {
			err = closed(wait)
		}
	}
	return n, err
}

// Close ends the connection behind what was written, and waits for that; when the context ends first, at once.
func (c *Conn) Close(ctx context.Context) error {
	c.h.d.Do(func(now time.Time) { c.m.Close(now) })
	err := c.h.d.Wait(ctx, func(time.Time) bool { return c.m.Over() })
	if err != nil {
		c.h.d.Do(func(now time.Time) { c.m.Abort(now) })
	}
	return closed(err)
}

// Listener is a printer.
type Listener struct {
	h *hub
	s *node.Socket
}

// Listen opens a printer that takes so many connections at a time. It is found by a name, OBJECT:TYPE, whose type is LaserWriter if it has none; by the
// number of its listening socket, as :130; or is at any if the text is empty. The status is in MacRoman.
func Listen(ctx context.Context, n *node.Node, text string, conns int, status string) (*Listener, error) {
	if conns < 1 {
		return nil, errors.New("pap: listen: connections: less than 1")
	}
	own, err := n.Open(0)
	if err != nil {
		return nil, err
	}
	s, err := n.Listen(ctx, text, Type)
	if err != nil {
		own.Close()
		return nil, err
	}
	h := &hub{server: NewServer(own.Num(), conns, status, uint16(rand.Uint32()))}
	h.d = drive.New(h, own, s)
	return &Listener{h, s}, nil
}

// Accept waits for a connection.
func (l *Listener) Accept(ctx context.Context) (c *Conn, err error) {
	wait := l.h.d.Wait(ctx, func(time.Time) bool {
		if len(l.h.ready) > 0 {
			c, l.h.ready = &Conn{h: l.h, m: l.h.ready[0]}, l.h.ready[1:]
		}
		return c != nil || l.h.closed
	})
	if c == nil {
		if err = closed(wait); err == nil {
			err = net.ErrClosed
		}
	}
	return c, err
}

// SetStatus is what the printer says of itself from now on, in MacRoman.
func (l *Listener) SetStatus(s string) { l.h.d.Do(func(time.Time) { l.h.server.SetStatus(s) }) }

// Addr is the address of the listening socket.
func (l *Listener) Addr() ddp.Socket { return l.s.Addr() }

// Close takes no more connections. Those that were accepted live on, and the sockets with the name with them; others are ended.
func (l *Listener) Close() error {
	l.h.d.Do(func(now time.Time) {
		l.h.closed = true
		for _, m := range l.h.ready {
			m.Abort(now)
		}
		l.h.ready = nil
	})
	return nil
}
