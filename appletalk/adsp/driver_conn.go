package adsp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Type is the type of names that have none.
const Type = "ADSP"

// ErrReset is what Read returns once when the other end has reset the stream: what it had sent before and was not read is lost.
var ErrReset = errors.New("adsp: the other end has reset the stream")

// Addr is the address of an end of a connection.
type Addr struct{ ddp.Socket }

// Network is "adsp".
func (Addr) Network() string { return "adsp" }

// Conn is a connection: a net.Conn, in which Read and Write do not know of messages, ReadPart and WriteMessage do. Its methods may be called by several
// goroutines.
//
// Close does not wait for what was written: it is sent on while the node lives, as long as the other end takes it, and Done tells when that is over.
// There is no CloseWrite: the protocol ends both directions together.
type Conn struct {
	h    *hub
	m    *Machine
	peer ddp.Socket
	done chan struct{}

	writing sync.Mutex // one Write at a time

	// Used in the driver.
	waits       bool // it opens, at a listener
	over        bool // done is closed
	closed      bool // Close was called
	read, write deadline
}

// deadline is when waiting ends.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(at time.Time, wake func()) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.at = at; !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), wake)
	}
}

func (d *deadline) err(now time.Time) error {
	if !d.at.IsZero() && !now.Before(d.at) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Dial opens a connection to a listener: NETWORK.NODE:SOCKET, or a name, OBJECT:TYPE@ZONE, whose type is ADSP if it has none. It ends with the context,
// or when Config's tries are over.
func Dial(ctx context.Context, n *node.Node, address string, cfg Config) (*Conn, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	peer, err := n.Resolve(ctx, address, Type)
	if err != nil {
		return nil, err
	}
	s, err := n.Open(0)
	if err != nil {
		return nil, err
	}
	h := newHub(s, cfg, false)
	var c *Conn
	h.d.Do(func(now time.Time) {
		c = h.add(peer)
		c.m.Open(now)
		c.touch()
	})
	if err = h.d.Wait(ctx, func(time.Time) bool { return c.m.State() >= Established }); err == nil && c.m.State() == Closed {
		err = c.m.Err()
	}
	if err != nil {
		h.d.Do(func(now time.Time) {
			c.m.Abort(now)
			c.touch()
		})
		h.d.Close()
		return nil, &net.OpError{Op: "dial", Net: "adsp", Addr: Addr{peer}, Err: err}
	}
	return c, nil
}

// touch has the driver look at the connection.
func (c *Conn) touch() { c.h.changed = append(c.h.changed, c) }

// ended is the error of a connection that is over, or that the driver has been closed beneath.
func (c *Conn) ended() error {
	switch err := c.m.Err(); {
	case c.closed || err == nil || err == ErrClosed:
		return net.ErrClosed
	default:
		return err
	}
}

// wait is drive.Driver.Until with the names of package net's errors.
func (c *Conn) wait(op string, f func(now time.Time) (bool, error)) error {
	err := c.h.d.Until(f)
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, drive.ErrClosed):
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "adsp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Read implements net.Conn. The end of a message is not told; io.EOF is the other end's close.
func (c *Conn) Read(b []byte) (n int, err error) {
	for n == 0 && err == nil && len(b) > 0 {
		n, _, err = c.ReadPart(b)
	}
	return n, err
}

// ReadPart reads octets of a message, and tells whether they are its last ones; n may be 0 then.
func (c *Conn) ReadPart(b []byte) (n int, end bool, err error) {
	err = c.wait("read", func(now time.Time) (bool, error) {
		if err := c.read.err(now); err != nil {
			return false, err
		}
		switch {
		case c.closed:
			return false, net.ErrClosed
		case c.m.TakeReset():
			return false, ErrReset
		case c.m.Readable():
			n, end = c.m.Read(b)
			c.touch()
			return true, nil
		case c.m.Err() == ErrPeer:
			return false, io.EOF
		case c.m.State() == Closed:
			return false, c.ended()
		}
		return false, nil
	})
	return n, end, err
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (n int, err error) { return c.put(b, false) }

// TryWrite writes what there is room for, and does not wait. It is not to be called while a Write waits.
func (c *Conn) TryWrite(bufs ...[]byte) (n int, err error) {
	c.h.d.Do(func(now time.Time) {
		if c.closed || c.m.State() != Established {
			err = c.ended()
			return
		}
		for _, b := range bufs {
			k, _ := c.m.Write(now, b, false)
			if n += k; k < len(b) {
				break
			}
		}
		c.touch()
	})
	return n, err
}

// WriteMessage writes octets and the end of a message behind them.
func (c *Conn) WriteMessage(b []byte) (n int, err error) { return c.put(b, true) }

func (c *Conn) put(b []byte, end bool) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for ended := false; err == nil && (n < len(b) || end && !ended); {
		err = c.wait("write", func(now time.Time) (bool, error) {
			if err := c.write.err(now); err != nil {
				return false, err
			}
			switch {
			case c.closed || c.m.State() != Established:
				return false, c.ended()
			case c.m.Room() == 0:
				return false, nil
			}
			k := 0
			k, ended = c.m.Write(now, b[n:], end)
			n += k
			c.touch()
			return true, nil
		})
	}
	return n, err
}

// Attention sends an attention message beside the stream, and waits until the other end has acknowledged it: a code of at most LastAttention, and at
// most MaxAttention octets.
func (c *Conn) Attention(ctx context.Context, code uint16, data []byte) error {
	var err error
	var number uint32
	wait := c.h.d.Wait(ctx, func(now time.Time) bool {
		if c.m.State() != Established {
			err = c.ended()
			return true
		}
		number = c.m.number
		err = c.m.Attention(now, code, data)
		c.touch()
		return err != ErrBusy
	})
	if wait != nil {
		return wait
	}
	if err == nil {
		wait = c.h.d.Wait(ctx, func(time.Time) bool {
			if c.m.number == number && c.m.State() == Closed {
				err = c.ended()
			}
			return err != nil || c.m.number != number
		})
	}
	return cmp.Or(wait, err)
}

// ReceiveAttention waits for an attention message. The next one is not acknowledged before it is taken.
func (c *Conn) ReceiveAttention(ctx context.Context) (code uint16, data []byte, err error) {
	wait := c.h.d.Wait(ctx, func(time.Time) bool {
		var ok bool
		if code, data, ok = c.m.TakeAttention(); !ok && c.m.State() == Closed {
			err = c.ended()
			return true
		}
		return ok
	})
	if wait != nil {
		err = wait
	}
	return code, data, err
}

// Reset drops what was written and not been read, here and at the other end, whose Read returns ErrReset.
func (c *Conn) Reset() (err error) {
	c.h.d.Do(func(now time.Time) {
		err = c.m.ForwardReset(now)
		c.touch()
	})
	return err
}

// Close ends the connection behind what was written.
func (c *Conn) Close() error { return c.end((*Machine).Close) }

// Abort ends it at once: what was written and has not arrived is lost.
func (c *Conn) Abort() error { return c.end((*Machine).Abort) }

func (c *Conn) end(f func(*Machine, time.Time)) error {
	c.h.d.Do(func(now time.Time) {
		c.closed = true
		f(c.m, now)
		c.read.set(time.Time{}, nil)
		c.write.set(time.Time{}, nil)
		c.touch()
	})
	return nil
}

// Done is closed when the connection is over at this end: after Close when all that was written has arrived, or cannot.
func (c *Conn) Done() <-chan struct{} { return c.done }

// LocalAddr and RemoteAddr implement net.Conn.
func (c *Conn) LocalAddr() net.Addr {
	return Addr{c.h.s.Addr()}
}

// RemoteAddr is the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return Addr{c.peer} }

// SetDeadline, SetReadDeadline and SetWriteDeadline implement net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.until(t, &c.read, &c.write) }

// SetReadDeadline is for Read and ReadPart.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.until(t, &c.read) }

// SetWriteDeadline is for Write and WriteMessage.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.until(t, &c.write) }

func (c *Conn) until(t time.Time, deadlines ...*deadline) error {
	c.h.d.Do(func(time.Time) {
		for _, d := range deadlines {
			d.set(t, c.h.d.Wake)
		}
	})
	return nil
}
