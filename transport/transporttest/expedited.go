package transporttest

import (
	"testing"

	"github.com/tenuto-session/tenuto/transport"
)

func testExpeditedOvertakes(t *testing.T, a, b transport.Conn) {
	if !a.HasExpedited() {
		t.Skip("no expedited flow")
	}
	n := fill(t, a)
	if err := a.SendExpedited(transport.Never, []byte("now")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	got, before := "", 0
	for got == "" {
		m, _, err := b.Receive(transport.Never, buf)
		before += m
		if err == transport.ErrExpedited {
			k, ok := b.ReceiveExpedited(buf)
			if !ok {
				t.Fatal("ErrExpedited, but nothing there")
			}
			got = string(buf[:k])
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got != "now" || before > n {
		t.Errorf("received %q after %d octets", got, before)
	}
	if _, ok := b.ReceiveExpedited(buf); ok {
		t.Error("received twice")
	}
	send(t, a, nil, transport.End|transport.NoWait)
	if rest := receive(t, b, 1<<16); before+len(rest) != n {
		t.Errorf("received %d octets, want %d", before+len(rest), n)
	}
	for _, size := range []int{0, transport.MaxExpedited + 1} {
		if err := a.SendExpedited(transport.Never, make([]byte, size)); err == nil {
			t.Errorf("an expedited TSDU of %d octets was accepted", size)
		}
	}
}

// testExpeditedOrder is invariant B8: a TSDU submitted after an expedited one is never delivered before it.
func testExpeditedOrder(t *testing.T, a, b transport.Conn) {
	if !a.HasExpedited() {
		t.Skip("no expedited flow")
	}
	const rounds = 500
	done := start(func() {
		for i := range rounds {
			if err := a.SendExpedited(transport.Never, []byte{byte(i), byte(i >> 8)}); err != nil {
				t.Errorf("SendExpedited: %v", err)
				return
			}
			if _, err := a.Send(transport.Never, []byte{byte(i), byte(i >> 8)}, pattern(i%3000, 0), transport.End); err != nil {
				t.Errorf("Send: %v", err)
				return
			}
		}
	})
	seen, normal := 0, 0
	var tsdu []byte
	buf := make([]byte, 2000)
	for normal < rounds {
		n, end, err := b.Receive(transport.Never, buf)
		if err == transport.ErrExpedited {
			m, ok := b.ReceiveExpedited(buf)
			if !ok || m != 2 || int(buf[0])|int(buf[1])<<8 != seen {
				t.Fatalf("expedited TSDU %d: % x, %v", seen, buf[:m], ok)
			}
			seen++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if tsdu = append(tsdu, buf[:n]...); !end {
			continue
		}
		if i := int(tsdu[0]) | int(tsdu[1])<<8; i != normal {
			t.Fatalf("TSDU %d, want %d", i, normal)
		}
		if normal >= seen {
			t.Fatalf("TSDU %d came before the expedited one that was sent before it", normal)
		}
		normal, tsdu = normal+1, tsdu[:0]
	}
	wait(t, done, "sending")
}

// testExpeditedInSend: who waits in Send hears of an expedited TSDU, and goes on afterwards.
func testExpeditedInSend(t *testing.T, a, b transport.Conn) {
	if !a.HasExpedited() {
		t.Skip("no expedited flow")
	}
	n := fill(t, a)
	c := newCanceller()
	var m int
	var err error
	done := start(func() { m, err = a.Send(c, nil, pattern(4<<20, 0), transport.End) })
	wait(t, c.asked, "Send begins to wait")
	if err := b.SendExpedited(transport.Never, []byte("stop")); err != nil {
		t.Fatal(err)
	}
	wait(t, done, "Send")
	if err != transport.ErrExpedited || m >= 4<<20 {
		t.Fatalf("Send: %d, %v", m, err)
	}
	if _, err := a.Send(transport.Never, nil, []byte("x"), 0); err != transport.ErrExpedited {
		t.Fatalf("Send at its start: %v", err)
	}
	if k, ok := a.ReceiveExpedited(make([]byte, 16)); !ok || k != 4 {
		t.Fatalf("ReceiveExpedited: %d, %v", k, ok)
	}
	send(t, a, nil, transport.End|transport.NoWait)
	if got := receive(t, b, 1<<16); len(got) != n+m {
		t.Errorf("received %d octets, want %d", len(got), n+m)
	}
}
