package endpoint

import (
	"bytes"
	"testing"

	"github.com/tenuto-session/tenuto/bridge"
)

// tsdus takes a stream's octets apart, in pieces of the given sizes, into TSDUs; an unfinished one is the last.
func tsdus(octets []byte, in, out int) (all [][]byte, bad bool) {
	var r recordReader
	cur := []byte{}
	for len(octets) > 0 {
		src := octets[:min(in, len(octets))]
		for len(src) > 0 {
			dst := make([]byte, out)
			used, put, end, bad := r.take(dst, src)
			cur = append(cur, dst[:put]...)
			if bad {
				return append(all, cur), true
			}
			if end {
				all, cur = append(all, cur), []byte{}
			}
			src, octets = src[used:], octets[used:]
			if used == 0 && put == 0 && !end {
				break
			}
		}
	}
	return append(all, cur), false
}

// FuzzRecords: however a stream arrives and is read, its TSDUs are the same.
func FuzzRecords(f *testing.F) {
	rec := func(b string, end bool) []byte {
		h := make([]byte, bridge.RecordHeader)
		bridge.PutRecord(h, len(b), end)
		return append(h, b...)
	}
	f.Add(bytes.Join([][]byte{rec("hello", false), rec(" world", true), rec("", true), rec("x", true)}, nil), uint8(3), uint8(2))
	f.Add(rec("cut", true)[:5], uint8(1), uint8(9))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1}, uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, octets []byte, in, out uint8) {
		want, bad := tsdus(octets, len(octets)+1, 1<<17)
		got, alsoBad := tsdus(octets, 1+int(in), 1+int(out))
		if bad != alsoBad || len(got) != len(want) {
			t.Fatalf("%d TSDUs (bad %v) in one piece, %d (bad %v) in pieces of %d and %d", len(want), bad, len(got), alsoBad, 1+in, 1+out)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("TSDU %d: % x and % x", i, want[i], got[i])
			}
		}
	})
}

// TestRing: what is written comes out, wherever it wraps and whenever the buffer grows.
func TestRing(t *testing.T) {
	var r ring
	next, want := byte(0), byte(0)
	for i := range 20000 {
		n := (i*7919)%3000 + 1
		r.grow(n, 64<<10, i%2 == 0)
		n = min(n, r.room())
		b := make([]byte, n)
		for k := range b {
			b[k] = next
			next++
		}
		r.write(b)
		take := min(r.len(), (i*104729)%4000)
		a, c := r.slices(r.tail, take)
		for _, o := range append(append([]byte(nil), a...), c...) {
			if o != want {
				t.Fatalf("step %d: octet %d, want %d", i, o, want)
			}
			want++
		}
		r.trim(r.tail + uint64(take))
	}
	if len(r.buf) > 64<<10 {
		t.Errorf("the buffer has %d octets", len(r.buf))
	}
}
