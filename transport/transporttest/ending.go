package transporttest

import (
	"bytes"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/transport"
)

// testPurge: what arrives after a purge is whole. TSDUs sent before may come or not.
func (l Lacks) testPurge(t *testing.T, a, b transport.Conn) {
	old := pattern(1000, 1)
	for range 3 {
		send(t, a, old, transport.End)
	}
	if l&Cuts == 0 {
		send(t, a, []byte("open"), 0)
	}
	a.Purge()
	send(t, a, []byte("new"), transport.End)
	for {
		got, purged := receivePurged(t, b)
		switch {
		case purged:
			if l&Cuts != 0 || !bytes.HasPrefix(old, got) && !bytes.HasPrefix([]byte("open"), got) {
				t.Fatalf("%d octets before ErrPurged differ", len(got))
			}
		case string(got) == "new":
			return
		case !bytes.Equal(got, old):
			t.Fatalf("a TSDU of %d octets came out torn", len(got))
		}
	}
}

func receivePurged(t *testing.T, c transport.Conn) (tsdu []byte, purged bool) {
	t.Helper()
	b := make([]byte, 300)
	for {
		n, end, err := c.Receive(transport.Never, b)
		tsdu = append(tsdu, b[:n]...)
		if err == transport.ErrPurged {
			return tsdu, true
		}
		if err != nil {
			t.Fatal(err)
		}
		if end {
			return tsdu, false
		}
	}
}

// testPurgeReceived: of a TSDU whose beginning was received the rest is purged, and the receiver hears of it once.
func (l Lacks) testPurgeReceived(t *testing.T, a, b transport.Conn) {
	if l&Cuts != 0 {
		t.Skip("no word for that")
	}
	send(t, a, []byte("begin"), 0)
	got := make([]byte, 5)
	for n := 0; n < 5; {
		m, _, err := b.Receive(transport.Never, got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	a.Purge()
	send(t, a, []byte("new"), transport.End)
	if rest, purged := receivePurged(t, b); !purged || len(rest) > 0 {
		t.Fatalf("received %q, purged %v", rest, purged)
	}
	if got := receive(t, b, 100); string(got) != "new" {
		t.Errorf("received %q", got)
	}
}

func wantDisconnect(t *testing.T, err error, r transport.Reason) {
	t.Helper()
	var de *transport.DisconnectError
	if !errors.As(err, &de) || de.Reason != r || !de.Remote {
		t.Fatalf("%v, want the peer's disconnect with %v", err, r)
	}
}

// testDisconnect: what arrived before the disconnect can be read, and then its reason.
func (l Lacks) testDisconnect(t *testing.T, a, b transport.Conn) {
	send(t, a, []byte("last words"), transport.End)
	b.Wake()
	// Once the peer has a part of a TSDU, what was sent before has arrived.
	if err := arrived(b, a); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, b, 4); string(got) != "last words" {
		t.Errorf("received %q", got)
	}
	send(t, a, pattern(100, 0), transport.End)
	if n, _, err := b.Receive(transport.Never, make([]byte, 10)); n == 0 || err != nil {
		t.Fatalf("Receive: %d, %v", n, err)
	}
	a.Disconnect(transport.ReasonCongestion)
	a.Disconnect(transport.ReasonNormal) // nothing
	want := transport.ReasonCongestion
	if l&Reasons != 0 {
		want = transport.ReasonNormal
	}
	for {
		_, _, err := b.Receive(transport.Never, make([]byte, 10))
		if err != nil {
			wantDisconnect(t, err, want)
			break
		}
	}
	_, err := b.Send(transport.Never, nil, []byte("x"), transport.End)
	wantDisconnect(t, err, want)
	for _, err := range []error{
		func() error { _, err := a.Send(transport.Never, nil, []byte("x"), transport.End); return err }(),
		func() error { _, _, err := a.Receive(transport.Never, make([]byte, 1)); return err }(),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the own disconnect: %v", err)
		}
	}
	b.Disconnect(transport.ReasonNormal)
}

// arrived makes sure that a's end hears from b's, so that both are at work.
func arrived(b, a transport.Conn) error {
	if _, err := b.Send(transport.Never, nil, []byte("ok"), transport.End); err != nil {
		return err
	}
	buf := make([]byte, 2)
	for n := 0; n < 2; {
		m, _, err := a.Receive(transport.Never, buf[n:])
		if err != nil {
			return err
		}
		n += m
	}
	return nil
}

