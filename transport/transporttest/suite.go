// Package transporttest is the suite that every [transport.Conn] passes, and [Pipe], a transport connection in memory for the
// tests of what stands on one.
//
//	func TestConn(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) (a, b transport.Conn) { return open(t) })
//	}
//
// # Limitations
//
// The suite wants a window of at least 4 KiB. How far Purge withdraws is the transport's affair: the suite checks that no TSDU comes out torn.
package transporttest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/transport"
)

// patience bounds what a test waits for. Nothing takes that long unless it is broken.
const patience = 20 * time.Second

// Lacks are what the protocol of a kind of transport has no word for, as a set of bits. Its own tests say what it does instead.
type Lacks uint8

const (
	// Reasons: a disconnect arrives, but not why; that is transport.ReasonNormal then.
	Reasons Lacks = 1 << iota
	// Cuts: a receiver is not told that a TSDU of which it has a part was purged.
	Cuts
)

// Run runs the suite. open returns the two ends of a new connection, which it ends when the test is over.
func Run(t *testing.T, open func(t *testing.T) (a, b transport.Conn)) { RunWithout(t, 0, open) }

// RunWithout runs the suite but for what the transport lacks.
func RunWithout(t *testing.T, l Lacks, open func(t *testing.T) (a, b transport.Conn)) {
	for _, test := range []struct {
		name string
		f    func(t *testing.T, a, b transport.Conn)
	}{
		{"Order", testOrder},
		{"Parts", testParts},
		{"Gather", testGather},
		{"CancelReceive", testCancelReceive},
		{"CancelSend", testCancelSend},
		{"FlowControl", testFlowControl},
		{"NoWait", testNoWait},
		{"ExpeditedOvertakes", testExpeditedOvertakes},
		{"ExpeditedOrder", testExpeditedOrder},
		{"ExpeditedInSend", testExpeditedInSend},
		{"Purge", l.testPurge},
		{"PurgeReceived", l.testPurgeReceived},
		{"Disconnect", l.testDisconnect},
		{"DisconnectPending", testDisconnectPending},
		{"DisconnectAfter", testDisconnectAfter},
		{"DisconnectAfterPeer", testDisconnectAfterPeer},
		{"Drain", testDrain},
		{"Notify", testNotify},
		{"Addresses", testAddresses},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := open(t)
			test.f(t, a, b)
		})
	}
}

// A canceller is a Cancel that tells when it is asked.
type canceller struct {
	once  sync.Once
	asked chan struct{}
	err   atomic.Pointer[error]
}

var errCancelled = errors.New("transporttest: cancelled")

func newCanceller() *canceller { return &canceller{asked: make(chan struct{})} }

func (c *canceller) Err() error {
	c.once.Do(func() { close(c.asked) })
	if e := c.err.Load(); e != nil {
		return *e
	}
	return nil
}

// cancel makes the calls that wait on c give up.
func (c *canceller) cancel(tc transport.Conn) {
	c.err.Store(&errCancelled)
	tc.Wake()
}

func wait(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: nothing happened", what)
	}
}

// start runs f and returns a channel that is closed when it is done.
func start(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}

func send(t *testing.T, c transport.Conn, b []byte, f transport.SendFlag) {
	t.Helper()
	if n, err := c.Send(transport.Never, nil, b, f); n != len(b) || err != nil {
		t.Fatalf("Send of %d octets: %d, %v", len(b), n, err)
	}
}

// receive reads a TSDU with a buffer of the given size.
func receive(t *testing.T, c transport.Conn, size int) []byte {
	t.Helper()
	var all []byte
	b := make([]byte, size)
	for {
		n, end, err := c.Receive(transport.Never, b)
		if err != nil {
			t.Fatalf("Receive after %d octets of a TSDU: %v", len(all), err)
		}
		all = append(all, b[:n]...)
		if end {
			return all
		}
		if n == 0 {
			t.Fatal("Receive: neither octets nor an end")
		}
	}
}

func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = seed + byte(i) + byte(i>>8)
	}
	return b
}

