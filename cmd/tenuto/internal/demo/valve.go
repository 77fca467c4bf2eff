package demo

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A valve is a breaker that can be throttled: octets to the server pass it at a rate, and little waits in it.
type valve struct {
	*breaker
	rate atomic.Int64 // octets a second, 0 for no limit
}

const (
	// valveQueue is the receive buffer of a valve's sockets towards the client, in octets: what waits there stands for the queue of a router.
	valveQueue = 16 << 10
	valvePiece = 1448
)

// newValve starts a valve that listens on loopback; close stops it.
func newValve(server string) (*valve, error) {
	cfg := net.ListenConfig{Control: narrow}
	ln, err := cfg.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &valve{breaker: makeBreaker(ln, server)}
	v.up = v.pass
	v.pumps.Go(v.accept)
	return v, nil
}

// pass is io.Copy at the rate, which may change at any time.
func (v *valve) pass(to io.Writer, from io.Reader) {
	b := make([]byte, valvePiece)
	free := time.Now() // when more may pass
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if rate := v.rate.Load(); rate > 0 {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(rate))
			time.Sleep(time.Until(free))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
