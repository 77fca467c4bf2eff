package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/transport"
)

// Options of a Pipe; the zero value is an expedited flow and a window of 64 KiB.
type Options struct {
	Window      int  // octets of a normal flow that wait for their receiver
	NoExpedited bool // as COTP class 0
	Delivered   bool // what was sent has reached the peer at once: Purge withdraws nothing but the rest of an open TSDU
}

const (
	defaultWindow = 64 << 10
	maxGathered   = 32 << 10 // octets of one TSDU sent with Gather
	maxExpedited  = 8        // expedited TSDUs that wait for their receiver
)

// Pipe returns the two ends of a transport connection in memory. It starts no goroutine, and allocates nothing once its
// buffers have grown. It works in testing/synctest bubbles.
func Pipe(o Options) (a, b *PipeConn) {
	if o.Window == 0 {
		o.Window = defaultWindow
	}
	p := &pipe{Options: o}
	p.changed.L = &p.mu
	p.ends = [2]PipeConn{{p: p, addr: "pipe a"}, {p: p, addr: "pipe b"}}
	a, b = &p.ends[0], &p.ends[1]
	a.peer, b.peer = b, a
	return a, b
}

type pipe struct {
	Options
	mu      sync.Mutex
	changed sync.Cond // anything: few wait on it
	ends    [2]PipeConn
}

// PipeConn is one end of a Pipe, a transport.Conn.
type PipeConn struct {
	p    *pipe
	peer *PipeConn
	addr pipeAddr

	in    flow  // towards this end
	err   error // of calls here, once the connection has ended for this end
	after bool  // DisconnectAfter: what comes in is dropped
	timer *time.Timer

	notify func()
}

var _ transport.Conn = (*PipeConn)(nil)

// A flow is what has been sent to one end and not received.
type flow struct {
	data      []byte // unread octets of all TSDUs
	off       int    // where they begin
	tsdus     []tsdu
	first     int    // the first unread of tsdus
	count     uint64 // of all that there were
	head      []byte // of the last TSDU, if it was sent with Gather
	expedited [][]byte
}

type tsdu struct {
	unread          int
	head, size      int // octets of the head, and of all that was sent
	started, ended  bool
	purged, gathers bool
}

func (f *flow) size() int { return len(f.data) - f.off }

// last returns the TSDU that was sent last, nil if all have been read.
func (f *flow) last() *tsdu {
	if f.first == len(f.tsdus) {
		return nil
	}
	return &f.tsdus[len(f.tsdus)-1]
}

// compact makes room at the end for n octets without a new array, where it can.
func (f *flow) compact(n int) {
	if f.off > 0 && cap(f.data)-len(f.data) < n {
		f.data = f.data[:copy(f.data, f.data[f.off:])]
		f.off = 0
	}
	if f.first > 0 && len(f.tsdus) == cap(f.tsdus) {
		f.tsdus = f.tsdus[:copy(f.tsdus, f.tsdus[f.first:])]
		f.first = 0
	}
}

func (f *flow) append(head, b []byte, end, gather bool) {
	f.compact(len(head) + len(b))
	t := f.last()
	if t != nil && t.gathers && gather && !t.started && t.size+len(b) <= maxGathered && bytes.Equal(f.head, head) {
		head = nil
	} else if t == nil || t.ended {
		f.tsdus = append(f.tsdus, tsdu{head: len(head), gathers: gather})
		f.count++
		f.head = f.head[:0]
		if gather {
			f.head = append(f.head, head...)
		}
		t = f.last()
	}
	f.data = append(append(f.data, head...), b...)
	t.unread += len(head) + len(b)
	t.size += len(head) + len(b)
	t.ended = end
}

// end returns why calls of this end fail; ok is true while they do not.
func (c *PipeConn) end() (error, bool) { return c.err, c.err == nil }

