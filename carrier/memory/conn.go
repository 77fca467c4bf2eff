package memory

import (
	"io"
	"net"
	"sync"

	"github.com/tenuto-session/tenuto/carrier"
)

// BufferSize is how many octets a carrier holds each way, between the writer and the reader.
const BufferSize = 64 << 10

// Conn is one end of a carrier. Beyond carrier.Conn it has the faults that a test wants to see: Cut, Stall and HalfOpen.
// They may be called at any time by anyone.
type Conn struct {
	link     *link
	peer     *Conn
	local    Addr
	remote   Addr
	readable sync.Cond // something changed for Read
	writable sync.Cond // something changed for Write

	// guarded by link.mu
	in          ring // octets on their way to this end
	interrupted bool
	peerClosed  bool  // the peer's Close has arrived
	err         error // why this end is over
}

// link is what the two ends share.
type link struct {
	nw   *Network
	near *Conn // the end that dialled
	mu   sync.Mutex

	// stalled: nothing arrives any more, neither octets nor a Close. The octets stay where they are, as in the send
	// buffer of a host that gets no acknowledgements, and so writes still find room until the buffer is full.
	stalled bool
}

func newPair(nw *Network, near, far Addr) (*Conn, *Conn) {
	l := &link{nw: nw}
	a := &Conn{link: l, local: near, remote: far}
	b := &Conn{link: l, local: far, remote: near}
	for _, c := range []*Conn{a, b} {
		c.readable.L = &l.mu
		c.writable.L = &l.mu
	}
	a.peer, b.peer = b, a
	l.near = a
	return a, b
}

// Peer returns the other end.
func (c *Conn) Peer() *Conn { return c.peer }

// Cut resets the carrier: the calls of both ends fail at once with ErrReset, and what was on its way is lost.
func (c *Conn) Cut() {
	c.fault(func() {
		c.fail(ErrReset)
		c.peer.fail(ErrReset)
	})
}

// Stall makes both ways silent for good. Octets on their way and a later Close of either end vanish; writes go on until the
// buffer is full, then they wait.
func (c *Conn) Stall() {
	c.fault(func() { c.link.stalled = true })
}

// HalfOpen makes this end fail at once with ErrReset while the other end notices nothing: for it the carrier is stalled.
func (c *Conn) HalfOpen() {
	c.fault(func() {
		c.link.stalled = true
		c.fail(ErrReset)
	})
}

// fault changes the state of the link, wakes who waits, and takes the carrier off the network's list.
func (c *Conn) fault(change func()) {
	l := c.link
	l.mu.Lock()
	change()
	c.wake()
	c.peer.wake()
	l.mu.Unlock()
	l.nw.forget(l.near)
}

// fail ends this end, with link.mu held. The first reason stays. On a stalled link the octets that came for it keep their
// room, or else the peer would notice.
func (c *Conn) fail(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if !c.link.stalled {
		c.in = ring{}
	}
}

func (c *Conn) wake() {
	c.readable.Broadcast()
	c.writable.Broadcast()
}

// Read waits for at least one octet. What the peer wrote before its Close is read before the io.EOF.
func (c *Conn) Read(b []byte) (n int, err error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for {
		switch {
		case c.err != nil:
			return 0, c.err
		case c.interrupted:
			c.interrupted = false
			return 0, carrier.ErrInterrupted
		case c.link.stalled:
		case c.in.used > 0:
			n = c.in.take(b)
			c.peer.writable.Broadcast()
			return n, nil
		case c.peerClosed:
			return 0, io.EOF
		}
		c.readable.Wait()
	}
}

// Interrupt ends the waiting Read, or else the next one.
func (c *Conn) Interrupt() {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.interrupted = true
	c.readable.Broadcast()
}

// Write waits until all of bufs is in the buffer.
func (c *Conn) Write(bufs ...[]byte) (n int, err error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for {
		if err := c.writeErr(); err != nil {
			return n, err
		}
		k, rest := c.put(bufs, n)
		n += k
		if !rest {
			return n, nil
		}
		c.writable.Wait()
	}
}

// TryWrite puts into the buffer what it has room for.
func (c *Conn) TryWrite(bufs ...[]byte) (n int, err error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if err := c.writeErr(); err != nil {
		return 0, err
	}
	n, _ = c.put(bufs, 0)
	return n, nil
}

func (c *Conn) writeErr() error {
	if c.err != nil {
		return c.err
	}
	if c.peerClosed && !c.link.stalled {
		return ErrReset
	}
	return nil
}

// put moves octets of bufs, without the first skip of them, to the peer, and tells whether some are left.
func (c *Conn) put(bufs [][]byte, skip int) (n int, rest bool) {
	for _, b := range bufs {
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		b = b[skip:]
		skip = 0
		k := c.peer.in.put(b)
		n += k
		if k < len(b) {
			rest = true
			break
		}
	}
	if n > 0 {
		c.peer.readable.Broadcast()
	}
	return n, rest
}

// Close ends this end, and the peer's once it has read what was on its way.
func (c *Conn) Close() error {
	c.fault(func() {
		c.fail(net.ErrClosed)
		if !c.link.stalled {
			c.peer.peerClosed = true
		}
	})
	return nil
}

// Binding returns nil: there is no security below.
func (c *Conn) Binding() []byte { return nil }

// Secret returns nil, as Binding does.
func (c *Conn) Secret() []byte { return nil }

// Features: all of them.
func (c *Conn) Features() carrier.Features {
	return carrier.Features{Interruptible: true, TryWrite: true, Local: true}
}

// LocalAddr returns the Addr of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the Addr of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// ring is a queue of at most BufferSize octets.
type ring struct {
	buf  []byte // BufferSize octets, made by the first put
	head int    // index of the oldest octet
	used int
}

func (r *ring) put(b []byte) (n int) {
	if r.buf == nil {
		r.buf = make([]byte, BufferSize)
	}
	for len(b) > 0 && r.used < BufferSize {
		tail := (r.head + r.used) % BufferSize
		end := BufferSize
		if tail < r.head {
			end = r.head
		}
		k := copy(r.buf[tail:end], b)
		r.used += k
		n += k
		b = b[k:]
	}
	return n
}

func (r *ring) take(b []byte) (n int) {
	for len(b) > 0 && r.used > 0 {
		k := copy(b, r.buf[r.head:min(r.head+r.used, BufferSize)])
		r.head = (r.head + k) % BufferSize
		r.used -= k
		n += k
		b = b[k:]
	}
	return n
}
