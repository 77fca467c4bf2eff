package asp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Type is the type of names that have none.
const Type = "AFPServer"

// Conn is a workstation's session. Its methods may be called by several goroutines; requests are made one after the other.
type Conn struct {
	d          *drive.Driver
	c          *Client
	done       []*Call
	attentions []uint16
}

// The machine that is driven is the client at its socket.
type driven struct{ *Conn }

func (d driven) Datagram(now time.Time, _ int, g *ddp.Datagram) {
	if p, err := atp.Parse(g.Data); err == nil && g.Type == ddp.TypeATP {
		d.c.Handle(now, g.Src, p)
	} else {
		d.c.Strays++
	}
}

func (d driven) Next() time.Time    { return d.c.Next() }
func (d driven) Tick(now time.Time) { d.c.Tick(now) }

func (d driven) Flush(send drive.Send) {
	drive.Transmit(send, 0, d.c.Drain())
	d.done = append(d.done, d.c.Done()...)
	d.attentions = append(d.attentions, d.c.Attentions()...)
	d.attentions = d.attentions[max(0, len(d.attentions)-maxQueued):]
}

// Dial opens a session with a server: NETWORK.NODE:SOCKET, or a name, OBJECT:TYPE@ZONE, whose type is AFPServer if it has none.
func Dial(ctx context.Context, n *node.Node, address string) (*Conn, error) {
	server, err := n.Resolve(ctx, address, Type)
	if err != nil {
		return nil, err
	}
	s, err := n.Open(0)
	if err != nil {
		return nil, err
	}
	c := &Conn{c: NewClient(server, s.Num(), uint16(rand.Uint32()))}
	c.d = drive.New(driven{c}, s)
	c.d.Do(func(now time.Time) { c.c.Open(now) })
	if err = c.d.Wait(ctx, func(time.Time) bool { return c.c.IsOpen() || c.c.Over() }); err == nil && c.c.Over() {
		err = c.c.Err()
	}
	if err != nil {
		c.d.Close()
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

// Command sends a command block of at most MaxCommand octets, and waits for the reply, of which at most room octets are taken: up to Quantum. If the context
// ends first the server may execute the command nevertheless.
func (c *Conn) Command(ctx context.Context, block []byte, room int) (result int32, reply []byte, err error) {
	call, err := c.do(ctx, func(now time.Time) (*Call, error) { return c.c.Command(now, slices.Clone(block), room) })
	if err != nil {
		return 0, nil, err
	}
	return call.Result, call.Reply, call.Err
}

// Write is Command with data that the server asks for: taken is how many octets of them it has.
func (c *Conn) Write(ctx context.Context, block, data []byte, room int) (result int32, reply []byte, taken int, err error) {
	call, err := c.do(ctx, func(now time.Time) (*Call, error) {
		return c.c.Write(now, slices.Clone(block), slices.Clone(data), room)
	})
	if err != nil {
		return 0, nil, 0, err
	}
	return call.Result, call.Reply, call.Taken(), call.Err
}

func (c *Conn) do(ctx context.Context, begin func(now time.Time) (*Call, error)) (call *Call, err error) {
	c.d.Do(func(now time.Time) { call, err = begin(now) })
	if err != nil {
		return nil, err
	}
	err = c.d.Wait(ctx, func(time.Time) bool {
		i := slices.Index(c.done, call)
		if i >= 0 {
			c.done = slices.Delete(c.done, i, i+1)
		}
		return i >= 0
	})
	if err != nil {
		c.d.Do(func(time.Time) { c.c.Forget(call) })
	}
	return call, closed(err)
}

// ReceiveAttention waits for an attention code of the server. The oldest of more than 64 that wait are lost.
func (c *Conn) ReceiveAttention(ctx context.Context) (code uint16, err error) {
	wait := c.d.Wait(ctx, func(time.Time) bool {
		switch {
		case len(c.attentions) > 0:
			code, c.attentions = c.attentions[0], c.attentions[1:]
		case c.c.Over():
			err = ErrSessClosed
		default:
			return false
		}
		return true
	})
	if wait != nil {
		err = closed(wait)
	}
	return code, err
}

// Close ends the session: the server is told, and asked to say that it has heard.
func (c *Conn) Close() error {
	c.d.Do(func(now time.Time) { c.c.Close(now) })
	err := c.d.Until(func(time.Time) (bool, error) { return c.c.Over(), nil })
	c.d.Close()
	return closed(err)
}

// ReadStatus asks a server for its status, which needs no session. The address is as Dial's.
func ReadStatus(ctx context.Context, n *node.Node, address string) ([]byte, error) {
	server, err := n.Resolve(ctx, address, Type)
	if err != nil {
		return nil, err
	}
	parts, err := drive.Ask(ctx, n, atp.Request{Peer: server, User: user(GetStatus, 0, 0), Responses: atp.MaxResponses, Interval: retryTime, Tries: openTries})
	return join(parts), err
}
