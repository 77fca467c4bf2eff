package scp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
)

// Host is what a Conn needs of the node that it belongs to.
type Host interface {
	Lock()             // the machine
	Unlock()           // the machine, and does what has become due
	Machine() *Machine // to be used between Lock and Unlock
	Now() time.Time
	Forgotten(*Conn) // the Conn has forgotten its link; called between Lock and Unlock
}

// Addr is an end of a link.
type Addr struct {
	Node   decnet.Addr
	Object string
}

// Network returns "decnet".
func (Addr) Network() string { return "decnet" }

func (a Addr) String() string { return a.Node.String() + "::" + a.Object }

// Error is why a link was refused, or has ended.
type Error struct {
	Peer   decnet.Addr
	Reason Reason
	Data   []byte // the peer's, at most 16 octets
	Local  bool   // it was found out here, and not said by the peer
}

func (e *Error) Error() string {
	by := "said by the peer"
	if e.Local {
		by = "found out here"
	}
	s := fmt.Sprintf("scp: link with %v: %v (reason %d, %s)", e.Peer, e.Reason, uint16(e.Reason), by)
	if len(e.Data) > 0 {
		s += fmt.Sprintf(": %q", e.Data)
	}
	return s
}

// Limits of a Conn.
const (
	// MaxMessage is the most octets of a message that Receive takes.
	MaxMessage = 16 << 20
	// DefaultLinger is how long Close waits until all that was written has arrived.
	DefaultLinger = 5 * time.Second
)

// ErrTooLong is the error of Receive for a message of more than MaxMessage octets, and of Interrupt and Disconnect for data of more than 16.
var ErrTooLong = errors.New("scp: message is too long")

// signal wakes whoever waits for something. It is guarded by the host's lock.
type signal struct{ ch chan struct{} }

func (s *signal) wait() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// Conn is a link that was accepted. It implements net.Conn; each Write is a message, and Read does not see where messages end. Its methods
// may be called at any time by anyone: concurrent writes do not mix.
type Conn struct {
	host          Host
	link          *Link
	local, remote Addr
	rd, wr        deadline
	writing       chan struct{} // held by who writes
	linger        time.Duration

	// Guarded by the host's lock.
	closed                                bool // by Close, Disconnect or Abort
	forgotten                             bool
	changed                               signal // the link is closed, or over
	readable, writable, interrupt, credit signal
	sent, received                        uint64 // octets
}

// NewConn makes the Conn of a link, for a node. It is called between Lock and Unlock of the host.
func NewConn(h Host, l *Link, local Addr) *Conn {
	c := &Conn{host: h, link: l, local: local, writing: make(chan struct{}, 1), linger: DefaultLinger}
	other := l.Connect.Src
	if l.Caller {
		other = l.Connect.Dst
	}
	c.remote = Addr{l.Peer, other.String()}
	c.rd.init()
	c.wr.init()
	return c
}

// Notify tells what has happened to the link. It is called by the host, between Lock and Unlock.
func (c *Conn) Notify(e Event) {
	if e&Readable != 0 {
		c.readable.fire()
		if c.closed {
			c.drain()
		}
	}
	for _, v := range []struct {
		e Event
		s *signal
	}{{Writable, &c.writable}, {Interrupt, &c.interrupt}, {Credit, &c.credit}} {
		if e&v.e != 0 {
			v.s.fire()
		}
	}
	if e&Over != 0 {
		c.wakeAll()
	}
}

func (c *Conn) wakeAll() {
	for _, s := range []*signal{&c.changed, &c.readable, &c.writable, &c.interrupt, &c.credit} {
		s.fire()
	}
}

// drain drops what comes after Close, so that the peer is not stopped by it.
func (c *Conn) drain() {
	var b [4096]byte
	for m := c.host.Machine().NSP; m.Read(c.link.Port, b[:]) > 0; {
	}
}

// Peer is the node at the other end.
func (c *Conn) Peer() decnet.Addr { return c.link.Peer }

// Request is what was said when the link was asked for: by the peer, or here.
func (c *Conn) Request() Connect { return c.link.Connect }

// AcceptData is what the peer said when it accepted; nil at the end that was called.
func (c *Conn) AcceptData() []byte { return c.link.Accept }

// LocalAddr is this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Err is why the link is over, once it is; nil before, io.EOF after a normal disconnect by the peer.
func (c *Conn) Err() error {
	c.host.Lock()
	defer c.host.Unlock()
	return c.over()
}

// over is why nothing more comes.
func (c *Conn) over() error {
	l := c.link
	switch {
	case c.closed:
		return fmt.Errorf("scp: link with %v: %w", l.Peer, net.ErrClosed)
	case l.State != Closed:
		return nil
	case l.Reason == Normal && !l.Local:
		return io.EOF
	}
	return &Error{l.Peer, l.Reason, l.Data, l.Local}
}

// unwritable is why nothing can be written.
func (c *Conn) unwritable() error {
	err := c.over()
	if err == io.EOF {
		return &Error{c.link.Peer, Normal, c.link.Data, false}
	}
	return err
}

