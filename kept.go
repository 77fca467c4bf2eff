package tenuto

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/transport"
)

// A pool has the transport connections over RFC 1006 of an endpoint: those of sessions, and those that are kept for the next one.
type pool struct {
	cfg   OSIConfig
	empty func() // called when the last session has ended, of an endpoint that closes then; nil for others
	ctx   context.Context
	stop  func()

	mu     sync.Mutex
	closed bool
	live   map[*lease]struct{}
	idle   map[string][]*keptConn // by the URL that they were dialled by
	kept   int                    // how many there are in idle, and at listeners
}

// A keptConn is a transport connection without a session.
type keptConn struct {
	transport.Conn
	timer *time.Timer
}

func newPool(cfg OSIConfig) *pool {
	if cfg.Kept == 0 {
		cfg.Kept = defaultKept
	}
	if cfg.KeptTime == 0 {
		cfg.KeptTime = defaultKeptTime
	}
	p := &pool{cfg: cfg, live: make(map[*lease]struct{}), idle: make(map[string][]*keptConn)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// A lease is a transport connection for one session. After it is over the connection belongs to another one.
type lease struct {
	transport.Conn
	pool  *pool
	again func(transport.Conn) // what becomes of the connection when the session has left it
	over  atomic.Bool
}

// lease gives a connection to a session. After the pool's end the connection is disconnected.
func (p *pool) lease(tc transport.Conn, again func(transport.Conn)) *lease {
	l := &lease{Conn: tc, pool: p, again: again}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		tc.Disconnect(transport.ReasonShutdown)
	}
	p.live[l] = struct{}{}
	return l
}

// dialled is the lease of a connection that goes back to idle.
func (p *pool) dialled(tc transport.Conn, key string) *lease {
	return p.lease(tc, func(tc transport.Conn) { p.put(key, tc) })
}

// reuse tells whether a session on the connection asks for it to be kept, and agrees to that (p02, p64).
func (l *lease) reuse() bool { return l.pool.cfg.Reuse && !l.HasExpedited() }

// Disconnect implements transport.Conn.
func (l *lease) Disconnect(r transport.Reason) {
	if l.end() {
		l.Conn.Disconnect(r)
	}
}

// DisconnectAfter implements transport.Conn. Until then the end of the pool is the connection's, too.
func (l *lease) DisconnectAfter(d time.Duration) {
	if !l.over.Load() {
		l.Conn.DisconnectAfter(d)
		time.AfterFunc(d, func() { l.end() })
	}
}

// Notify implements transport.Conn.
func (l *lease) Notify(f func()) {
	if !l.over.Load() {
		l.Conn.Notify(f)
	}
}

// end ends the lease, once.
func (l *lease) end() bool {
	if l.over.Swap(true) {
		return false
	}
	p := l.pool
	p.mu.Lock()
	delete(p.live, l)
	last := len(p.live) == 0 && p.empty != nil && !p.closed
	p.mu.Unlock()
	if last {
		go p.empty()
	}
	return true
}

// left says that the session has ended and left the transport connection as it was before.
func (l *lease) left() {
	if !l.over.Load() {
		l.Conn.Notify(nil)
		if l.end() {
			l.again(l.Conn)
		}
	}
}

// admit counts one more connection that is kept, if there may be.
func (p *pool) admit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.kept >= p.cfg.Kept {
		return false
	}
	p.kept++
	return true
}

func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept--
}

// put keeps a connection that was dialled.
func (p *pool) put(key string, tc transport.Conn) {
	if !p.admit() {
		tc.Disconnect(transport.ReasonNormal)
		return
	}
	k := &keptConn{Conn: tc}
	p.mu.Lock()
	defer p.mu.Unlock()
	k.timer = time.AfterFunc(p.cfg.KeptTime, func() {
		if p.remove(key, k) {
			k.Disconnect(transport.ReasonNormal)
		}
	})
	p.idle[key] = append(p.idle[key], k)
}

// remove tells whether it was there.
func (p *pool) remove(key string, k *keptConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle[key] {
		if other == k {
			p.drop(key, i)
			return true
		}
	}
	return false
}

// drop takes a connection out. mu is held.
func (p *pool) drop(key string, i int) *keptConn {
	list := p.idle[key]
	k := list[i]
	if p.idle[key] = append(list[:i], list[i+1:]...); len(p.idle[key]) == 0 {
		delete(p.idle, key)
	}
	p.kept--
	k.timer.Stop()
	return k
}

// take returns a kept connection that is still there, or nil.
func (p *pool) take(key string) *lease {
	for {
		p.mu.Lock()
		n := len(p.idle[key])
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		k := p.drop(key, n-1)
		p.mu.Unlock()
		var b [1]byte
		if _, _, err := k.Receive(now{}, b[:]); err == errNow {
			return p.dialled(k.Conn, key)
		}
		k.Disconnect(transport.ReasonNormal) // the peer has, or speaks out of turn
	}
}

// close disconnects everything.
func (p *pool) close() {
	p.stop()
	p.mu.Lock()
	p.closed = true
	var all []transport.Conn
	for l := range p.live {
		all = append(all, l.Conn)
	}
	for key := range p.idle {
		for len(p.idle[key]) > 0 {
			all = append(all, p.drop(key, 0).Conn)
		}
	}
	p.mu.Unlock()
	for _, tc := range all {
		tc.Disconnect(transport.ReasonShutdown)
	}
}
