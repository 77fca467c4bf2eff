package rfc1006

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// TestPurgeLeavesLittle: with 8 MiB to be sent, and a peer that reads slowly, no more than the kernels and one TPDU hold comes before
// what is sent after a purge.
func TestPurgeLeavesLittle(t *testing.T) {
	cfg := &Config{Expedited: true}
	a, b := pair(t, cfg, cfg)
	if err := b.tcp.SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	fill(t, a, 8<<20)
	a.Purge()
	if err := a.SendExpedited(transport.Never, []byte("PR")); err != nil {
		t.Fatal(err)
	}
	send(t, a, []byte("RS"), transport.End|transport.NoWait)
	old, _, err := next(t, b)
	if err != nil {
		t.Fatal(err)
	}
	var rcvbuf int
	b.sock.raw.Control(func(fd uintptr) { rcvbuf, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) })
	if err != nil {
		t.Fatal(err)
	}
	// A write that began below NotSentLowat may go beyond it by one of the kernel's buffers.
	if most := NotSentLowat + 2*cotp.MaxTPDU + rcvbuf + 64<<10; len(old) > most {
		t.Errorf("%d octets came before the purge, more than %d", len(old), most)
	}
	if got := receive(t, b); string(got) != "RS" {
		t.Errorf("received %q", got)
	}
}

func TestOptions(t *testing.T) {
	a, b := pair(t, &Config{KeepAlive: 7 * time.Second}, &Config{KeepAlive: -1})
	for _, tt := range []struct {
		c                  *Conn
		level, option, val int
	}{
		{a, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, NotSentLowat},
		{b, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, NotSentLowat},
		{a, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{b, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{a, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{a, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 7},
		{a, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7},
		{b, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
	} {
		var got int
		var err error
		tt.c.sock.raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), tt.level, tt.option) })
		if got != tt.val || err != nil {
			t.Errorf("option %d/%d is %d, %v; want %d", tt.level, tt.option, got, err, tt.val)
		}
	}
}

// unread sends TSDUs that the own kernel takes and the peer's does not.
func unread(t *testing.T, a, b *Conn) (n int) {
	t.Helper()
	if err := b.tcp.SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	for {
		send(t, a, make([]byte, 10_000), transport.End)
		n++
		a.mu.Lock()
		some, alive := a.unacked()
		pending := a.out.pending()
		a.mu.Unlock()
		if !alive || pending {
			t.Fatalf("alive %v, and more pending than the kernel takes", alive)
		}
		if some && n > 8 {
			return n
		}
	}
}

// TestDrainKnowsArrival: octets in the own kernel have not arrived.
func TestDrainKnowsArrival(t *testing.T) {
	a, b := pair(t, nil, nil)
	n := unread(t, a, b)
	if err := a.Drain(enough{}); err != errEnough {
		t.Fatalf("Drain: %v", err)
	}
	done := make(chan struct{})
	b.tcp.SetReadBuffer(1 << 20)
	go func() {
		defer close(done)
		for range n {
			receive(t, b)
		}
	}()
	if err := a.Drain(transport.Never); err != nil {
		t.Fatalf("Drain: %v", err)
	}
	<-done
}

// TestDrainNoticesReset: when a peer is gone Drain ends, also if the window is full and nobody reads.
func TestDrainNoticesReset(t *testing.T) {
	a, b := pair(t, nil, nil)
	a.Notify(func() {})
	fill(t, b, 32<<20)
	unread(t, a, b)
	b.Disconnect(transport.ReasonNormal)
	var de *transport.DisconnectError
	if err := a.Drain(transport.Never); !errors.As(err, &de) {
		t.Errorf("Drain: %v", err)
	}
}

// TestDisconnectAfterArrival: the time begins when all has arrived.
func TestDisconnectAfterArrival(t *testing.T) {
	a, b := pair(t, nil, nil)
	n := unread(t, a, b)
	a.DisconnectAfter(time.Nanosecond)
	for asked := false; !asked; runtime.Gosched() { // until the kernel has been asked several times
		a.mu.Lock()
		if asked = a.poll > 4*minPoll; a.ended {
			t.Fatal("ended before all had arrived")
		}
		a.mu.Unlock()
	}
	b.tcp.SetReadBuffer(1 << 20)
	for range n {
		if got := receive(t, b); len(got) != 10_000 {
			t.Errorf("received %d octets", len(got))
		}
	}
	if _, _, err := b.Receive(transport.Never, make([]byte, 1)); err == nil {
		t.Error("no disconnect")
	}
}
