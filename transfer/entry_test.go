package transfer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var entryTable = []struct {
	entry Entry
	hex   string
}{
	{Entry{Type: File, Path: "a/b", Mode: 0o644, ModTime: time.Unix(1, 2), Size: 5},
		"0020" + "01" + "01a4" + "0000000000000001" + "00000002" + "0000000000000005" + "00000000" + "0003" + "612f62"},
	{Entry{Type: Sparse, Path: "s", Mode: 0o600, ModTime: time.Unix(-1, 999999999), Size: 1 << 40, Extents: 3},
		"001e" + "02" + "0180" + "ffffffffffffffff" + "3b9ac9ff" + "0000010000000000" + "00000003" + "0001" + "73"},
	{Entry{Type: Folder, Path: "\xff", Mode: 0o777, ModTime: time.Unix(0, 0)},
		"001e" + "03" + "01ff" + "0000000000000000" + "00000000" + "0000000000000000" + "00000000" + "0001" + "ff"},
	{Entry{Type: Link, Path: "l", Mode: 0o777, ModTime: time.Unix(0, 0), Target: "../x"},
		"0022" + "04" + "01ff" + "0000000000000000" + "00000000" + "0000000000000000" + "00000000" + "0001" + "6c" + "2e2e2f78"},
}

func TestEntries(t *testing.T) {
	for _, tt := range entryTable {
		b := tt.entry.appendHeader(nil)
		if got := hex.EncodeToString(b); got != tt.hex {
			t.Errorf("%v: %s, want %s", tt.entry, got, tt.hex)
		}
		if got := tt.entry.headerSize(); got != int64(len(b)) {
			t.Errorf("%v: size %d, want %d", tt.entry, got, len(b))
		}
		got, err := parseEntry(b[2:])
		if err != nil || !reflect.DeepEqual(got, tt.entry) {
			t.Errorf("%v: parsed %v, %v", tt.entry, got, err)
		}
		for n := range entryFixed {
			if _, err := parseEntry(b[2 : 2+n]); err == nil {
				t.Errorf("%v: %d octets are taken for a header", tt.entry, n)
			}
		}
	}
}

func TestBadEntries(t *testing.T) {
	at := func(i int, v ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[2+i:], v); return b }
	}
	for _, tt := range []struct {
		why, field string
		from       int
		change     func([]byte) []byte
	}{
		{"type 0", "type", 0, at(0, 0)},
		{"type 5", "type", 0, at(0, 5)},
		{"setuid", "mode", 0, at(1, 0x09)},
		{"a second of nanoseconds", "nanoseconds", 0, at(11, 0x3b, 0x9a, 0xca, 0)},
		{"2^62 octets", "size", 0, at(15, 0x40)},
		{"a folder with a size", "size", 2, at(15, 0, 0, 0, 0, 0, 0, 0, 1)},
		{"a file with extents", "extents", 0, at(23, 0, 0, 0, 1)},
		{"a path beyond the header", "path", 0, at(27, 0, 4)},
		{"no path but a target", "target", 2, at(27, 0, 0)},
		{"no path", "path", 2, func(b []byte) []byte { b[30] = 0; return b[:len(b)-1] }},
		{"a target of a file", "target", 0, func(b []byte) []byte { return append(b, 'x') }},
		{"no target", "target", 3, func(b []byte) []byte { return b[:len(b)-4] }},
		{"0 in a target", "target", 3, func(b []byte) []byte { b[len(b)-1] = 0; return b }},
		{"a long target", "target", 3, func(b []byte) []byte { return append(b, strings.Repeat("x", MaxTarget)...) }},
		{"an absolute path", "path", 0, at(29, '/')},
		{"0 in a path", "path", 0, at(29, 0)},
		{"a path that leaves", "path", 0, at(29, '.', '.', '/')},
	} {
		b := tt.change(entryTable[tt.from].entry.appendHeader(nil))
		_, err := parseEntry(b[2:])
		if err == nil || err.Field != tt.field {
			t.Errorf("%s: %v, want an error of %s", tt.why, err, tt.field)
		}
	}
}

func TestHeader(t *testing.T) {
	h := Header{Entries: 3, Octets: 1 << 40, Name: "src/a and 2 more"}
	b, err := h.AppendBinary(nil)
	if want := "0101" + "0000000000000003" + "0000010000000000" + hex.EncodeToString([]byte(h.Name)); err != nil || hex.EncodeToString(b) != want {
		t.Errorf("%x, %v; want %s", b, err, want)
	}
	got, err := ParseHeader(b)
	if err != nil || got != h {
		t.Errorf("parsed %v, %v", got, err)
	}
	for n := range headerFixed {
		if _, err := ParseHeader(b[:n]); err == nil {
			t.Errorf("%d octets are taken for a header", n)
		}
	}
	for _, tt := range []struct {
		field string
		at    int
		v     byte
	}{{"version", 0, 2}, {"kind", 1, 2}, {"entries", 2, 1}, {"entries", 7, 2}, {"octets", 10, 0x40}, {"octets", 10, 0xff}} {
		bad := bytes.Clone(b)
		bad[tt.at] = tt.v
		_, err := ParseHeader(bad)
		if f, ok := errors.AsType[*FormatError](err); !ok || f.Field != tt.field || f.Entry != 0 {
			t.Errorf("octet %d is %d: %v; want an error of %s", tt.at, tt.v, err, tt.field)
		}
	}
	if _, err := (&Header{Entries: MaxEntries + 1}).AppendBinary(nil); err == nil {
		t.Error("too many entries are announced")
	}
	got, _ = ParseHeader(append(b[:headerFixed:headerFixed], "a\x1b[2Jb\n\xff"...))
	if got.Name != "a?[2Jb??" {
		t.Errorf("a terminal is shown %q", got.Name)
	}
	b, _ = (&Header{Name: strings.Repeat("日", 4000)}).AppendBinary(nil)
	if len(b) > headerFixed+maxLabel {
		t.Errorf("a header of %d octets", len(b))
	}
}

func TestState(t *testing.T) {
	s := state{flags: ending, tag: "0123456789abcdef", announced: 1, total: 2, entries: 3, journaled: 4, partial: 5, within: true, pos: 6, left: 7,
		extents: 8, part: []byte("part")}
	b := s.append(nil)
	var got state
	if err := got.parse(b); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("%v, %v; want %v", got, err, s)
	}
	for _, bad := range [][]byte{nil, b[:stateFixed-1], append([]byte{2}, b[1:]...), append(b, make([]byte, 12)...)} {
		if err := got.parse(bad); err == nil {
			t.Errorf("%x is taken for a state", bad)
		}
	}
}
