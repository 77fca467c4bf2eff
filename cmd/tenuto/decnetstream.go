package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto/decnet/node"
	"github.com/tenuto-session/tenuto/decnet/scp"
	"github.com/tenuto-session/tenuto/forward"
)

// decnetStream is a link as package forward has its sessions. A link has no half-close: after CloseWrite reading ends when nothing has come for
// some time, or with the link.
type decnetStream struct {
	*scp.Conn
	quiet time.Duration // 0 waits for the peer's disconnect
	ended atomic.Bool   // by CloseWrite
}

func newDecnetStream(c *scp.Conn, quiet time.Duration) *decnetStream {
	return &decnetStream{Conn: c, quiet: quiet}
}

// CloseWrite begins to wait for silence.
func (s *decnetStream) CloseWrite() error {
	s.ended.Store(true)
	s.extend()
	return nil
}

func (s *decnetStream) extend() {
	if s.quiet > 0 {
		s.SetReadDeadline(time.Now().Add(s.quiet))
	}
}

// Read reads, and takes silence after CloseWrite for the end.
func (s *decnetStream) Read(b []byte) (n int, err error) {
	n, err = s.Conn.Read(b)
	switch {
	case !s.ended.Load():
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, io.EOF
	case n > 0:
		s.extend()
	}
	return n, err
}

// Abort aborts with as much of the data as a peer takes.
func (s *decnetStream) Abort(data []byte) error {
	return s.Conn.Abort(data[:min(len(data), scp.MaxData)])
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
