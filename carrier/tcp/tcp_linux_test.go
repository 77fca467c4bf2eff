package tcp

import (
	"context"
	"errors"
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Dial that waits ends with its context. With a backlog of nothing, and nobody who accepts, the kernel drops SYNs.
func TestWaitingDialEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) })
	if err != nil {
		t.Fatal(err)
	}
	nw := &Network{}
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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := newConn(c.(*net.TCPConn)); err != nil {
		t.Fatal(err)
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		var got int
		got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
		if got != NotSentLowat || err != nil {
			t.Errorf("TCP_NOTSENT_LOWAT = %d, %v; want %d", got, err, NotSentLowat)
		}
	})
}