// testDisconnectPending: pending calls of both ends return.
func testDisconnectPending(t *testing.T, a, b transport.Conn) {
	fill(t, a)
	ca, cb := newCanceller(), newCanceller()
	var sendErr, recvErr error
	doneA := start(func() { _, sendErr = a.Send(ca, nil, pattern(4<<20, 0), 0) })
	doneB := start(func() { _, _, recvErr = a.Receive(cb, make([]byte, 1)) })
	wait(t, ca.asked, "Send begins to wait")
	wait(t, cb.asked, "Receive begins to wait")
	a.Disconnect(transport.ReasonShutdown)
	wait(t, doneA, "pending Send")
	wait(t, doneB, "pending Receive")
	if !errors.Is(sendErr, net.ErrClosed) || !errors.Is(recvErr, net.ErrClosed) {
		t.Errorf("pending calls: %v, %v", sendErr, recvErr)
	}
}

// testDisconnectAfter: what was sent arrives, and then the disconnect.
func testDisconnectAfter(t *testing.T, a, b transport.Conn) {
	want := pattern(3000, 5)
	send(t, a, want, transport.End)
	a.DisconnectAfter(100 * time.Millisecond)
	if _, err := a.Send(transport.Never, nil, want, transport.End); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after DisconnectAfter: %v", err)
	}
	if got := receive(t, b, 1000); !bytes.Equal(got, want) {
		t.Errorf("received %d octets that differ", len(got))
	}
	_, _, err := b.Receive(transport.Never, make([]byte, 1))
	wantDisconnect(t, err, transport.ReasonNormal)
}

// testDisconnectAfterPeer: the peer's disconnect ends it at once, and what the peer sends meanwhile is dropped.
func testDisconnectAfterPeer(t *testing.T, a, b transport.Conn) {
	send(t, a, []byte("bye"), transport.End)
	a.DisconnectAfter(time.Hour)
	if got := receive(t, b, 10); string(got) != "bye" {
		t.Errorf("received %q", got)
	}
	done := start(func() {
		for range 100 {
			if _, err := b.Send(transport.Never, nil, pattern(100000, 0), transport.End); err != nil {
				t.Errorf("Send to an end that is done: %v", err)
			}
		}
	})
	wait(t, done, "sending to an end that drops")
	b.Disconnect(transport.ReasonNormal)
}

// testDrain: Drain returns when all has arrived, and can be cancelled.
func testDrain(t *testing.T, a, b transport.Conn) {
	if err := a.Drain(transport.Never); err != nil {
		t.Errorf("Drain with nothing sent: %v", err)
	}
	fill(t, a)
	c := newCanceller()
	var err error
	done := start(func() { err = a.Drain(c) })
	select {
	case <-done:
		if err != nil {
			t.Errorf("Drain: %v", err)
		}
	case <-c.asked:
		c.cancel(a)
		wait(t, done, "cancelled Drain")
		if err != nil && !errors.Is(err, errCancelled) { // nil: it all arrived meanwhile
			t.Errorf("cancelled Drain: %v", err)
		}
	}
	done = start(func() {
		for buf := make([]byte, 4096); ; {
			if _, _, err := b.Receive(transport.Never, buf); err != nil {
				return
			}
		}
	})
	if err := a.Drain(transport.Never); err != nil {
		t.Errorf("Drain: %v", err)
	}
	a.Disconnect(transport.ReasonNormal)
	wait(t, done, "the receiver's end")
	if err := a.Drain(transport.Never); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Drain after the end: %v", err)
	}
}

// testNotify: who does not wait in Receive is told when it has something.
func testNotify(t *testing.T, a, b transport.Conn) {
	called := make(chan struct{}, 100)
	told := func(what string) {
		t.Helper()
		wait(t, called, what)
	}
	b.Notify(func() {
		select {
		case called <- struct{}{}:
		default:
		}
	})
	told("the first call")
	send(t, a, []byte("hello"), transport.End)
	buf := make([]byte, 10)
	for {
		if n, end, err := b.Receive(cancelled{}, buf); err == nil {
			if string(buf[:n]) != "hello" || !end {
				t.Errorf("received %q, %v", buf[:n], end)
			}
			break
		}
		told("what was sent")
	}
	if a.HasExpedited() {
		if err := a.SendExpedited(transport.Never, []byte("x")); err != nil {
			t.Fatal(err)
		}
		for n, ok := 0, false; !ok; n, ok = b.ReceiveExpedited(buf) {
			told("the expedited TSDU")
			_ = n
		}
	}
	a.Disconnect(transport.ReasonNormal)
	for {
		_, _, err := b.Receive(cancelled{}, buf)
		if !errors.Is(err, errCancelled) {
			wantDisconnect(t, err, transport.ReasonNormal)
			break
		}
		told("the disconnect")
	}
	b.Notify(nil)
}

// cancelled never waits.
type cancelled struct{}

func (cancelled) Err() error { return errCancelled }
