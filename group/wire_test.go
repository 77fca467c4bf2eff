package group

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"
)

// TestWire: the octets are those of docs/wire/group.md, and no beginning of them is taken for the whole.
func TestWire(t *testing.T) {
	d := Description{Group: ID{0xab, 15: 0xcd}, Stream: 5, Rate: Rate{Num: 30000, Den: 1001}, Essential: true, Name: "ton"}
	for _, test := range []struct {
		name   string
		octets []byte
		hex    string
		parse  func([]byte) ([]byte, error)
		least  int // octets that are whole
	}{
		{"description", d.append(nil), "01 01 ab0000000000000000000000000000cd 05 00007530 000003e9 746f6e", func(b []byte) ([]byte, error) {
			d, err := ParseDescription(b)
			return d.append(nil), err
		}, descriptionSize},
		{"answer", answer{0x10203}.append(nil), "01 00 00010203", func(b []byte) ([]byte, error) {
			a, err := parseAnswer(b)
			return a.append(nil), err
		}, answerSize},
		{"mark", mark{math.MaxInt64, time.Second}.append(nil), "01 00 7fffffffffffffff 000000003b9aca00", func(b []byte) ([]byte, error) {
			m, err := parseMark(b)
			return m.append(nil), err
		}, markSize},
		{"position", position{true, 258}.append(nil), "01 01 0000000000000102", func(b []byte) ([]byte, error) {
			p, err := parsePosition(b)
			return p.append(nil), err
		}, positionSize},
	} {
		want, err := hex.DecodeString(strings.ReplaceAll(test.hex, " ", ""))
		if err != nil || !bytes.Equal(test.octets, want) {
			t.Errorf("%s: got %x, want %x", test.name, test.octets, want)
		}
		if again, err := test.parse(want); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s: parsed and encoded it is %x, %v", test.name, again, err)
		}
		for n := range test.least {
			if _, err := test.parse(want[:n]); err == nil {
				t.Errorf("%s: %d octets are taken", test.name, n)
			}
		}
	}
	if a, b := NewID(), NewID(); a == b {
		t.Error("two groups have the same identifier")
	}
	if s := d.Group.String(); s != "ab0000000000000000000000000000cd" {
		t.Error(s)
	}
}

// FuzzParse: what comes from a peer never panics, and what is taken is encoded as it came.
func FuzzParse(f *testing.F) {
	d := Description{Stream: 63, Rate: Rate{Num: 1, Den: 1}, Essential: true, Name: "x"}
	for _, b := range [][]byte{nil, d.append(nil), answer{1}.append(nil), mark{1, 2}.append(nil), position{true, 1}.append(nil), mark{-1, -1}.append(nil)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDescription(b); err == nil {
			m := Member{Stream: d.Stream, Name: d.Name}
			if !bytes.Equal(d.append(nil), b) || m.check() != nil || d.Rate.Check() != nil {
				t.Errorf("%x: %+v", b, d)
			}
		}
		if a, err := parseAnswer(b); err == nil && !bytes.Equal(a.append(nil), b) {
			t.Errorf("%x: %+v", b, a)
		}
		if m, err := parseMark(b); err == nil && (!bytes.Equal(m.append(nil), b) || m.time < 0 || m.clock < 0) {
			t.Errorf("%x: %+v", b, m)
		}
		if p, err := parsePosition(b); err == nil && (!bytes.Equal(p.append(nil), b) || p.time < 0) {
			t.Errorf("%x: %+v", b, p)
		}
	})
}
