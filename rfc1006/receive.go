package rfc1006

import (
	"net"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// Receive implements transport.Conn. The caller reads the socket itself, large TPDUs straight into b, unless a goroutine must.
func (c *Conn) Receive(cancel transport.Cancel, b []byte) (n int, end bool, err error) {
	c.mu.Lock()
	defer c.unlock()
	in := &c.in
	c.out.streak = 0
	for {
		switch {
		case c.closed:
			return 0, false, net.ErrClosed
		case in.expedited.len() > 0:
			return 0, false, transport.ErrExpedited
		}
		if n, end := in.take(b); n > 0 || end || len(b) == 0 && in.store.len() > 0 {
			c.ensureReader() // it stops where the window is full
			return n, end, nil
		}
		switch {
		case c.err != nil:
			return 0, false, c.err
		case in.leader == nobody && canTry:
			if n, end, err := c.lead(cancel, b); n > 0 || end || err != nil || in.stuck {
				return n, end, err
			}
			continue
		}
		if err := cancel.Err(); err != nil {
			return 0, false, err
		}
		if in.leader == goroutine && c.notify == nil && canTry && !in.yield {
			in.yield = true
			c.interruptReader()
		}
		c.changed.Wait()
	}
}

// lead reads the socket for a call that waits, until served has something for it. The error is that of the call's Cancel.
func (c *Conn) lead(cancel transport.Cancel, b []byte) (n int, end bool, err error) {
	in := &c.in
	in.leader, in.cancel, in.cancelled, in.woken = caller, cancel, nil, false
	in.dst, in.filled, in.ends, in.stuck = b, 0, false, false
	for {
		c.handle()
		if c.enough() || in.filled == 0 && c.served() {
			break
		}
		if in.woken && in.filled == 0 { // octets of no use to the caller may come without end
			in.woken = false
			if in.cancelled = cancel.Err(); in.cancelled != nil {
				break
			}
		}
		if none := c.step(); none && (in.cancelled != nil || c.served()) {
			break
		}
	}
	n, end, err = in.filled, in.ends, in.cancelled
	if n > 0 || end {
		err = nil
	}
	in.leader, in.cancel, in.dst = nobody, nil, nil
	in.turns++
	c.changed.Broadcast()
	if c.notify != nil || c.dropping {
		c.ensureReader()
	} else if c.out.waits {
		c.armReader()
	}
	return n, end, err
}

// served tells whether a call that reads the socket need not wait.
func (c *Conn) served() bool {
	in := &c.in
	switch {
	case c.err != nil:
		return true
	case c.m.State == cotp.AwaitCC, c.m.State == cotp.AwaitCR:
		return false
	case c.m.State == cotp.AwaitResponse:
		return true
	}
	return in.filled > 0 || in.ends || in.stuck || in.expedited.len() > 0
}

// shake reads until the peer has sent CR or CC.
func (c *Conn) shake(cancel transport.Cancel) error {
	c.mu.Lock()
	defer c.unlock()
	c.in.shaking = true
	defer func() { c.in.shaking = false }()
	for {
		switch {
		case c.err != nil:
			return c.err
		case c.m.State != cotp.AwaitCC && c.m.State != cotp.AwaitCR:
			return nil
		case c.in.leader == nobody && canTry:
			if _, _, err := c.lead(cancel, nil); err != nil {
				return err
			}
			continue
		}
		if err := cancel.Err(); err != nil {
			return err
		}
		c.changed.Wait()
	}
}

// ReceiveExpedited implements transport.Conn.
func (c *Conn) ReceiveExpedited(b []byte) (n int, ok bool) {
	c.mu.Lock()
	defer c.unlock()
	e := &c.in.expedited
	if c.closed || e.len() == 0 {
		return 0, false
	}
	n = copy(b, e.first())
	e.remove()
	c.ensureReader()
	return n, true
}