// testOrder sends TSDUs of many sizes both ways at once.
func testOrder(t *testing.T, a, b transport.Conn) {
	sizes := func(seed uint64) (s []int) {
		r := rand.New(rand.NewPCG(seed, 0))
		for range 200 {
			s = append(s, 1+r.IntN(1<<r.IntN(18)))
		}
		return s
	}
	one := func(from, to transport.Conn, seed uint64) (done [2]<-chan struct{}) {
		done[0] = start(func() {
			for i, n := range sizes(seed) {
				if m, err := from.Send(transport.Never, nil, pattern(n, byte(i)), transport.End); m != n || err != nil {
					t.Errorf("Send of %d octets: %d, %v", n, m, err)
					return
				}
			}
		})
		done[1] = start(func() {
			buf := make([]byte, 5000)
			for i, n := range sizes(seed) {
				var got []byte
				for end := false; !end; {
					m, e, err := to.Receive(transport.Never, buf)
					if err != nil {
						t.Errorf("Receive: %v", err)
						return
					}
					got, end = append(got, buf[:m]...), e
				}
				if !bytes.Equal(got, pattern(n, byte(i))) {
					t.Errorf("TSDU %d of %d octets differs: %d octets", i, n, len(got))
					return
				}
			}
		})
		return done
	}
	for _, d := range [][2]<-chan struct{}{one(a, b, 1), one(b, a, 2)} {
		wait(t, d[0], "sending")
		wait(t, d[1], "receiving")
	}
}

// testParts sends a TSDU in parts, the last of which is an end alone.
func testParts(t *testing.T, a, b transport.Conn) {
	if n, err := a.Send(transport.Never, []byte("head"), []byte("one"), 0); n != 3 || err != nil {
		t.Fatalf("Send: %d, %v", n, err)
	}
	send(t, a, []byte("two"), 0)
	send(t, a, nil, transport.End)
	if got := receive(t, b, 4); string(got) != "headonetwo" {
		t.Errorf("received %q", got)
	}
	if n, err := a.Send(transport.Never, []byte("head"), nil, transport.End); n != 0 || err != nil {
		t.Fatalf("Send of a head: %d, %v", n, err)
	}
	if got := receive(t, b, 100); string(got) != "head" {
		t.Errorf("received %q", got)
	}
	// A part is there before the rest of its TSDU.
	send(t, a, []byte("early"), 0)
	buf := make([]byte, 5)
	for n := 0; n < 5; {
		m, end, err := b.Receive(transport.Never, buf[n:])
		if err != nil || end {
			t.Fatalf("Receive of a part: %d, %v, %v", m, end, err)
		}
		n += m
	}
	send(t, a, []byte("late"), transport.End)
	if got := receive(t, b, 100); string(got) != "late" {
		t.Errorf("received %q", got)
	}
}

