package carriertest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/tenuto-session/tenuto/carrier"
)

func testInterrupt(t *testing.T, e env) {
	near, far := e.pair(t)
	if !near.Features().Interruptible {
		t.Skip("not interruptible")
	}
	// Whether the Read waits already when it is interrupted is up to the scheduler; both must end it.
	for range 500 {
		var err error
		done := start(func() { _, err = near.Read(make([]byte, 1)) })
		near.Interrupt()
		wait(t, "Read", done)
		if !errors.Is(err, carrier.ErrInterrupted) {
			t.Fatalf("Read: %v; want ErrInterrupted", err)
		}
	}
	near.Interrupt()
	var err error
	within(t, "Read", func() { _, err = near.Read(make([]byte, 1)) })
	if !errors.Is(err, carrier.ErrInterrupted) {
		t.Fatalf("the next Read: %v; want ErrInterrupted", err)
	}
	// Still whole.
	for _, c := range [][2]carrier.Conn{{near, far}, {far, near}} {
		if _, err := c[0].Write([]byte("whole")); err != nil {
			t.Fatal(err)
		}
		if got := readN(t, c[1], 5); string(got) != "whole" {
			t.Fatalf("got %q", got)
		}
	}
}

func testInterruptTwice(t *testing.T, e env) {
	near, far := e.pair(t)
	if !near.Features().Interruptible {
		t.Skip("not interruptible")
	}
	near.Interrupt()
	near.Interrupt()
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	within(t, "Read", func() {
		n, err := near.Read(b)
		if !errors.Is(err, carrier.ErrInterrupted) {
			t.Errorf("first Read = %d, %v; want ErrInterrupted", n, err)
		}
		if n == 1 {
			return
		}
		if n, err := near.Read(b); n != 1 || err != nil {
			t.Errorf("second Read = %d, %v; want 1 octet", n, err)
		}
	})
}

func testInterruptLosesNothing(t *testing.T, e env) {
	near, far := e.pair(t)
	if !near.Features().Interruptible {
		t.Skip("not interruptible")
	}
	const total = 8 << 20
	var errs [2]error
	sender := start(func() { errs[0] = send(far, 1, total) })
	reader := start(func() { errs[1] = receive(near, 1, total) })
	stop := make(chan struct{})
	interrupter := start(func() {
		for {
			select {
			case <-stop:
				return
			default:
				near.Interrupt()
			}
		}
	})
	wait(t, "send", sender)
	wait(t, "receive", reader)
	close(stop)
	wait(t, "Interrupt", interrupter)
	if err := errors.Join(errs[:]...); err != nil {
		t.Error(err)
	}
}

// fill writes until the carrier breaks, and returns why.
func fill(c carrier.Conn) error {
	b := make([]byte, 1<<20)
	for {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
}

func testCloseHere(t *testing.T, e env) {
	near, _ := e.pair(t)
	checkClose(t, near, near)
}

func testCloseThere(t *testing.T, e env) {
	near, far := e.pair(t)
	checkClose(t, near, far)
}

// checkClose lets c read and write, closes by, and wants both calls of c ended.
func checkClose(t *testing.T, c, by carrier.Conn) {
	var rerr, werr error
	r := start(func() { _, rerr = c.Read(make([]byte, 1)) })
	w := start(func() { werr = fill(c) })
	by.Close()
	wait(t, "Read", r)
	wait(t, "Write", w)
	for what, err := range map[string]error{"Read": rerr, "Write": werr} {
		if err == nil || errors.Is(err, carrier.ErrInterrupted) {
			t.Errorf("%s after Close: %v; want an error", what, err)
		}
	}
	by.Close() // again: no panic
	c.Interrupt()
	within(t, "Read", func() {
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("Read later = %d, %v; want an error", n, err)
		}
	})
	within(t, "TryWrite", func() {
		if n, err := c.TryWrite([]byte("x")); n != 0 || err == nil && c.Features().TryWrite {
			t.Errorf("TryWrite later = %d, %v; want an error", n, err)
		}
	})
}

func testWriteThenClose(t *testing.T, e env) {
	near, far := e.pair(t)
	want := newSource(3).next(20_000) // less than any buffer on the way
	if _, err := near.Write(want); err != nil {
		t.Fatal(err)
	}
	near.Close()
	if got := readN(t, far, len(want)); !bytes.Equal(got, want) {
		t.Error("octets differ")
	}
	within(t, "Read", func() {
		if n, err := far.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("Read at the end = %d, %v; want an error", n, err)
		}
	})
}

