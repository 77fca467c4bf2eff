package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
	"github.com/tenuto-session/tenuto/forward"
)

// newDecnetStream is a link as package forward has its sessions. It aborts with as much of the data as a peer takes.
func newDecnetStream(c *scp.Conn, quiet time.Duration) *familyStream {
	return &familyStream{Conn: c, quiet: quiet, abort: func(data []byte) error { return c.Abort(data[:min(len(data), scp.MaxData)]) }}
}

// decnetLinks is a listener as package forward has its acceptors.
type decnetLinks struct {
	ln    *node.Listener
	quiet time.Duration
}

// Next waits for a link.
func (l decnetLinks) Next(ctx context.Context) (forward.Incoming, error) {
	r, err := l.ln.Request(ctx)
	if err != nil {
		return nil, err
	}
	return decnetIncoming{r, l.quiet}, nil
}

type decnetIncoming struct {
	r     *node.Request
	quiet time.Duration
}

func (i decnetIncoming) Service() string      { return "" }
func (i decnetIncoming) RemoteAddr() net.Addr { return i.r.RemoteAddr() }

// Accept accepts the link.
func (i decnetIncoming) Accept(context.Context) (forward.Conn, error) {
	c, err := i.r.Accept(nil)
	if err != nil {
		return nil, err
	}
	return newDecnetStream(c, i.quiet), nil
}

// Refuse tells the caller that the object cannot be reached.
func (i decnetIncoming) Refuse(forward.Refusal, string) error { return i.r.Refuse(scp.NoAnswer) }

func (i decnetIncoming) Dial(context.Context, string) (forward.Conn, error) {
	return nil, errors.New("a link has no way back")
}
