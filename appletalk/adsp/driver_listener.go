package adsp

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/drive"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// Listener is a listening socket, and a net.Listener.
type Listener struct{ h *hub }

// Listen opens a listening socket: by a name, OBJECT:TYPE, whose type is ADSP if it has none; by its number, as :130; or any if the text is empty.
func Listen(ctx context.Context, n *node.Node, text string, cfg Config) (*Listener, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s, err := n.Listen(ctx, text, Type)
	if err != nil {
		return nil, err
	}
	return &Listener{newHub(s, cfg, true)}, nil
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) { return l.AcceptContext(context.Background()) }

// AcceptContext waits for a connection, or for the context's end.
func (l *Listener) AcceptContext(ctx context.Context) (*Conn, error) {
	h := l.h
	var c *Conn
	err := h.d.Wait(ctx, func(time.Time) bool {
		if len(h.backlog) == 0 {
			return !h.listens
		}
		c, h.backlog = h.backlog[0], h.backlog[1:]
		h.opening--
		return true
	})
	switch {
	case c != nil:
		return c, nil
	case err == nil || errors.Is(err, drive.ErrClosed):
		err = net.ErrClosed
	}
	return nil, &net.OpError{Op: "accept", Net: "adsp", Source: l.Addr(), Err: err}
}

// Addr is the socket's address.
func (l *Listener) Addr() net.Addr {
	return Addr{l.h.s.Addr()}
}

// Close takes no more connections. Those that were accepted live on, and the socket with its name with them; others are ended.
func (l *Listener) Close() error {
	h := l.h
	last := false
	h.d.Do(func(now time.Time) {
		if !h.listens {
			return
		}
		h.listens = false
		for _, cs := range h.conns {
			for _, c := range cs {
				if c.m.State() == Accepting {
					c.m.Abort(now)
					c.touch()
				}
			}
		}
		for _, c := range h.backlog {
			c.m.Abort(now)
			c.touch()
		}
		h.backlog = nil
		last = len(h.ids) == 0
	})
	if last {
		h.d.Close()
	}
	return nil
}