// testSecrets checks the secrets of both ends of two carriers.
func testSecrets(t *testing.T, ends [4]carrier.Conn) {
	var secrets [len(ends)][]byte
	for i, c := range ends {
		secrets[i] = c.Secret()
		if (secrets[i] == nil) != (c.Binding() == nil) {
			t.Errorf("binding %x with secret %x: a carrier has both or neither", c.Binding(), secrets[i])
		}
		if !bytes.Equal(secrets[i], c.Secret()) {
			t.Errorf("the secret changed from %x", secrets[i])
		}
	}
	if !bytes.Equal(secrets[0], secrets[1]) || !bytes.Equal(secrets[2], secrets[3]) {
		t.Errorf("secrets differ between the ends: %x", secrets)
	}
	if s := secrets[0]; s != nil && (len(s) != 32 || bytes.Equal(s, secrets[2]) || bytes.Equal(s, ends[0].Binding())) {
		t.Errorf("secret %x, another carrier's %x, binding %x; want 32 octets of its own", s, secrets[2], ends[0].Binding())
	}
}

func testProperties(t *testing.T, e env) {
	near, far := e.pair(t)
	if !bytes.Equal(near.Binding(), far.Binding()) {
		t.Errorf("bindings differ: %x, %x", near.Binding(), far.Binding())
	}
	near2, far2 := e.pair(t)
	if b := near.Binding(); b != nil && (bytes.Equal(b, near2.Binding()) || bytes.Equal(b, far2.Binding())) {
		t.Errorf("two carriers have the binding %x", b)
	}
	if b := near.Binding(); !bytes.Equal(b, near.Binding()) {
		t.Errorf("the binding changed from %x", b)
	}
	testSecrets(t, [...]carrier.Conn{near, far, near2, far2})
	if near.Features() != near2.Features() {
		t.Errorf("features differ between carriers: %+v, %+v", near.Features(), near2.Features())
	}
	if near.Features().Local != far.Features().Local {
		t.Errorf("one end is local and the other is not: %+v, %+v", near.Features(), far.Features())
	}
	for _, c := range []carrier.Conn{near, far} {
		if c.LocalAddr() == nil || c.RemoteAddr() == nil {
			t.Errorf("addresses %v, %v; want both", c.LocalAddr(), c.RemoteAddr())
		}
	}
}

// A peer that says nothing must not keep others from being accepted.
func testAccept(t *testing.T, e env) {
	ln, u := e.listener(t)
	ctx, cancel := context.WithCancel(t.Context())
	var dials [2]<-chan struct{}
	for i := range dials {
		dials[i] = start(func() {
			if c, err := e.network.Dial(ctx, u); err == nil {
				defer c.Close()
				<-ctx.Done()
			}
		})
		var c carrier.Conn
		within(t, "Accept", func() { c, _ = ln.Accept() })
		if c == nil {
			t.Error("Accept returned no carrier")
			continue
		}
		defer c.Close()
	}
	cancel()
	for _, d := range dials {
		wait(t, "Dial", d)
	}
}

func testListenerClose(t *testing.T, e env) {
	ln, _ := e.listener(t)
	var err error
	done := start(func() { _, err = ln.Accept() })
	ln.Close()
	wait(t, "Accept", done)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("waiting Accept: %v; want net.ErrClosed", err)
	}
	within(t, "Accept", func() { _, err = ln.Accept() })
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v; want net.ErrClosed", err)
	}
	ln.Close() // again: no panic

	// A carrier outlives the listener that accepted it: pair closes the listener.
	near, far := e.pair(t)
	if _, err := near.Write([]byte("on")); err != nil {
		t.Fatal(err)
	}
	readN(t, far, 2)
}

func testRefused(t *testing.T, e env) {
	ln, u := e.listener(t)
	ln.Close()
	within(t, "Dial", func() {
		c, err := e.network.Dial(t.Context(), u)
		if err == nil {
			c.Close()
			t.Error("Dial without a listener succeeded")
		}
	})
}

func testDialContext(t *testing.T, e env) {
	ln, u := e.listener(t)
	if _, err := e.network.Dial(canceled(t), u); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v; want context.Canceled", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	near, far := e.dial(t, ctx, ln, u)
	cancel()
	if _, err := near.Write([]byte("on")); err != nil {
		t.Fatalf("Write after the Dial's context ended: %v", err)
	}
	readN(t, far, 2)
}