// Send implements transport.Conn.
func (c *PipeConn) Send(cancel transport.Cancel, head, b []byte, f transport.SendFlag) (n int, err error) {
	end, gather := f&transport.End != 0, f&transport.Gather != 0
	if !end && f != 0 {
		panic("BUG: Gather or NoWait without End")
	}
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	to := &c.peer.in
	if f&transport.NoWait != 0 {
		if err, ok := c.end(); !ok {
			return 0, err
		}
		if size := len(head) + len(b); size > transport.MaxNoWait || to.size()+size > p.Window+transport.MaxNoWait {
			return 0, fmt.Errorf("transporttest: %d octets past flow control", size)
		}
		c.accept(head, b, true, false)
		return len(b), nil
	}
	for {
		if err, ok := c.end(); !ok {
			return n, err
		}
		if len(c.in.expedited) > 0 {
			return n, transport.ErrExpedited
		}
		room := p.Window - to.size()
		if gather {
			room = min(room, maxGathered)
		}
		room -= len(head)
		if to.size() == 0 {
			room = max(room, 1) // a window smaller than the head
		}
		if room > 0 || len(head)+len(b)-n == 0 {
			part := b[n:min(n+max(room, 0), len(b))]
			last := n+len(part) == len(b)
			c.accept(head, part, end && last || gather, gather)
			if n += len(part); last {
				return n, nil
			}
			if !gather {
				head = nil
			}
			continue
		}
		if err := cancel.Err(); err != nil {
			return n, err
		}
		p.changed.Wait()
	}
}

// accept takes octets for the peer, or drops them if it no longer receives.
func (c *PipeConn) accept(head, b []byte, end, gather bool) {
	if c.peer.after {
		return
	}
	c.peer.in.append(head, b, end, gather)
	c.p.changed.Broadcast()
	c.peer.arrived()
}

// SendExpedited implements transport.Conn.
func (c *PipeConn) SendExpedited(cancel transport.Cancel, b []byte) error {
	if len(b) == 0 || len(b) > transport.MaxExpedited || c.p.NoExpedited {
		return fmt.Errorf("transporttest: expedited TSDU of %d octets", len(b))
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for {
		if err, ok := c.end(); !ok {
			return err
		}
		if to := &c.peer.in; len(to.expedited) < maxExpedited {
			if !c.peer.after {
				to.expedited = append(to.expedited, bytes.Clone(b))
				c.p.changed.Broadcast()
				c.peer.arrived()
			}
			return nil
		}
		if err := cancel.Err(); err != nil {
			return err
		}
		c.p.changed.Wait()
	}
}

// Receive implements transport.Conn.
func (c *PipeConn) Receive(cancel transport.Cancel, b []byte) (n int, end bool, err error) {
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		f := &c.in
		if errors.Is(c.err, net.ErrClosed) {
			return 0, false, c.err
		}
		if len(f.expedited) > 0 {
			return 0, false, transport.ErrExpedited
		}
		if f.first < len(f.tsdus) {
			t := &f.tsdus[f.first]
			if t.purged && t.unread == 0 {
				f.first++
				return 0, false, transport.ErrPurged
			}
			if t.unread > 0 || t.ended && !t.purged {
				n = copy(b, f.data[f.off:f.off+t.unread])
				f.off += n
				t.unread -= n
				t.started = true
				if end = t.ended && t.unread == 0 && !t.purged; end {
					f.first++
				}
				p.changed.Broadcast()
				return n, end, nil
			}
		}
		if c.err != nil {
			return 0, false, c.err
		}
		if err := cancel.Err(); err != nil {
			return 0, false, err
		}
		p.changed.Wait()
	}
}

// ReceiveExpedited implements transport.Conn.
func (c *PipeConn) ReceiveExpedited(b []byte) (n int, ok bool) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if len(c.in.expedited) == 0 || errors.Is(c.err, net.ErrClosed) {
		return 0, false
	}
	n = copy(b, c.in.expedited[0])
	c.in.expedited = c.in.expedited[1:]
	c.p.changed.Broadcast()
	return n, true
}

