package rfc1006

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// Dial makes a transport connection: T-CONNECT request. addr is a host, and after a colon a port if it is not DefaultPort. It waits for the
// confirm, until ctx ends or HandshakeTime has passed. A refusal is a *transport.DisconnectError that wraps a *RefusedError.
func Dial(ctx context.Context, addr string, cfg *Config) (*Conn, error) {
	set, err := cfg.settings()
	if err != nil {
		return nil, err
	}
	addr = withPort(addr)
	ctx, cancel := context.WithTimeoutCause(ctx, set.HandshakeTime, errHandshakeTime)
	defer cancel()
	d := net.Dialer{KeepAlive: -1, KeepAliveConfig: set.keepAlive()}
	d.SetMultipathTCP(false) // such a socket lacks options that we set
	t, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("rfc1006: %w", cause(ctx, err))
	}
	c, err := newConn(t.(*net.TCPConn), set, cotp.NewInitiator(newRef(), set.offer))
	if err != nil {
		return nil, err
	}
	c.local.TSAP, c.remote.TSAP = set.Calling, set.Called
	c.mu.Lock()
	err = c.control(c.m.Connect())
	c.unlock()
	if err == nil {
		stop := context.AfterFunc(ctx, c.Wake)
		err = c.shake(ctx)
		stop()
	}
	if err != nil {
		c.Disconnect(transport.ReasonNormal)
		return nil, fmt.Errorf("rfc1006: dial %s: %w", addr, cause(ctx, err))
	}
	return c, nil
}

var errHandshakeTime = errors.New("no answer in time")

// cause says why ctx ended, if that is what an error is about.
func cause(ctx context.Context, err error) error {
	var ne net.Error
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.As(err, &ne) && ne.Timeout()) {
		return context.Cause(ctx)
	}
	return err
}

// withPort adds the port where there is none. An IPv6 address without one may stand with or without brackets.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	if n := len(addr); n > 1 && addr[0] == '[' && addr[n-1] == ']' {
		addr = addr[1 : n-1]
	}
	return net.JoinHostPort(addr, DefaultPort)
}
