package node

import (
	"context"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
)

// Socket is one of the node's sockets, for datagrams of any protocol.
type Socket struct {
	n    *Node
	num  uint8
	name nbp.Entity // that Listen has registered; zero if there is none
	in   chan ddp.Datagram
	shut chan struct{}
}

// Open opens a socket: the one with the number, or a dynamic one if that is 0.
func (n *Node) Open(num uint8) (s *Socket, err error) {
	if !n.e.Do(func(time.Time, *link.Output) {
		if num, err = n.driven.Open(num); err == nil {
			s = &Socket{n: n, num: num, in: make(chan ddp.Datagram, maxInbox), shut: make(chan struct{})}
			n.driven.sockets[num] = s
		}
	}) {
		return nil, ErrClosed
	}
	return s, err
}

// put gives the socket's reader a datagram, which is lost if there are too many.
func (s *Socket) put(d ddp.Datagram) {
	select {
	case s.in <- d:
	default:
	}
}

// Num is the socket's number.
func (s *Socket) Num() uint8 { return s.num }

// Receive waits for the next datagram.
func (s *Socket) Receive(ctx context.Context) (ddp.Datagram, error) {
	select {
	case d := <-s.in:
		return d, nil
	default:
	}
	select {
	case d := <-s.in:
		return d, nil
	case <-s.shut:
		return ddp.Datagram{}, ErrClosed
	case <-s.n.closed:
		return ddp.Datagram{}, ErrClosed
	case <-ctx.Done():
		return ddp.Datagram{}, context.Cause(ctx)
	}
}

// Send sends a datagram from the socket.
func (s *Socket) Send(to ddp.Socket, t ddp.Type, data []byte) (err error) {
	d := ddp.Datagram{Dst: to, Src: ddp.Socket{Num: s.num}, Type: t, Data: data}
	if !s.n.e.Do(func(now time.Time, out *link.Output) {
		err = s.n.driven.Send(now, &d, out)
		s.n.driven.after()
	}) {
		return ErrClosed
	}
	return err
}

// Addr is the socket's address.
func (s *Socket) Addr() ddp.Socket { return ddp.Socket{Addr: s.n.Status().Addr, Num: s.num} }

// Close gives the socket back, and the name that Listen has registered.
func (s *Socket) Close() error {
	s.n.e.Do(func(time.Time, *link.Output) {
		if s.n.driven.sockets[s.num] == s {
			delete(s.n.driven.sockets, s.num)
			s.n.driven.Shut(s.num)
			s.n.driven.Unregister(s.name)
			close(s.shut)
		}
	})
	return nil
}
