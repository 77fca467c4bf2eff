package socket

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
)

// Listener is a carrier.Listener over a listener of package net.
type Listener struct {
	ln    net.Listener
	name  string
	take  func(net.Conn) (carrier.Conn, error)
	pause atomic.Int64 // nanoseconds that Accept waits, after an error
	once  sync.Once
	done  chan struct{} // closed by Close
}

// minPause and maxPause bound how long Accept waits after an error that may pass, such as too many open files: the caller
// goes on at once, and would spin.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// NewListener makes carriers of what ln accepts. take owns the connection that it is given, must not wait for the peer, and closes it
// on error. Errors of ln begin with name, a package's path.
func NewListener(ln net.Listener, name string, take func(net.Conn) (carrier.Conn, error)) *Listener {
	return &Listener{ln: ln, name: name, take: take, done: make(chan struct{})}
}

// Accept returns the next carrier.
func (l *Listener) Accept() (carrier.Conn, error) {
	if d := l.pause.Load(); d > 0 {
		timer := time.NewTimer(time.Duration(d))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
	c, err := l.ln.Accept()
	switch {
	case errors.Is(err, net.ErrClosed):
		return nil, net.ErrClosed
	case err != nil:
		l.pause.Store(int64(min(max(2*time.Duration(l.pause.Load()), minPause), maxPause)))
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	l.pause.Store(0)
	return l.take(c)
}

// Close ends the listening, and a waiting Accept.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.ln.Close()
}

// Addr returns the address listened at.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }
