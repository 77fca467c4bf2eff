// Package memory is a carrier inside one process, for tests and for endpoints that live together: two bounded buffers and no
// sockets. It waits on condition variables and channels alone, so that it works inside testing/synctest bubbles.
//
// A [Network] is a namespace of its own: a listener is found by those who dial on the same Network. URLs have the form
// memory://NAME.
//
//	nw := memory.New()
//	ln, err := nw.Listen(ctx, &url.URL{Scheme: "memory", Host: "a"})
//	c, err := nw.Dial(ctx, &url.URL{Scheme: "memory", Host: "a"})
//	c.(*memory.Conn).Stall() // from here on, silence
//
// # Limitations
//
// A carrier that was stalled stays so; there is no delay, no loss and no reordering short of the faults of [Conn].
package memory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"

	"github.com/tenuto-session/tenuto/carrier"
)

// Scheme is the URL scheme of these carriers.
const Scheme = "memory"

// Backlog is how many carriers wait at a listener to be accepted; who dials after that waits.
const Backlog = 128

var (
	// ErrRefused is what Dial returns where nobody listens.
	ErrRefused = errors.New("connection refused")

	// ErrInUse is what Listen returns for a name that has a listener.
	ErrInUse = errors.New("name in use")

	// ErrReset is what the calls on a carrier return that was cut, or whose listener was closed before it was accepted.
	ErrReset = errors.New("carrier/memory: connection reset")
)

// Addr is a listener's name, or the name of the end of a carrier that dialled.
type Addr string

// Network returns the scheme.
func (Addr) Network() string  { return Scheme }
func (a Addr) String() string { return string(a) }

// Network is a namespace of listeners. It is safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	conns     []*Conn // the ends that dialled, of the carriers that are whole
	serial    int
}

// New returns an empty namespace.
func New() *Network { return &Network{listeners: make(map[string]*listener)} }

// Scheme returns "memory".
func (nw *Network) Scheme() string { return Scheme }

// Listen takes the name, which is free again after the listener's Close.
func (nw *Network) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if u.Host == "" {
		return nil, errors.New("carrier/memory: listen: the URL has no name")
	}
	ln := &listener{nw: nw, name: u.Host, queue: make(chan *Conn, Backlog), done: make(chan struct{})}
	nw.mu.Lock()
	defer nw.mu.Unlock()
	if nw.listeners[u.Host] != nil {
		return nil, fmt.Errorf("carrier/memory: listen %s: %w", u.Host, ErrInUse)
	}
	nw.listeners[u.Host] = ln
	return ln, nil
}

// Dial connects to the listener of that name. It waits only while the listener has Backlog carriers to accept.
func (nw *Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("carrier/memory: dial %s: %w", u.Host, err)
	}
	nw.mu.Lock()
	ln := nw.listeners[u.Host]
	if ln == nil {
		nw.mu.Unlock()
		return nil, fmt.Errorf("carrier/memory: dial %s: %w", u.Host, ErrRefused)
	}
	nw.serial++
	near, far := newPair(nw, Addr(fmt.Sprintf("%s#%d", u.Host, nw.serial)), Addr(u.Host))
	nw.conns = append(nw.conns, near)
	nw.mu.Unlock()

	err := ln.offer(ctx, far)
	if err != nil {
		nw.forget(near)
		return nil, fmt.Errorf("carrier/memory: dial %s: %w", u.Host, err)
	}
	return near, nil
}

// Conns returns the ends that dialled, oldest first, of those carriers of which no end was closed and that met no fault.
func (nw *Network) Conns() []*Conn {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	return slices.Clone(nw.conns)
}

// forget drops a carrier that is no longer whole.
func (nw *Network) forget(near *Conn) {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	if i := slices.Index(nw.conns, near); i >= 0 {
		nw.conns = slices.Delete(nw.conns, i, i+1)
	}
}

type listener struct {
	nw    *Network
	name  string
	queue chan *Conn
	once  sync.Once
	done  chan struct{} // closed by Close
}

// offer queues the far end of a new carrier.
func (ln *listener) offer(ctx context.Context, far *Conn) error {
	select {
	case ln.queue <- far:
	case <-ln.done:
		return ErrRefused
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ln.done: // Close may have swept the queue before far was in it.
		ln.sweep()
	default:
	}
	return nil
}

// Accept returns the next carrier.
func (ln *listener) Accept() (carrier.Conn, error) {
	select {
	case <-ln.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-ln.queue:
		return c, nil
	case <-ln.done:
		return nil, net.ErrClosed
	}
}

// Close frees the name and resets what was not accepted.
func (ln *listener) Close() error {
	ln.once.Do(func() {
		ln.nw.mu.Lock()
		delete(ln.nw.listeners, ln.name)
		ln.nw.mu.Unlock()
		close(ln.done)
	})
	ln.sweep()
	return nil
}

func (ln *listener) sweep() {
	for {
		select {
		case c := <-ln.queue:
			c.Cut()
		default:
			return
		}
	}
}

func (ln *listener) Addr() net.Addr { return Addr(ln.name) }