// Purge implements transport.Conn: all that the peer has not read goes, unless Options.Delivered.
func (c *PipeConn) Purge() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	f := &c.peer.in
	if c.p.Delivered {
		if t := f.last(); t != nil && !t.ended {
			t.ended, t.purged = true, true
			c.p.changed.Broadcast()
			c.peer.arrived()
		}
		return
	}
	keep := f.tsdus[:0]
	if f.first < len(f.tsdus) && (f.tsdus[f.first].started || f.tsdus[f.first].purged) {
		keep = append(keep, tsdu{purged: true, ended: true})
	}
	f.tsdus, f.first = keep, 0
	f.data, f.off = f.data[:0], 0
	c.p.changed.Broadcast()
	c.peer.arrived()
}

// Position implements transport.Conn: it counts TSDUs.
func (c *PipeConn) Position() (sent, settled uint64) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	f := &c.peer.in
	if c.p.Delivered {
		return f.count, f.count
	}
	return f.count, f.count - uint64(len(f.tsdus)-f.first)
}

// Disconnect implements transport.Conn.
func (c *PipeConn) Disconnect(r transport.Reason) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.disconnect(r)
}

func (c *PipeConn) disconnect(r transport.Reason) {
	if c.err != nil && !c.after {
		if c.err != net.ErrClosed {
			c.err = net.ErrClosed // the peer or the provider was first
		}
		c.p.changed.Broadcast()
		return
	}
	c.stop(net.ErrClosed)
	c.peer.stop(&transport.DisconnectError{Reason: r, Remote: true})
}

// stop ends the connection for one end. What it has not received stays, unless it asked for the end itself.
func (c *PipeConn) stop(err error) {
	if c.err == nil {
		c.err = err
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.after = false
	if c.err == net.ErrClosed {
		c.in = flow{}
	}
	c.p.changed.Broadcast()
	c.arrived()
}

// DisconnectAfter implements transport.Conn.
func (c *PipeConn) DisconnectAfter(d time.Duration) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.err != nil {
		if !c.after {
			c.err = net.ErrClosed
		}
		return
	}
	c.err, c.after, c.in = net.ErrClosed, true, flow{}
	c.timer = time.AfterFunc(d, func() {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		switch {
		case !c.after:
		case !c.p.Delivered && c.peer.in.size() > 0:
			c.timer.Reset(d)
		default:
			c.disconnect(transport.ReasonNormal)
		}
	})
	c.p.changed.Broadcast()
}

// Break ends the connection as the provider does when it cannot carry it any more.
func (c *PipeConn) Break(r transport.Reason) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for _, e := range []*PipeConn{c, c.peer} {
		e.stop(&transport.DisconnectError{Reason: r})
	}
}

// Ended tells whether the connection has ended for both ends.
func (c *PipeConn) Ended() bool {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.err != nil && !c.after && c.peer.err != nil && !c.peer.after
}

// Wake implements transport.Conn.
func (c *PipeConn) Wake() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.changed.Broadcast()
}

// Drain implements transport.Conn: what was sent has arrived when it was read, or at once with Options.Delivered.
func (c *PipeConn) Drain(cancel transport.Cancel) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for {
		switch f := &c.peer.in; {
		case c.err != nil:
			return c.err
		case c.p.Delivered || f.size() == 0:
			return nil
		}
		if err := cancel.Err(); err != nil {
			return err
		}
		c.p.changed.Wait()
	}
}

// Notify implements transport.Conn.
func (c *PipeConn) Notify(f func()) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.notify = f
	c.arrived()
}

// arrived runs what Notify was given. It is called with mu, and f runs without it.
func (c *PipeConn) arrived() {
	if c.notify != nil {
		go c.notify()
	}
}

// HasExpedited implements transport.Conn.
func (c *PipeConn) HasExpedited() bool { return !c.p.NoExpedited }

// LocalAddr implements transport.Conn.
func (c *PipeConn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr implements transport.Conn.
func (c *PipeConn) RemoteAddr() net.Addr { return c.peer.addr }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }
