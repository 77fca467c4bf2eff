package tls

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

// Read allocates what crypto/tls does, which is one small thing for each time that it asks for octets.
func TestWriteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	near, far := pair(t, &Network{})
	bufs := [][]byte{bytes.Repeat([]byte("h"), 16), bytes.Repeat([]byte("p"), 20_000), []byte("t")}
	for name, write := range map[string]func(...[]byte) (int, error){"TryWrite": near.TryWrite, "Write": near.Write} {
		if name == "TryWrite" && !socket.CanTryWrite {
			continue
		}
		for slices := 1; slices <= len(bufs); slices++ {
			written := 0
			got := testing.AllocsPerRun(5, func() {
				n, err := write(bufs[:slices]...)
				if err != nil || n == 0 {
					t.Fatalf("%s = %d, %v", name, n, err)
				}
				written += n
			})
			if got != 0 {
				t.Errorf("%s of %d slices: %v allocations; want 0", name, slices, got)
			}
			if _, err := io.CopyN(io.Discard, far, int64(written)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A header and what follows are one record, and a record is full if it can be.
func TestRecords(t *testing.T) {
	near, far := pair(t, &Network{})
	head := make([]byte, 16)
	for _, tt := range []struct {
		bufs [][]byte
		want []int // octets in each record
	}{
		{[][]byte{head}, []int{16}},
		{[][]byte{head, nil, head[:1], head}, []int{33}},
		{[][]byte{nil, head, make([]byte, 100), nil}, []int{116}},
		{[][]byte{make([]byte, maxPlain)}, []int{maxPlain}},
		{[][]byte{head, make([]byte, 2*maxPlain)}, []int{maxPlain, maxPlain, 16}},
		{[][]byte{head, make([]byte, 2*maxPlain), head, make([]byte, 3*maxPlain)}, []int{maxPlain, maxPlain, maxPlain, maxPlain, maxPlain, 32}},
		{[][]byte{make([]byte, maxPlain+1), head}, []int{maxPlain, 17}},
	} {
		if _, err := near.Write(tt.bufs...); err != nil {
			t.Fatal(err)
		}
		var got []int
		b := make([]byte, 2*maxPlain)
		for range tt.want {
			n, err := far.Read(b) // of one record at most
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, n)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("records of %d octets; want %d", got, tt.want)
		}
	}
}

// Four full records and a tail go to the kernel together, and what crypto/tls then says by itself has room beside them.
func TestBatch(t *testing.T) {
	near, _ := pair(t, &Network{})
	near.inner.hold()
	for i := range batch {
		if !near.inner.fits(maxPlain) {
			t.Fatalf("%d records do not fit", i+1)
		}
		if _, err := near.tls.Write(make([]byte, maxPlain)); err != nil {
			t.Fatal(err)
		}
		if want := (i + 1) * (maxPlain + overhead); near.inner.w != want {
			t.Fatalf("%d records have %d octets; want %d", i+1, near.inner.w, want)
		}
	}
	if near.inner.fits(maxPlain) || !near.inner.fits(1<<10) {
		t.Errorf("another record fits: %v; a tail fits: %v", near.inner.fits(maxPlain), near.inner.fits(1<<10))
	}
	if n := blockSize - near.inner.w; n < spare {
		t.Errorf("%d octets are spare; want %d", n, spare)
	}
}

// fillUp writes until the kernel takes no more and a part of a record waits.
func fillUp(t *testing.T, c *conn) {
	t.Helper()
	if !socket.CanTryWrite {
		t.Skip("no TryWrite")
	}
	b := make([]byte, 1<<20)
	for {
		n, err := c.TryWrite(b)
		if err != nil {
			t.Fatal(err)
		}
		if n < len(b) {
			return
		}
	}
}

// A peer that asks for new keys and reads no answer does not fill the memory.
func TestAnswersAreBounded(t *testing.T) {
	near, _ := pair(t, &Network{})
	fillUp(t, near)
	answer := make([]byte, 5+5+1+16)
	for range blockSize/len(answer) + 1 {
		if _, err := near.inner.Write(answer); err != nil {
			if err != errFlood {
				t.Errorf("%v; want errFlood", err)
			}
			return
		}
	}
	t.Errorf("more than %d octets wait", blockSize)
}

// Nothing is held by a carrier at rest, and what is at rest is not disturbed by a writer that comes again with nothing.
func TestNothingIsHeldAtRest(t *testing.T) {
	near, far := pair(t, &Network{})
	fillUp(t, near)
	if near.inner.rest == nil || near.out.ahead == 0 {
		t.Fatalf("full, and nothing waits: %d octets ahead", near.out.ahead)
	}
	ahead := near.out.ahead
	if n, err := near.TryWrite(); n != 0 || err != nil || near.out.ahead != ahead {
		t.Errorf("TryWrite of nothing = %d, %v, and %d octets ahead; want 0, nil, %d", n, err, near.out.ahead, ahead)
	}
	done := make(chan error)
	go func() {
		_, err := near.Write(make([]byte, ahead))
		near.Close()
		done <- err
	}()
	if _, err := io.Copy(io.Discard, far); err != nil {
		t.Errorf("Read: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Write: %v", err)
	}
	if near.inner.rest != nil || near.out.ahead != 0 {
		t.Errorf("at rest, and %d octets are ahead", near.out.ahead)
	}
}

// A key is used so often and no more; what was written before is whole.
func TestKeyWearsOut(t *testing.T) {
	near, far := pair(t, &Network{})
	near.out.records = maxRecords - 2
	if n, err := near.Write(make([]byte, 2*maxPlain)); n != 2*maxPlain || err != nil {
		t.Fatalf("Write of the last records = %d, %v", n, err)
	}
	for range 2 {
		if n, err := near.Write([]byte("x")); n != 0 || err != errWorn {
			t.Errorf("Write = %d, %v; want errWorn", n, err)
		}
	}
	if _, err := io.ReadFull(far, make([]byte, 2*maxPlain)); err != nil {
		t.Error(err)
	}
}

// An end at the peer is an io.EOF, with TLS's goodbye and without.
func TestEndIsEOF(t *testing.T) {
	for name, end := range map[string]func(*conn){
		"Close":      func(c *conn) { c.Close() },
		"TCP's end":  func(c *conn) { c.inner.TCPConn.Close() },
		"a full one": func(c *conn) { c.Write(make([]byte, 1000)); c.Close() },
	} {
		near, far := pair(t, &Network{})
		end(near)
		if _, err := io.Copy(io.Discard, readerOnly{far}); err != nil {
			t.Errorf("%s: %v; want io.EOF", name, err)
		}
		if n, err := far.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: Read again = %d, %v; want io.EOF", name, n, err)
		}
	}
}

type readerOnly struct{ io.Reader }

func TestErrorsAreTold(t *testing.T) {
	near, far := pair(t, &Network{})
	near.Close()
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v; want net.ErrClosed", err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v; want net.ErrClosed", err)
	}
	// Octets that are no record.
	spoiled, far2 := pair(t, &Network{})
	if _, err := spoiled.inner.TCPConn.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := far2.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("Read of no record: %v; want an error", err)
	}
	far.Close()
}