// testGather writes a stream in pieces of all sizes: each TSDU that comes out begins with the head, and nothing is missing.
func testGather(t *testing.T, a, b transport.Conn) {
	head := []byte{1, 0, 1, 0}
	want := pattern(3<<20, 3)
	done := start(func() {
		r := rand.New(rand.NewPCG(3, 0))
		for rest := want; len(rest) > 0; {
			part := rest[:min(1+r.IntN(1<<r.IntN(20)), len(rest))]
			rest = rest[len(part):]
			if n, err := a.Send(transport.Never, head, part, transport.End|transport.Gather); n != len(part) || err != nil {
				t.Errorf("Send: %d of %d, %v", n, len(part), err)
				return
			}
		}
	})
	var got []byte
	for len(got) < len(want) {
		tsdu := receive(t, b, 70000)
		if !bytes.HasPrefix(tsdu, head) {
			t.Fatalf("after %d octets a TSDU of %d begins with % x", len(got), len(tsdu), tsdu[:min(4, len(tsdu))])
		}
		got = append(got, tsdu[4:]...)
	}
	wait(t, done, "sending")
	if !bytes.Equal(got, want) {
		t.Error("octets differ")
	}
	// Another head, and a TSDU without Gather, are TSDUs of their own.
	for i, h := range []string{"h1", "h2"} {
		if _, err := a.Send(transport.Never, []byte(h), []byte{byte(i)}, transport.End|transport.Gather); err != nil {
			t.Fatal(err)
		}
	}
	send(t, a, []byte("x"), transport.End)
	for _, want := range []string{"h1\x00", "h2\x01", "x"} {
		if got := receive(t, b, 10); string(got) != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
}

func testCancelReceive(t *testing.T, a, b transport.Conn) {
	c := newCanceller()
	var err error
	done := start(func() { _, _, err = b.Receive(c, make([]byte, 1)) })
	wait(t, c.asked, "Receive begins to wait")
	b.Wake() // not cancelled: it goes on waiting
	c.cancel(b)
	wait(t, done, "cancelled Receive")
	if err != errCancelled {
		t.Fatalf("Receive: %v", err)
	}
	send(t, a, []byte("still"), transport.End)
	if got := receive(t, b, 10); string(got) != "still" {
		t.Errorf("received %q", got)
	}
}

// fill sends parts of one TSDU until the flow is full, and returns how many octets were accepted.
func fill(t *testing.T, c transport.Conn) (n int) {
	t.Helper()
	part := pattern(1<<20, 0)
	for range 1000 {
		cancel := newCanceller()
		cancel.err.Store(&errCancelled)
		m, err := c.Send(cancel, nil, part, 0)
		n += m
		if err == errCancelled {
			return n
		}
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	t.Fatal("a gigabyte was accepted and nothing received")
	return 0
}

// testCancelSend gives up in the middle of a TSDU, and goes on with it.
func testCancelSend(t *testing.T, a, b transport.Conn) {
	want := pattern(16<<20, 0)
	c := newCanceller()
	var n int
	var err error
	done := start(func() { n, err = a.Send(c, nil, want, transport.End) })
	wait(t, c.asked, "Send begins to wait")
	c.cancel(a)
	wait(t, done, "cancelled Send")
	if err != errCancelled || n >= len(want) {
		t.Fatalf("Send: %d, %v", n, err)
	}
	done = start(func() {
		var m int
		if m, err = a.Send(transport.Never, nil, want[n:], transport.End); m != len(want)-n {
			t.Errorf("Send of the rest: %d of %d, %v", m, len(want)-n, err)
		}
	})
	if got := receive(t, b, 1<<20); !bytes.Equal(got, want) {
		t.Errorf("received %d octets that differ", len(got))
	}
	wait(t, done, "Send of the rest")
}

// testFlowControl: a Send that waits goes on when the peer receives.
func testFlowControl(t *testing.T, a, b transport.Conn) {
	want := pattern(16<<20, 3) // more than any window
	c := newCanceller()
	done := start(func() {
		if _, err := a.Send(c, nil, want, transport.End); err != nil {
			t.Errorf("Send: %v", err)
		}
	})
	wait(t, c.asked, "Send begins to wait")
	if got := receive(t, b, 1<<16); !bytes.Equal(got, want) {
		t.Errorf("received %d octets, want %d", len(got), len(want))
	}
	wait(t, done, "Send")
}

// testNoWait: an answer leaves though the flow is full.
func testNoWait(t *testing.T, a, b transport.Conn) {
	n := fill(t, a)
	send(t, a, nil, transport.End|transport.NoWait)
	answer := pattern(1000, 9)
	if m, err := a.Send(transport.Never, nil, answer, transport.End|transport.NoWait); m != len(answer) || err != nil {
		t.Fatalf("Send with NoWait: %d, %v", m, err)
	}
	if got := receive(t, b, 1<<16); len(got) != n {
		t.Errorf("received %d octets, want %d", len(got), n)
	}
	if got := receive(t, b, 100); !bytes.Equal(got, answer) {
		t.Errorf("received %d octets, want the answer", len(got))
	}
}

func testAddresses(t *testing.T, a, b transport.Conn) {
	if a.LocalAddr().String() == "" || a.LocalAddr().Network() == "" || b.RemoteAddr().String() == "" {
		t.Error("an address is empty")
	}
	if a.HasExpedited() != b.HasExpedited() {
		t.Error("the two ends differ about the expedited flow")
	}
}
