package rfc1006

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// Conn is a transport connection over a TCP connection. It implements transport.Conn.
type Conn struct {
	tcp           *net.TCPConn
	sock          attempts
	set           *settings
	local, remote *Addr
	gone          func() // called once, when the connection has ended; nil for nobody

	// All below is guarded by mu, which is never held while the socket is read or written.
	mu      sync.Mutex
	changed sync.Cond // anything: few wait on it
	m       *cotp.Machine
	out     sender
	in      receiver

	err      error // why nothing more comes, and nothing can be sent
	closed   bool  // by Disconnect, DisconnectAfter or Refuse
	dropping bool  // what comes is dropped
	parting  bool  // a last word is on its way to the peer
	ended    bool  // the socket is closed, or will be once mu is free
	hangUp   bool  // mu is to be freed, and then the socket closed
	shut     bool  // mu is to be freed, and then the sending direction ended
	notify   func()
	after    time.Duration // of DisconnectAfter; 0 before it
	timer    *time.Timer   // of DisconnectAfter, and of a connection that is refused
	poll     time.Duration
}

var _ transport.Conn = (*Conn)(nil)

// refs makes references: they are told apart in traces, and none is 0.
var refs atomic.Uint32

func newRef() uint16 {
	for {
		if r := uint16(refs.Add(1)); r != 0 {
			return r
		}
	}
}

// newConn takes a TCP connection over, on which nothing has been said; it closes it on error. It starts no goroutine where canTry.
func newConn(t *net.TCPConn, set *settings, m *cotp.Machine) (*Conn, error) {
	c := &Conn{tcp: t, set: set, m: m}
	c.changed.L = &c.mu
	c.local, c.remote = &Addr{HostPort: t.LocalAddr().String()}, &Addr{HostPort: t.RemoteAddr().String()}
	if err := c.initSocket(); err != nil {
		t.Close()
		return nil, fmt.Errorf("rfc1006: %w", err)
	}
	if !canTry {
		c.mu.Lock()
		defer c.unlock()
		c.ensureReader()
	}
	return c, nil
}

// HasExpedited tells whether both ends want expedited data.
func (c *Conn) HasExpedited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m.Expedited
}

// LocalAddr is an *Addr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is an *Addr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// MaxTPDU is the largest TPDU that goes to the peer, in octets.
func (c *Conn) MaxTPDU() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m.Size.Octets()
}

// unlock frees mu and does what must not be done under it.
func (c *Conn) unlock() {
	hangUp, shut := c.hangUp, c.shut
	c.hangUp, c.shut = false, false
	c.mu.Unlock()
	if shut {
		c.tcp.CloseWrite() // where it fails the connection is closed soon anyway
	}
	if hangUp {
		c.tcp.Close()
		if c.gone != nil {
			c.gone()
		}
	}
}

// end ends the connection; err is what calls return from then on, unless there is such an error already. What has come and was not
// received stays, unless the own user wants nothing any more.
func (c *Conn) end(err error) {
	if c.ended {
		return
	}
	if c.err == nil {
		c.err = err
	}
	c.ended, c.hangUp = true, true
	c.m.Close()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.out.drop()
	if c.closed {
		c.in.drop()
	}
	c.changed.Broadcast()
	c.arrived()
}

// Disconnect implements transport.Conn. The reason stays here: class 0 has no TPDU for it.
func (c *Conn) Disconnect(transport.Reason) {
	c.mu.Lock()
	defer c.unlock()
	c.close()
}

// close makes calls return net.ErrClosed, and ends the connection unless a last word is on its way.
func (c *Conn) close() {
	c.closed = true
	c.err = net.ErrClosed
	c.in.drop()
	if !c.parting {
		c.end(net.ErrClosed)
	}
	c.changed.Broadcast()
}

// DisconnectAfter implements transport.Conn.
func (c *Conn) DisconnectAfter(d time.Duration) {
	c.mu.Lock()
	defer c.unlock()
	if c.closed {
		return
	}
	if c.err != nil {
		c.close()
		return
	}
	c.closed, c.err = true, net.ErrClosed
	c.after = max(d, 1)
	c.drop()
	c.settle()
}

// drop makes everything that comes be dropped.
func (c *Conn) drop() {
	c.dropping = true
	c.in.drop()
	c.wakeAll()
	c.ensureReader()
}

const (
	minPoll = time.Millisecond
	maxPoll = 50 * time.Millisecond
)

