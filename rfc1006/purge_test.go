package rfc1006

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tenuto-session/tenuto/transport"
)

var errEnough = errors.New("enough")

// enough is a Cancel of a call that does not wait.
type enough struct{}

func (enough) Err() error { return errEnough }

func wantTry(t *testing.T) {
	t.Helper()
	if !canTry {
		t.Skip("where a goroutine writes, it is a matter of chance what has been sent")
	}
}

// fill sends one TSDU, whose end is to come, until the flow is full, and returns how many octets were accepted.
func fill(t *testing.T, c *Conn, size int) (n int) {
	t.Helper()
	wantTry(t)
	b := make([]byte, size)
	for {
		m, err := c.Send(enough{}, nil, b[n:], 0)
		n += m
		switch {
		case err == errEnough:
			return n
		case err != nil:
			t.Fatal(err)
		case n == size:
			t.Fatalf("%d octets were accepted and nothing received", n)
		}
	}
}

// next receives a TSDU, and takes expedited ones on the way.
func next(t *testing.T, c *Conn) (tsdu []byte, expedited string, err error) {
	t.Helper()
	b := make([]byte, 64<<10)
	for {
		n, end, err := c.Receive(transport.Never, b)
		tsdu = append(tsdu, b[:n]...)
		switch {
		case err == transport.ErrExpedited:
			k, _ := c.ReceiveExpedited(b)
			expedited += string(b[:k])
		case err != nil:
			return tsdu, expedited, err
		case end:
			return tsdu, expedited, nil
		}
	}
}

// TestPurgeTold: when an expedited TSDU has told the peer to discard it, a TSDU that is torn is cut short by the next Send.
func TestPurgeTold(t *testing.T) {
	cfg := &Config{Expedited: true}
	a, b := pair(t, cfg, cfg)
	n := fill(t, a, 32<<20)
	a.Purge()
	if err := a.SendExpedited(transport.Never, []byte("PR")); err != nil {
		t.Fatal(err)
	}
	send(t, a, []byte("new"), transport.End|transport.NoWait)
	old, expedited, err := next(t, b)
	if err != nil || expedited != "PR" || len(old) > n {
		t.Errorf("%d of %d octets, %q, %v", len(old), n, expedited, err)
	}
	if got := receive(t, b); string(got) != "new" {
		t.Errorf("received %q", got)
	}
	exchange(t, a, b)
}

// TestPurgeUntold: when nothing has, the connection ends, and what was torn is not taken for a whole TSDU.
func TestPurgeUntold(t *testing.T) {
	a, b := pair(t, nil, nil)
	n := fill(t, a, 32<<20)
	a.Purge()
	_, err := a.Send(transport.Never, nil, []byte("new"), transport.End|transport.NoWait)
	var de *transport.DisconnectError
	if !errors.As(err, &de) || de.Remote || !errors.Is(err, errTorn) {
		t.Errorf("Send: %v", err)
	}
	old, _, err := next(t, b)
	if !errors.As(err, &de) || !de.Remote || len(old) > n {
		t.Errorf("received %d of %d octets and then %v", len(old), n, err)
	}
}

// TestPurgeWithdraws: of what waits here nothing is sent, but the rest of a TSDU that has begun and is all here.
func TestPurgeWithdraws(t *testing.T) {
	a, b := pair(t, nil, nil)
	n := fill(t, a, 32<<20)
	send(t, a, nil, transport.End|transport.NoWait)
	for range 10 {
		send(t, a, []byte("stale"), transport.End|transport.NoWait)
	}
	a.mu.Lock()
	queued := len(a.out.recs)
	a.mu.Unlock()
	if queued < 11 {
		t.Fatalf("only %d TPDUs wait", queued)
	}
	a.Purge()
	send(t, a, []byte("new"), transport.End|transport.NoWait)
	if got := receive(t, b); len(got) != n {
		t.Errorf("received %d octets of %d", len(got), n)
	}
	if got := receive(t, b); string(got) != "new" {
		t.Errorf("received %q", got)
	}
	exchange(t, a, b)
}

// TestPurgeNothing: what has been sent is not touched, nor is a TSDU that begins later.
func TestPurgeNothing(t *testing.T) {
	wantTry(t)
	a, b := pair(t, nil, nil)
	a.Purge()
	send(t, a, []byte("one"), transport.End)
	a.Purge()
	a.Purge()
	send(t, a, []byte("two"), transport.End)
	for _, want := range []string{"one", "two"} {
		if got := receive(t, b); string(got) != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
}

// TestPurgeOpen: of a TSDU of which all is here yet nothing is sent, and the next one need not be told of.
func TestPurgeOpen(t *testing.T) {
	a, b := pair(t, nil, nil)
	n := fill(t, a, 32<<20)
	send(t, a, nil, transport.End|transport.NoWait)
	if m, err := a.Send(enough{}, nil, []byte("open"), 0); m != 4 || err != nil { // it waits behind the rest of the first one
		t.Fatalf("Send: %d, %v", m, err)
	}
	a.Purge()
	send(t, a, []byte("new"), transport.End|transport.NoWait)
	if got := receive(t, b); len(got) != n {
		t.Errorf("received %d octets of %d", len(got), n)
	}
	if got := receive(t, b); string(got) != "new" {
		t.Errorf("received %q", got)
	}
}

// TestPurgeSweep: whatever is sent and purged, what comes out is whole TSDUs in order.
func TestPurgeSweep(t *testing.T) {
	a, b := pair(t, nil, nil)
	const rounds = 250 // they fit in an octet
	sizes := []int{1, 100, 5000, 70_000, 300_000}
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		for i := range rounds {
			size := sizes[i*7%len(sizes)]
			tsdu := bytes.Repeat([]byte{byte(i)}, size)
			if _, err := a.Send(transport.Never, []byte{byte(i)}, tsdu, transport.End|transport.SendFlag(i%2)*transport.Gather); err != nil {
				t.Errorf("Send: %v", err)
				return
			}
			if i%5 == 4 {
				a.Purge()
			}
		}
		a.Send(transport.Never, nil, []byte("over"), transport.End)
	}()
	last := -1
	for {
		tsdu := receive(t, b)
		if string(tsdu) == "over" {
			return
		}
		i := int(tsdu[0])
		for _, o := range tsdu {
			if o != tsdu[0] {
				t.Fatalf("a TSDU of %d octets that begins with %d has %d", len(tsdu), i, o)
			}
		}
		switch gathered := i%2 == 1; { // then it may have been cut
		case i < last || i == last && !gathered:
			t.Fatalf("TSDU %d after %d", i, last)
		case !gathered && len(tsdu) != 1+sizes[i*7%len(sizes)]:
			t.Fatalf("TSDU %d has %d octets", i, len(tsdu))
		}
		last = i
	}
}
