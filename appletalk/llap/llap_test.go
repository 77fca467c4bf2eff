package llap

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func TestCodec(t *testing.T) {
	for _, row := range []struct {
		f   Frame
		str string
		b   string
	}{
		{Frame{42, 42, TypeENQ, []byte{}}, "LLAP(42 to 42, ENQ, data=0)", "\x2a\x2a\x81"},     // L1
		{Frame{254, 254, TypeACK, []byte{}}, "LLAP(254 to 254, ACK, data=0)", "\xfe\xfe\x82"}, // L2
		{Frame{42, 254, TypeShort, []byte("\x00\x0b\x84\x04\x04\x02hello")}, "LLAP(254 to 42, short DDP, data=11)",
			"\x2a\xfe\x01\x00\x0b\x84\x04\x04\x02hello"}, // D5
	} {
		if got := row.f.Append(nil); string(got) != row.b {
			t.Errorf("%v is % x", row.f, got)
		}
		if got := row.f.String(); got != row.str {
			t.Errorf("%s, want %s", got, row.str)
		}
		f, err := Parse([]byte(row.b))
		if err != nil || f.String() != row.str || !bytes.Equal(f.Data, row.f.Data) {
			t.Errorf("% x is %v, %v", row.b, f, err)
		}
		for n := range HeaderSize {
			if _, err := Parse([]byte(row.b)[:n]); !errors.Is(err, ErrTruncated) {
				t.Errorf("%d octets: %v", n, err)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		b    []byte
		want Error
	}{
		{[]byte{1, 2, 0x81, 0}, ErrLength}, {[]byte{1, 2, 1, 0}, ErrLength}, {[]byte{1, 2, 0, 0, 0}, ErrType}, {[]byte{1, 2, 0x80}, ErrType},
		{[]byte{1, 2, 3, 0, 5}, ErrType}, {make([]byte, MaxFrame+1), ErrTooLong},
	} {
		if _, err := Parse(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("% x: %v, want %v", tt.b, err, tt.want)
		}
	}
}

// run lets time pass until the node has an address, while others hold some; it returns the ENQs that were sent.
func run(t *testing.T, a *Acquirer, now time.Time, held func(node uint8) bool) (enqs []uint8, took time.Duration) {
	t.Helper()
	begin := now
	for range 300 * (Probes + 1) {
		if now = a.Next(); now.IsZero() {
			return enqs, took
		}
		took = now.Sub(begin)
		f, ok := a.Tick(now)
		if !ok {
			continue
		}
		if f.Type != TypeENQ || f.Dst != f.Src {
			t.Fatalf("sent %v", f)
		}
		enqs = append(enqs, f.Dst)
		if held(f.Dst) {
			a.Control(now, Frame{Dst: f.Dst, Src: f.Dst, Type: TypeACK})
		}
	}
	t.Fatalf("no address after %v", took)
	return nil, 0
}

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func newAcquirer(server bool) *Acquirer { return NewAcquirer(server, rand.New(rand.NewPCG(1, 2))) }

func TestAcquire(t *testing.T) {
	for _, tt := range []struct {
		name        string
		server      bool
		hint        uint8
		held        func(uint8) bool
		first, last uint8
		enqs        int
	}{
		{"a server asks for 254", true, 0, func(uint8) bool { return false }, 254, 254, 8},
		{"a server whose 254 is held", true, 0, func(n uint8) bool { return n == 254 }, 1, 253, 9},
		{"a user", false, 0, func(uint8) bool { return false }, 1, 127, 8},
		{"the hint", false, 200, func(uint8) bool { return false }, 200, 200, 8},
		{"one of its class is free", false, 0, func(n uint8) bool { return n != 77 && n < 128 }, 77, 77, 0},
		{"its class has none", false, 0, func(n uint8) bool { return n < 128 }, 128, 254, 127 + 8},
		{"one is free of all", true, 0, func(n uint8) bool { return n != 3 }, 3, 3, 0},
	} {
		a := newAcquirer(tt.server)
		a.Start(start, tt.hint)
		enqs, took := run(t, a, start, tt.held)
		if a.Node() < tt.first || a.Node() > tt.last || tt.enqs != 0 && len(enqs) != tt.enqs {
			t.Errorf("%s: node %d after %d ENQs", tt.name, a.Node(), len(enqs))
		}
		if a.Taken == 0 && took != 2*time.Second {
			t.Errorf("%s: took %v", tt.name, took)
		}
	}
}

// TestAllTaken finds no free address, and one later.
func TestAllTaken(t *testing.T) {
	a := newAcquirer(true)
	a.Start(start, 0)
	n := 0
	_, took := run(t, a, start, func(uint8) bool { n++; return n <= 254 })
	if a.Node() == 0 || took < pause {
		t.Errorf("node %d after %v", a.Node(), took)
	}
}

func TestDefend(t *testing.T) {
	a := newAcquirer(true)
	a.Start(start, 0)
	run(t, a, start, func(uint8) bool { return false })
	for range 3 {
		f, ok := a.Control(start, Frame{Dst: 254, Src: 254, Type: TypeENQ})
		if !ok || f.String() != "LLAP(254 to 254, ACK, data=0)" {
			t.Fatalf("answered %v, %v", f, ok)
		}
	}
	for _, f := range []Frame{{Dst: 253, Src: 253, Type: TypeENQ}, {Dst: 254, Src: 254, Type: TypeACK}, {Dst: 254, Src: 9, Type: TypeRTS}} {
		if reply, ok := a.Control(start, f); ok || a.Node() != 254 {
			t.Errorf("%v: answered %v, and the node is %d", f, reply, a.Node())
		}
	}
}

// TestCandidates: neither answers nor gives up a candidate for what concerns another.
func TestCandidates(t *testing.T) {
	a := newAcquirer(true)
	a.Start(start, 0)
	a.Tick(start)
	for _, f := range []Frame{{Dst: 9, Src: 9, Type: TypeENQ}, {Dst: 9, Src: 9, Type: TypeACK}, {Dst: 254, Src: 3, Type: TypeRTS}} {
		if _, ok := a.Control(start, f); ok || a.candidate != 254 {
			t.Errorf("%v: candidate %d", f, a.candidate)
		}
	}
	if _, ok := a.Control(start, Frame{Dst: 254, Src: 254, Type: TypeENQ}); ok || a.candidate == 254 {
		t.Errorf("two ask for %d", a.candidate)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x2a\x2a\x81"))
	f.Add([]byte("\x2a\xfe\x01\x00\x0b\x84\x04\x04\x02hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := Parse(b)
		if err != nil {
			return
		}
		if again := fr.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("% x came back as % x", b, again)
		}
		a := newAcquirer(false)
		a.Start(start, 0)
		a.Control(start, fr)
		if n := a.candidate; n < 1 || n > lastNode {
			t.Fatalf("candidate %d", n)
		}
	})
}
