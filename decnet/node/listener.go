package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// ListenConfig is how an object is called.
type ListenConfig struct {
	// Authorize decides whether a request may come in; scp.Normal lets it. It runs in whoever accepts. Nil lets all in.
	Authorize func(*Request) scp.Reason
	Flow      nsp.FlowControl // how its links want to be fed; the node's if it is none
	SegSize   int             // the largest segment, in octets of user data; 0 is what the way allows
	Data      []byte          // what Accept says
}

// Listener accepts the links of one object. It implements net.Listener.
type Listener struct {
	n      *Node
	cfg    ListenConfig
	object *scp.Object
	wake   chan struct{} // the queue may have something

	once sync.Once
	done chan struct{}

	queue []*Request // guarded by the node's lock
}

// ErrGone is the error of Accept and Reject for a request that its caller has taken back, or that waited too long.
var ErrGone = errors.New("node: the request is not there any more")

// Listen lets an object be called: by its number, or by its name.
func (n *Node) Listen(object string, cfg *ListenConfig) (*Listener, error) {
	d, err := scp.ParseObject(object)
	if err != nil {
		return nil, err
	}
	ln := &Listener{n: n, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if cfg != nil {
		ln.cfg = *cfg
	}
	if len(ln.cfg.Data) > scp.MaxData {
		return nil, fmt.Errorf("node: listen %s: %w", object, scp.ErrTooLong)
	}
	ln.object = &scp.Object{Descriptor: d, Owner: ln}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.session.Shutdown {
		return nil, fmt.Errorf("node: listen %s: %w", object, net.ErrClosed)
	}
	return ln, n.session.Register(ln.object)
}

// incoming gives a link that is asked for to its object's listener. The lock is held.
func (n *Node) incoming(now time.Time, l *scp.Link) {
	ln := l.Object().Owner.(*Listener)
	r := &Request{ln: ln, link: l}
	l.Owner = r
	n.waiting[l] = r
	ln.queue = append(ln.queue, r) // the machine bounds how many wait
	ln.kick()
}

func (ln *Listener) kick() {
	select {
	case ln.wake <- struct{}{}:
	default:
	}
}

// next waits for a request.
func (ln *Listener) next(ctx context.Context) (*Request, error) {
	for {
		select {
		case <-ln.done:
			return nil, net.ErrClosed
		case <-ln.n.ctx.Done():
			return nil, net.ErrClosed
		default:
		}
		ln.n.mu.Lock()
		for len(ln.queue) > 0 {
			r := ln.queue[0]
			ln.queue = append(ln.queue[:0], ln.queue[1:]...)
			if r.link.State == scp.Received {
				if len(ln.queue) > 0 {
					ln.kick()
				}
				ln.n.mu.Unlock()
				return r, nil
			}
		}
		ln.n.mu.Unlock()
		select {
		case <-ln.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ln.done:
			return nil, net.ErrClosed
		case <-ln.n.ctx.Done():
			return nil, net.ErrClosed
		}
	}
}

// Request waits for a request that may come in; it is to be accepted or rejected, within 45 s.
func (ln *Listener) Request(ctx context.Context) (*Request, error) {
	for {
		r, err := ln.next(ctx)
		if err != nil {
			return nil, err
		}
		if f := ln.cfg.Authorize; f != nil {
			if reason := f(r); reason != scp.Normal {
				r.reject(reason, nil) // it may be gone
				continue
			}
		}
		return r, nil
	}
}

// Accept accepts the next request that may come in.
func (ln *Listener) Accept() (net.Conn, error) {
	for {
		r, err := ln.Request(context.Background())
		if err != nil {
			return nil, err
		}
		if c, err := r.Accept(ln.cfg.Data); err == nil {
			return c, nil
		}
	}
}

// Close takes the object away: who has called and waits is told that there is none.
func (ln *Listener) Close() error {
	ln.once.Do(func() {
		close(ln.done)
		n := ln.n
		n.mu.Lock()
		n.session.Unregister(ln.object)
		queue := ln.queue
		ln.queue = nil
		for _, r := range queue {
			r.end(time.Now(), scp.UnknownObject, nil)
		}
		n.Unlock()
	})
	return nil
}

// Addr is the node and the object.
func (ln *Listener) Addr() net.Addr {
	return scp.Addr{Node: ln.n.cfg.Addr, Object: ln.object.Descriptor.String()}
}

// Request is a link that is asked for.
type Request struct {
	ln   *Listener
	link *scp.Link
}

// Peer is the node that asks.
func (r *Request) Peer() decnet.Addr { return r.link.Peer }

// Connect is what it says.
func (r *Request) Connect() scp.Connect { return r.link.Connect }

// Accept accepts, with at most 16 octets for the caller.
func (r *Request) Accept(data []byte) (*scp.Conn, error) {
	if len(data) > scp.MaxData {
		return nil, scp.ErrTooLong
	}
	n := r.ln.n
	n.mu.Lock()
	defer n.Unlock()
	now := time.Now()
	if !n.session.Accept(now, r.link, data, n.options(now, r.link.Peer, r.ln.cfg.Flow, r.ln.cfg.SegSize)) {
		return nil, ErrGone
	}
	delete(n.waiting, r.link)
	return n.newConn(r.link), nil
}

// Reject refuses, with at most 16 octets for the caller.
func (r *Request) Reject(data []byte) error { return r.reject(scp.Normal, data) }

func (r *Request) reject(reason scp.Reason, data []byte) error {
	switch {
	case len(data) > scp.MaxData:
		return scp.ErrTooLong
	case !reason.Sayable():
		return fmt.Errorf("node: refuse: %v is NSP's to say", reason)
	}
	n := r.ln.n
	n.mu.Lock()
	defer n.Unlock()
	return r.end(time.Now(), reason, data)
}

// end rejects. The lock is held.
func (r *Request) end(now time.Time, reason scp.Reason, data []byte) error {
	n := r.ln.n
	ok := n.session.Reject(now, r.link, reason, data)
	n.session.Forget(now, r.link)
	delete(n.waiting, r.link)
	if !ok {
		return ErrGone
	}
	return nil
}

// over notes that nobody asks any more. The lock is held.
func (r *Request) over(now time.Time) {
	delete(r.ln.n.waiting, r.link)
	r.ln.queue = slices.DeleteFunc(r.ln.queue, func(q *Request) bool { return q == r })
	r.ln.n.session.Forget(now, r.link)
}

// Refuse rejects for a reason that is not the object's own choice.
func (r *Request) Refuse(reason scp.Reason) error { return r.reject(reason, nil) }

// RemoteAddr is who asks.
func (r *Request) RemoteAddr() net.Addr {
	return scp.Addr{Node: r.link.Peer, Object: r.link.Connect.Src.String()}
}
