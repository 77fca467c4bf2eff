// Package linktest is the suite that every kind of link passes.
//
//	func TestLink(t *testing.T) { linktest.Run(t, func(t *testing.T) (a, b link.Link) { … }) }
package linktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/link"
)

// patience is how long a call may take that should return at once. It passes only in a test that fails.
const patience = 20 * time.Second

// MACs of the two ends that the links are made with, if they are on an Ethernet.
var (
	MacA = decnet.NewAddr(1, 1).MAC()
	MacB = decnet.NewAddr(1, 2).MAC()
)

// Run checks two links to each other, which open makes anew each time.
func Run(t *testing.T, open func(t *testing.T) (a, b link.Link)) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, link.Link, link.Link)
	}{
		{"packets arrive whole and in order, both ways", testPackets},
		{"Send keeps nothing and changes nothing", testKeepsNothing},
		{"the largest packet arrives, and one too large does no harm", testLarge},
		{"a batch arrives", testBatch},
		{"Close ends Receive", testClose},
		{"it comes up again", testAgain},
		{"a context ends Open", testContext},
		{"the link's Close ends all", testCloseLink},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t)
			t.Cleanup(func() { a.Close(); b.Close() })
			if a.Properties() != b.Properties() || a.String() == "" {
				t.Errorf("%v: %+v; %v: %+v", a, a.Properties(), b, b.Properties())
			}
			c.run(t, a, b)
		})
	}
}

// up opens both links.
func up(t *testing.T, a, b link.Link) (ca, cb link.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	var errs [2]error
	wg.Go(func() { ca, errs[0] = a.Open(ctx) })
	wg.Go(func() { cb, errs[1] = b.Open(ctx) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ca.Close(); cb.Close() })
	return ca, cb
}

// reader collects what a Conn receives, from now on.
type reader struct {
	packets chan link.Packet
	err     error
}

func read(t *testing.T, c link.Conn) *reader {
	r := &reader{packets: make(chan link.Packet, 1024)}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(r.packets)
		for {
			ps, err := c.Receive()
			for _, p := range ps {
				r.packets <- link.Packet{Data: bytes.Clone(p.Data), MAC: p.MAC}
			}
			if err != nil {
				r.err = err
				return
			}
		}
	})
	t.Cleanup(func() { c.Close(); wg.Wait() })
	return r
}

func (r *reader) want(t *testing.T, want []byte, from decnet.MAC) {
	t.Helper()
	select {
	case p, ok := <-r.packets:
		if !ok {
			t.Fatalf("it has ended: %v", r.err)
		}
		if !bytes.Equal(p.Data, want) {
			t.Fatalf("got %d octets % x, want %d", len(p.Data), p.Data[:min(20, len(p.Data))], len(want))
		}
		if from != (decnet.MAC{}) && p.MAC != from {
			t.Fatalf("from %v, want %v", p.MAC, from)
		}
	case <-time.After(patience):
		t.Fatal("nothing has come")
	}
}

func send(t *testing.T, c link.Conn, to decnet.MAC, packets ...[]byte) {
	t.Helper()
	var ps []link.Packet
	for _, b := range packets {
		ps = append(ps, link.Packet{Data: b, MAC: to})
	}
	if err := c.Send(ps); err != nil {
		t.Fatal(err)
	}
}

// froms are the addresses that packets come from, if it is an Ethernet.
func froms(l link.Link) (a, b decnet.MAC) {
	if l.Properties().Ethernet {
		return MacA, MacB
	}
	return
}

func packet(n int) []byte {
	b := make([]byte, 20+n%500)
	copy(b, fmt.Sprintf("packet %d", n))
	return b
}

func testPackets(t *testing.T, a, b link.Link) {
	ca, cb := up(t, a, b)
	ra, rb := read(t, ca), read(t, cb)
	fa, fb := froms(a)
	for i := range 200 { // by turns, so that no socket's buffer is full
		send(t, ca, MacB, packet(i))
		rb.want(t, packet(i), fa)
		send(t, cb, MacA, packet(i))
		ra.want(t, packet(i), fb)
	}
}

func testKeepsNothing(t *testing.T, a, b link.Link) {
	ca, cb := up(t, a, b)
	rb := read(t, cb)
	buf := make([]byte, 100)
	for i := range 50 {
		copy(buf, packet(i))
		keep := bytes.Clone(buf)
		send(t, ca, MacB, buf)
		if !bytes.Equal(buf, keep) {
			t.Fatal("Send has changed the packet")
		}
		clear(buf)
		rb.want(t, keep, decnet.MAC{})
	}
}

func testLarge(t *testing.T, a, b link.Link) {
	ca, cb := up(t, a, b)
	rb := read(t, cb)
	large := bytes.Repeat([]byte("large"), a.Properties().MaxBlock)
	send(t, ca, MacB, large, large[:a.Properties().MaxBlock])
	rb.want(t, large[:a.Properties().MaxBlock], decnet.MAC{})
}

func testBatch(t *testing.T, a, b link.Link) {
	ca, cb := up(t, a, b)
	rb := read(t, cb)
	var batch [][]byte
	for i := range 30 {
		batch = append(batch, packet(i))
	}
	send(t, ca, MacB, batch...)
	for i := range batch {
		rb.want(t, packet(i), decnet.MAC{})
	}
}

func testClose(t *testing.T, a, b link.Link) {
	ca, _ := up(t, a, b)
	done := make(chan error, 1)
	go func() { _, err := ca.Receive(); done <- err }()
	ca.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("Receive after Close has no error")
		}
	case <-time.After(patience):
		t.Fatal("Receive does not return")
	}
	ca.Close() // again: no panic
}

func testAgain(t *testing.T, a, b link.Link) {
	for range 3 {
		ca, cb := up(t, a, b)
		rb := read(t, cb)
		send(t, ca, MacB, packet(7))
		rb.want(t, packet(7), decnet.MAC{})
		ca.Close()
		cb.Close()
	}
}

func testContext(t *testing.T, a, b link.Link) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := a.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v, %v; want context.Canceled", c, err)
	}
	up(t, a, b) // it does no harm
}

func testCloseLink(t *testing.T, a, b link.Link) {
	ca, _ := up(t, a, b)
	done := make(chan error, 1)
	go func() { _, err := ca.Receive(); done <- err }()
	a.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("Receive has no error")
		}
	case <-time.After(patience):
		t.Fatal("Receive does not return")
	}
	if _, err := a.Open(t.Context()); err == nil {
		t.Error("a closed link opens")
	}
	a.Close() // again: no panic
}