// await waits for a signal, a deadline or a context.
func await(ctx context.Context, ch <-chan struct{}, d *deadline) error {
	select {
	case <-ch:
		return nil
	case <-d.wait():
		return os.ErrDeadlineExceeded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read calls take, between Lock and Unlock, until it has something; then what the link's end is.
func (c *Conn) read(ctx context.Context, s *signal, take func() bool) error {
	for {
		if c.rd.passed() {
			return os.ErrDeadlineExceeded
		}
		c.host.Lock()
		if !c.closed && take() {
			c.host.Unlock()
			return nil
		}
		err := c.over()
		ch := s.wait()
		c.host.Unlock()
		if err != nil {
			return err
		}
		if err := await(ctx, ch, &c.rd); err != nil {
			return err
		}
	}
}

// Read reads octets, across the ends of messages.
func (c *Conn) Read(b []byte) (n int, err error) {
	err = c.read(context.Background(), &c.readable, func() bool {
		n = c.host.Machine().NSP.Read(c.link.Port, b)
		c.received += uint64(n)
		return n > 0 || len(b) == 0
	})
	return n, err
}

// ReadMessage reads octets of one message; end says that the message ends with them. An empty message is nothing and its end.
func (c *Conn) ReadMessage(b []byte) (n int, end bool, err error) {
	return c.readMessage(context.Background(), b)
}

func (c *Conn) readMessage(ctx context.Context, b []byte) (n int, end bool, err error) {
	err = c.read(ctx, &c.readable, func() bool {
		n, end = c.host.Machine().NSP.ReadMessage(c.link.Port, b)
		c.received += uint64(n)
		return n > 0 || end || len(b) == 0
	})
	return n, end, err
}

// Receive reads a whole message of at most MaxMessage octets. What was read of one that is longer, or when the context ended, is lost.
func (c *Conn) Receive(ctx context.Context) ([]byte, error) {
	b := make([]byte, 0, 512)
	for {
		if len(b) == cap(b) {
			if len(b) >= MaxMessage {
				return nil, ErrTooLong
			}
			b = append(b, 0)[:len(b)]
		}
		n, end, err := c.readMessage(ctx, b[len(b):min(cap(b), MaxMessage)])
		if b = b[:len(b)+n]; end || err != nil {
			if err != nil {
				b = nil
			}
			return b, err
		}
	}
}

// Write writes a message. An error with n > 0 means that the peer gets a message of n octets, or none. Nothing is not written.
func (c *Conn) Write(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	return c.write(context.Background(), b)
}

// Send writes a message, which may be empty, and waits until all of it is on its way or waits to be.
func (c *Conn) Send(ctx context.Context, b []byte) error {
	_, err := c.write(ctx, b)
	return err
}

func (c *Conn) write(ctx context.Context, b []byte) (n int, err error) {
	if c.wr.passed() {
		return 0, os.ErrDeadlineExceeded
	}
	select { // one message at a time
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-c.wr.wait():
		return 0, os.ErrDeadlineExceeded
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for {
		c.host.Lock()
		m := c.host.Machine().NSP
		if err = c.unwritable(); err == nil {
			var k int
			k, err = m.Write(c.host.Now(), c.link.Port, b[n:], true)
			n += k
			c.sent += uint64(k)
		}
		var ch <-chan struct{}
		if err == nsp.ErrFull {
			ch = c.writable.wait()
		}
		c.host.Unlock()
		if err != nsp.ErrFull {
			return n, err
		}
		if err = await(ctx, ch, &c.wr); err != nil {
			c.host.Lock()
			m.CutMessage(c.link.Port)
			c.host.Unlock()
			return n, err
		}
	}
}

// Interrupt sends up to 16 octets that overtake messages, and waits until the peer takes an interrupt: it takes one, and the next when that was
// read. (Some peers never take a second one.)
func (c *Conn) Interrupt(ctx context.Context, b []byte) error {
	if len(b) > nsp.MaxInterrupt {
		return ErrTooLong
	}
	for {
		if c.wr.passed() {
			return os.ErrDeadlineExceeded
		}
		c.host.Lock()
		err := c.unwritable()
		if err == nil {
			err = c.host.Machine().NSP.Interrupt(c.host.Now(), c.link.Port, b)
		}
		ch := c.credit.wait()
		c.host.Unlock()
		if !errors.Is(err, nsp.ErrNoCredit) {
			return err
		}
		if err := await(ctx, ch, &c.wr); err != nil {
			return err
		}
	}
}

// ReadInterrupt waits for an interrupt.
func (c *Conn) ReadInterrupt(ctx context.Context) (b []byte, err error) {
	err = c.read(ctx, &c.interrupt, func() (ok bool) {
		b, ok = c.host.Machine().NSP.ReadInterrupt(c.link.Port)
		return ok
	})
	return b, err
}

// SetDeadline sets the deadlines of reading and writing.
func (c *Conn) SetDeadline(t time.Time) error {
	c.rd.set(t)
	c.wr.set(t)
	return nil
}

// SetReadDeadline sets the deadline of what reads, also of calls that wait.
func (c *Conn) SetReadDeadline(t time.Time) error { c.rd.set(t); return nil }

// SetWriteDeadline sets the deadline of what writes, also of calls that wait.
func (c *Conn) SetWriteDeadline(t time.Time) error { c.wr.set(t); return nil }

// Info is what there is to tell about a link.
type Info struct {
	Local, Remote          Addr
	LocalLink, RemoteLink  uint16 // link addresses
	State                  State
	Caller                 bool
	Started                time.Time
	Sent, Received         uint64 // octets of users
	SegSize                int
	Flow                   nsp.FlowControl // of the peer, which is sent to
	Unacknowledged, Unread int             // octets
}

// Info tells about the link. It is called by the host, between Lock and Unlock.
func (c *Conn) Info() Info {
	l, p := c.link, c.link.Port
	i := Info{Local: c.local, Remote: c.remote, LocalLink: p.Local, RemoteLink: p.Remote, State: l.State, Caller: l.Caller, Started: l.started,
		Sent: c.sent, Received: c.received, SegSize: p.SegSize, Flow: p.PeerFlow, Unacknowledged: p.Unacknowledged()}
	i.Unread, _ = p.Readable()
	return i
}

// Link is the Conn's link, for its host.
func (c *Conn) Link() *Link { return c.link }
