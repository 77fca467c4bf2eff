package drive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// maxIncoming is how many requests wait for Receive. Others come again.
const maxIncoming = 64

// Transactions is ATP at a socket of a node, both sides. Its methods may be called by several goroutines.
type Transactions struct {
	d *Driver
	m *transactions
}

type transactions struct {
	requester *atp.Requester
	responder atp.Responder
	over      map[*atp.Transaction]bool // waited for: whether it is over
	incoming  []*atp.Incoming
}

// OpenTransactions opens a socket for transactions: the one with the number, or a dynamic one if that is 0.
func OpenTransactions(n *node.Node, num uint8) (*Transactions, error) {
	s, err := n.Open(num)
	if err != nil {
		return nil, err
	}
	m := &transactions{requester: atp.NewRequester(uint16(rand.Uint32())), over: map[*atp.Transaction]bool{}}
	return &Transactions{New(m, s), m}, nil
}

func (m *transactions) Datagram(now time.Time, _ int, d *ddp.Datagram) {
	p, err := atp.Parse(d.Data)
	switch {
	case d.Type != ddp.TypeATP || err != nil:
	case p.Function == atp.TResp:
		if t := m.requester.Handle(now, d.Src, p); t != nil {
			m.end(t)
		}
	case p.Function == atp.TReq && len(m.incoming) == maxIncoming && !m.responder.Knows(d.Src, p.TID):
	default:
		if in := m.responder.Handle(now, d.Src, p); in != nil {
			m.incoming = append(m.incoming, in)
		}
	}
}

func (m *transactions) end(t *atp.Transaction) {
	if _, waited := m.over[t]; waited {
		m.over[t] = true
	}
}

func (m *transactions) Next() time.Time { return Earliest(m.requester.Next(), m.responder.Next()) }

func (m *transactions) Tick(now time.Time) {
	m.responder.Tick(now)
	for _, t := range m.requester.Tick(now) {
		m.end(t)
	}
}

func (m *transactions) Flush(send Send) {
	Transmit(send, 0, m.requester.Drain())
	Transmit(send, 0, m.responder.Drain())
}

// Transmit sends ATP's packets from one of a driver's sockets.
func Transmit(send Send, socket int, out []atp.Sending) {
	var b [ddp.MaxData]byte
	for _, o := range out {
		send(socket, o.To, ddp.TypeATP, o.Packet.Append(b[:0]))
	}
}

// Earliest is the earlier of two times, of which the zero one is never.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Request makes a transaction and waits for the response, or for the end of its tries: atp.ErrNoResponse, and then the parts are those that have come. If
// the context ends first the other end may carry the request out nevertheless.
func (t *Transactions) Request(ctx context.Context, q atp.Request) ([]atp.Part, error) {
	var tr *atp.Transaction
	var err error
	t.d.Do(func(now time.Time) {
		if tr, err = t.m.requester.Begin(now, q); err == nil {
			t.m.over[tr] = false
		}
	})
	if err != nil {
		return nil, err
	}
	err = t.d.Wait(ctx, func(time.Time) bool { return t.m.over[tr] })
	t.d.Do(func(time.Time) {
		delete(t.m.over, tr)
		t.m.requester.Cancel(tr)
	})
	if err != nil {
		return nil, closed(err)
	}
	return tr.Parts(), tr.Err
}

// closed gives ErrClosed its name in package net.
func closed(err error) error {
	if errors.Is(err, ErrClosed) {
		return fmt.Errorf("drive: %w", net.ErrClosed)
	}
	return err
}

// Receive waits for a request, which Respond answers.
func (t *Transactions) Receive(ctx context.Context) (in *atp.Incoming, err error) {
	err = t.d.Wait(ctx, func(time.Time) bool {
		if len(t.m.incoming) == 0 {
			return false
		}
		in, t.m.incoming = t.m.incoming[0], t.m.incoming[1:]
		return true
	})
	return in, closed(err)
}

// Respond answers a request.
func (t *Transactions) Respond(in *atp.Incoming, parts []atp.Part) (err error) {
	t.d.Do(func(now time.Time) { err = t.m.responder.Respond(now, in, parts) })
	return err
}

// Close closes the socket.
func (t *Transactions) Close() { t.d.Close() }

// Ask makes one transaction from a socket of its own.
func Ask(ctx context.Context, n *node.Node, q atp.Request) ([]atp.Part, error) {
	t, err := OpenTransactions(n, 0)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.Request(ctx, q)
}
