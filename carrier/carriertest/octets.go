package carriertest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tenuto-session/tenuto/carrier"
)

// source is an endless sequence of octets that depends on the seed alone; two of one seed are equal.
type source struct{ r *rand.ChaCha8 }

func newSource(seed byte) source { return source{rand.NewChaCha8([32]byte{seed})} }

func (s source) next(n int) []byte {
	b := make([]byte, n)
	s.r.Read(b)
	return b
}

// send writes total octets of the source in random portions, cut into random slices, by Write or TryWrite.
func send(c carrier.Conn, seed byte, total int) error {
	src, rnd := newSource(seed), rand.New(rand.NewPCG(uint64(seed), 1))
	for total > 0 {
		b := src.next(min(total, 1+rnd.IntN(100_000)>>rnd.IntN(17)))
		total -= len(b)
		bufs := cut(rnd, b)
		if rnd.IntN(2) == 0 {
			n, err := c.TryWrite(bufs...)
			if err != nil {
				return err
			}
			if n < 0 || n > len(b) {
				return errors.New("the count of a TryWrite is out of range")
			}
			bufs = [][]byte{b[n:]}
		}
		want := 0
		for _, p := range bufs {
			want += len(p)
		}
		if n, err := c.Write(bufs...); err != nil || n != want {
			return errors.Join(errors.New("a Write was short"), err)
		}
	}
	return nil
}

// cut divides b into up to 20 slices; some are empty.
func cut(rnd *rand.Rand, b []byte) [][]byte {
	var bufs [][]byte
	for range rnd.IntN(20) {
		k := rnd.IntN(len(b) + 1)
		bufs = append(bufs, b[:k])
		b = b[k:]
	}
	return append(bufs, b)
}

// receive reads total octets in random portions and compares them with the source's. ErrInterrupted is passed over.
func receive(c carrier.Conn, seed byte, total int) error {
	src, rnd := newSource(seed), rand.New(rand.NewPCG(uint64(seed), 2))
	for total > 0 {
		b := make([]byte, min(total, 1+rnd.IntN(100_000)>>rnd.IntN(17)))
		n, err := c.Read(b)
		if !bytes.Equal(b[:n], src.next(n)) {
			return errors.New("octets differ")
		}
		total -= n
		if err != nil && !errors.Is(err, carrier.ErrInterrupted) {
			return err
		}
	}
	return nil
}

func testOctets(t *testing.T, e env) {
	near, far := e.pair(t)
	const total = 8 << 20
	var errs [4]error
	done := []<-chan struct{}{
		start(func() { errs[0] = send(near, 1, total) }),
		start(func() { errs[1] = receive(far, 1, total) }),
		start(func() { errs[2] = send(far, 2, total) }),
		start(func() { errs[3] = receive(near, 2, total) }),
	}
	for i, what := range []string{"send near", "receive far", "send far", "receive near"} {
		wait(t, what, done[i])
		if errs[i] != nil {
			t.Errorf("%s: %v", what, errs[i])
		}
	}
}

func testWriteKeepsNothing(t *testing.T, e env) {
	near, far := e.pair(t)
	checkKeepsNothing(t, far, func(bufs ...[]byte) (int, error) { return near.Write(bufs...) })
}

func testTryWriteKeepsNothing(t *testing.T, e env) {
	near, far := e.pair(t)
	if !near.Features().TryWrite {
		t.Skip("no TryWrite")
	}
	checkKeepsNothing(t, far, func(bufs ...[]byte) (int, error) { return near.TryWrite(bufs...) })
}

// checkKeepsNothing writes slices, overwrites their octets as soon as write has returned, and reads them at the peer.
func checkKeepsNothing(t *testing.T, far carrier.Conn, write func(...[]byte) (int, error)) {
	for range 100 {
		bufs := [][]byte{[]byte("head"), nil, []byte("and"), []byte("tail")}
		before := slices.Clone(bufs)
		if n, err := write(bufs...); n != 11 || err != nil {
			t.Fatalf("write = %d, %v; want 11", n, err)
		}
		for i := range bufs {
			if len(bufs[i]) != len(before[i]) || len(bufs[i]) > 0 && &bufs[i][0] != &before[i][0] {
				t.Fatalf("slice %d was changed", i)
			}
		}
		if got := string(bytes.Join(bufs, nil)); got != "headandtail" {
			t.Fatalf("octets were changed to %q", got)
		}
		for _, b := range bufs {
			clear(b)
		}
		if got := readN(t, far, 11); string(got) != "headandtail" {
			t.Fatalf("got %q", got)
		}
	}
}

