package tcp

import (
	"context"
	"errors"
	"net/url"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Dial that waits ends with its context. With a backlog of nothing, and nobody who accepts, the kernel drops SYNs.
func TestWaitingDialEndsWithItsContext(t *testing.T) {
	nw := &Network{}
	ln, err := nw.Listen(t.Context(), &url.URL{Scheme: Scheme, Host: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw, err := ln.(*listener).ln.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) })
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		c, err := nw.Dial(ctx, &url.URL{Scheme: Scheme, Host: ln.Addr().String()})
		timer.Stop()
		cancel()
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Dial: %v; want Canceled", err)
			}
			return
		}
		defer c.Close()
	}
	t.Error("no Dial ever waited")
}

func TestLittleStaysUnsent(t *testing.T) {
	near, far := pair(t)
	for _, c := range []any{near, far} {
		var got int
		var err error
		c.(*conn).try.raw.Control(func(fd uintptr) {
			got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
		})
		if got != NotSentLowat || err != nil {
			t.Errorf("TCP_NOTSENT_LOWAT = %d, %v; want %d", got, err, NotSentLowat)
		}
	}
}