// nextPoll is how long it takes until the kernel is asked again whether all has arrived: nothing else tells.
func (c *Conn) nextPoll() time.Duration {
	c.poll = min(max(2*c.poll, minPoll), maxPoll)
	return c.poll
}

// settle goes on with DisconnectAfter, once all that is here has been written.
func (c *Conn) settle() {
	if c.after == 0 || c.ended || c.timer != nil || c.out.pending() {
		return
	}
	if c.out.err != nil {
		c.end(net.ErrClosed)
		return
	}
	some, alive := c.unacked()
	switch {
	case !alive:
		c.end(net.ErrClosed)
	case some:
		c.timer = time.AfterFunc(c.nextPoll(), func() {
			c.mu.Lock()
			defer c.unlock()
			c.timer = nil
			c.settle()
		})
	default:
		c.endAfter(c.after)
	}
}

func (c *Conn) endAfter(d time.Duration) {
	c.timer = time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.unlock()
		c.end(net.ErrClosed)
	})
}

// part says a last word to a peer that is refused or has broken the protocol, and ends the connection when the peer has, or
// partTime later: if the socket were closed with octets unread, the system would reset the connection, and the peer might never read
// the word. err is what calls return from now on.
func (c *Conn) part(word cotp.TPDU, err error) {
	if c.err == nil {
		c.err = err
	}
	if word == nil || c.out.err != nil {
		c.end(err)
		return
	}
	b, aerr := word.AppendBinary(nil)
	if aerr != nil {
		panic("BUG: rfc1006: " + aerr.Error())
	}
	c.out.final = b
	c.endAfter(partTime)
	c.parting, c.dropping = true, true
	c.changed.Broadcast()
	c.arrived()
	c.wakeSender()
	c.flushNow()
	c.ensureReader()
}

// breach is the end of a connection whose peer broke the protocol.
func (c *Conn) breach(err error) {
	c.part(c.m.Answer(err), &transport.DisconnectError{Reason: transport.ReasonProtocol, Err: err})
}

// Drain implements transport.Conn.
func (c *Conn) Drain(cancel transport.Cancel) error {
	c.mu.Lock()
	defer c.unlock()
	c.out.waits = true
	defer func() { c.out.waits = false }()
	c.poll = 0
	for {
		switch {
		case c.closed:
			return net.ErrClosed
		case c.err != nil:
			return c.err
		case c.out.err != nil:
			return c.out.err
		}
		var again *time.Timer
		if !c.out.pending() {
			some, alive := c.unacked()
			switch {
			case !alive:
				c.end(&transport.DisconnectError{Remote: true, Err: errReset})
				return c.err
			case !some:
				return nil
			}
		}
		if err := cancel.Err(); err != nil {
			return err
		}
		if !c.out.pending() {
			again = time.AfterFunc(c.nextPoll(), c.look)
		}
		c.armReader()
		c.changed.Wait()
		if again != nil {
			again.Stop()
		}
	}
}

// look makes calls that wait for changes look again.
func (c *Conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

var errReset = errors.New("rfc1006: the connection was reset")

// Notify implements transport.Conn.
func (c *Conn) Notify(f func()) {
	c.mu.Lock()
	defer c.unlock()
	c.notify = f
	c.arrived()
	c.ensureReader()
}

// arrived runs what Notify was given.
func (c *Conn) arrived() {
	if c.notify != nil {
		c.set.start(c.notify)
	}
}

// Wake implements transport.Conn.
func (c *Conn) Wake() {
	c.mu.Lock()
	defer c.unlock()
	c.wakeAll()
}

func (c *Conn) wakeAll() {
	c.changed.Broadcast()
	if c.in.leader == caller {
		c.interruptReader()
	}
	c.wakeSender()
}

// past is a deadline that has passed on any clock.
var past = time.Unix(1, 0)

// interruptReader makes who reads the socket look again; it takes the deadline back.
func (c *Conn) interruptReader() {
	if c.in.reading && !c.in.interrupted {
		c.in.interrupted = true
		c.tcp.SetReadDeadline(past) // fails only when closed, and then the read fails too
	}
}

// wakeSender makes a Send that waits for the socket look again.
func (c *Conn) wakeSender() {
	if o := &c.out; o.writer == sending && o.inWrite && !o.interrupted {
		o.interrupted = true
		c.tcp.SetWriteDeadline(past)
	}
}
