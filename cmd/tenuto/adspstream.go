package main

import (
	"context"
	"errors"
	"net"

	"github.com/tenuto-session/tenuto/appletalk/adsp"
	"github.com/tenuto-session/tenuto/forward"
)

var adspConfig = adsp.Config{Window: adsp.MaxWindow}

// newADSPStream is a data stream as package forward has its sessions.
func newADSPStream(c *adsp.Conn) *familyStream {
	return &familyStream{Conn: c, quiet: familyQuiet, abort: func([]byte) error { return c.Abort() }}
}

// adspStreams is a listener as package forward has its acceptors.
type adspStreams struct{ ln *adsp.Listener }

// Next waits for a stream.
func (l adspStreams) Next(ctx context.Context) (forward.Incoming, error) {
	c, err := l.ln.AcceptContext(ctx)
	if err != nil {
		return nil, err
	}
	return adspIncoming{c}, nil
}

// adspIncoming is open already: the protocol opens a stream before anybody is asked.
type adspIncoming struct{ c *adsp.Conn }

func (i adspIncoming) Service() string      { return "" }
func (i adspIncoming) RemoteAddr() net.Addr { return i.c.RemoteAddr() }

func (i adspIncoming) Accept(context.Context) (forward.Conn, error) { return newADSPStream(i.c), nil }

// Refuse ends the stream.
func (i adspIncoming) Refuse(forward.Refusal, string) error { return i.c.Abort() }

func (i adspIncoming) Dial(context.Context, string) (forward.Conn, error) {
	return nil, errors.New("a data stream has no way back")
}