// readN reads n octets.
func readN(t *testing.T, c carrier.Conn, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	within(t, "Read", func() {
		for got := 0; got < n; {
			k, err := c.Read(b[got:])
			got += k
			if err != nil && got < n {
				t.Errorf("read %d of %d octets: %v", got, n, err)
				return
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return b
}

func testTryWriteFull(t *testing.T, e env) {
	near, far := e.pair(t)
	if !near.Features().TryWrite {
		t.Skip("no TryWrite")
	}
	src, sent := newSource(1), 0
	within(t, "TryWrite", func() {
		for b := []byte(nil); ; {
			if len(b) == 0 {
				b = src.next(64 << 10)
			}
			n, err := near.TryWrite(b[:len(b)/2], b[len(b)/2:])
			if err != nil {
				t.Errorf("TryWrite: %v", err)
				return
			}
			sent += n
			b = b[n:]
			if n == 0 {
				// The carrier is full; what this portion still lacks goes by Write, as in the endpoint.
				break
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Logf("full after %d octets", sent)

	const more = 1 << 20
	total := sent + more
	var errs [2]error
	again := newSource(1)
	again.next(sent)
	done := []<-chan struct{}{
		start(func() { _, errs[0] = near.Write(again.next(more)) }),
		start(func() { errs[1] = receive(far, 1, total) }),
	}
	for i, what := range []string{"Write", "Read"} {
		wait(t, what, done[i])
		if errs[i] != nil {
			t.Errorf("%s: %v", what, errs[i])
		}
	}
}

// testLeftOver writes to a carrier that is full most of the time by TryWrite and Write in turns, each time a random part of what
// is due and sliced anew.
func testLeftOver(t *testing.T, e env) {
	near, far := e.pair(t)
	if !near.Features().TryWrite {
		t.Skip("no TryWrite")
	}
	const total = 16 << 20
	var errs [2]error
	done := []<-chan struct{}{
		start(func() { errs[0] = sendTrying(near, 1, total) }),
		start(func() { errs[1] = receive(far, 1, total) }),
	}
	for i, what := range []string{"TryWrite and Write", "Read"} {
		wait(t, what, done[i])
		if errs[i] != nil {
			t.Errorf("%s: %v", what, errs[i])
		}
	}
}

func sendTrying(c carrier.Conn, seed byte, total int) error {
	src, rnd := newSource(seed), rand.New(rand.NewPCG(uint64(seed), 3))
	var due []byte
	for total > 0 || len(due) > 0 {
		if more := min(total, rnd.IntN(400_000)); len(due) < 100_000 && more > 0 {
			due = append(due, src.next(more)...)
			total -= more
		}
		part := due[:len(due)-rnd.IntN(len(due)+1)>>rnd.IntN(17)]
		n, err := c.TryWrite(cut(rnd, part)...)
		if err != nil || n < 0 || n > len(part) {
			return fmt.Errorf("a TryWrite of %d octets returned %d and %v", len(part), n, err)
		}
		if n < len(part) && rnd.IntN(4) == 0 {
			// The rest of this part, or of the whole, or a little of it.
			rest := [][]byte{part[n:], due[n:], part[n : n+1]}[rnd.IntN(3)]
			k, err := c.Write(cut(rnd, rest)...)
			if err != nil || k != len(rest) {
				return fmt.Errorf("a Write of %d octets returned %d and %v", len(rest), k, err)
			}
			n += k
		}
		due = due[n:]
	}
	return nil
}

func testNoTryWrite(t *testing.T, e env) {
	near, _ := e.pair(t)
	if near.Features().TryWrite {
		t.Skip("it can")
	}
	if n, err := near.TryWrite([]byte("x")); n != 0 || err != nil {
		t.Errorf("TryWrite = %d, %v; want 0, nil", n, err)
	}
}
