package scp

import (
	"context"
)

// Close disconnects: it waits until all that was written has arrived, for at most 5 s, after which it aborts. What comes after is dropped.
func (c *Conn) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.linger)
	defer cancel()
	c.Disconnect(ctx, nil) // a link that could not be ended in order was aborted: nobody is left to be told
	return nil
}

// Disconnect is Close with at most 16 octets of data for the peer, and waits for the context instead.
func (c *Conn) Disconnect(ctx context.Context, data []byte) error {
	if len(data) > MaxData {
		return ErrTooLong
	}
	c.host.Lock()
	first := !c.closed
	if first {
		c.begin()
		if !c.host.Machine().Disconnect(c.host.Now(), c.link, data) {
			c.forget()
		}
	}
	c.host.Unlock()
	if !first {
		return nil
	}
	err := c.awaitEnd(ctx)
	c.host.Lock()
	defer c.host.Unlock()
	if err != nil {
		c.host.Machine().Abort(c.host.Now(), c.link, Aborted, nil)
	} else if l := c.link; l.State == Closed && l.Local && l.Reason != Normal {
		err = &Error{l.Peer, l.Reason, l.Data, true}
	}
	c.forget()
	return err
}

// Leave is Close that does not wait: what was written goes on to its end for at most 5 s.
func (c *Conn) Leave() {
	c.host.Lock()
	defer c.host.Unlock()
	if !c.closed {
		c.begin()
		c.host.Machine().Disconnect(c.host.Now(), c.link, nil)
		c.forget()
	}
}

// begin ends the calls that wait.
func (c *Conn) begin() {
	c.closed = true
	c.drain()
	c.wakeAll()
}

// awaitEnd waits until the link is over.
func (c *Conn) awaitEnd(ctx context.Context) error {
	for {
		c.host.Lock()
		over, ch := c.link.State == Closed || c.forgotten, c.changed.wait()
		c.host.Unlock()
		if over {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Conn) forget() {
	if !c.forgotten {
		c.forgotten = true
		c.host.Machine().Forget(c.host.Now(), c.link)
		c.host.Forgotten(c)
		c.wakeAll()
	}
}

// Abort ends the link at once, with at most 16 octets of data for the peer. What was written and has not arrived may be lost.
func (c *Conn) Abort(data []byte) error {
	if len(data) > MaxData {
		return ErrTooLong
	}
	c.host.Lock()
	defer c.host.Unlock()
	c.begin()
	c.host.Machine().Abort(c.host.Now(), c.link, Aborted, data)
	c.forget()
	return nil
}
