package transfer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// FuzzReceiver lets a sender say anything, in pieces of any size. Nothing is written out of the folder, no piece of a file has its name before the activity has
// ended, and the decoder holds no more than a header.
func FuzzReceiver(f *testing.F) {
	var s stream
	s.add(Entry{Type: File, Path: "a"}, "text")
	s.add(Entry{Type: Folder, Path: "d", Mode: 0o500}, "")
	s.add(Entry{Type: Link, Path: "d/l", Target: "../a"}, "")
	s.add(Entry{Type: Link, Path: "m", Target: ".."}, "")
	s.add(Entry{Type: File, Path: "m/x"}, "")
	f.Add(s.octets, int64(5), 3)
	f.Add(s.octets, int64(9), 1000)
	f.Add([]byte{0xff, 0xff}, int64(1), 1)
	var p stream
	p.add(Entry{Type: Sparse, Path: "s", Size: 1 << 20, Extents: 1}, "")
	f.Add(append(extent{1 << 19, 3}.append(p.octets), "abc"...), int64(1), 7)
	for _, tt := range entryTable {
		f.Add(tt.entry.appendHeader(nil), int64(1), 100)
	}
	f.Fuzz(func(t *testing.T, octets []byte, entries int64, piece int) {
		if piece <= 0 || piece > 1<<16 || entries < 0 || entries > MaxEntries {
			return
		}
		top := t.TempDir()
		dir := filepath.Join(top, "dir")
		must(t, os.Mkdir(dir, 0o755))
		must(t, os.Symlink("..", filepath.Join(dir, "up")))
		r := receiver(t, dir, newStore(), &ReceiverOptions{Existing: Replace})
		all := stream{octets: octets, entries: entries}
		opened, rec, err := r.Open(bg, all.activity(t, "a"))
		must(t, err)
		defer opened.Close()
		sink := opened.(*sink)
		for b := octets; len(b) > 0 && err == nil; b = b[min(len(b), piece):] {
			_, err = sink.Write(b[:min(len(b), piece)])
			if cap(sink.decoder.part) > 2*maxEntry {
				t.Fatalf("%d octets are kept", cap(sink.decoder.part))
			}
		}
		must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.Contains(d.Name(), mark) && d.Name() != "up" {
				t.Errorf("%q is there before the end", p)
			}
			return err
		}))
		if err == nil {
			rec.Offset, rec.State = int64(len(octets)), checkpoint.Ended
			if err := sink.Commit(bg, rec); err != nil {
				t.Log(err)
			}
		}
		found, _ := os.ReadDir(top)
		if len(found) != 1 {
			t.Errorf("beside the folder there is %v", found)
		}
	})
}

// FuzzParseEntry checks that a header which is taken is the one that is sent for what it says.
func FuzzParseEntry(f *testing.F) {
	for _, tt := range entryTable {
		f.Add(tt.entry.appendHeader(nil)[2:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(b)
		if err != nil {
			return
		}
		if again := e.appendHeader(nil)[2:]; !bytes.Equal(again, b) {
			t.Errorf("%x is sent as %x", b, again)
		}
	})
}

// FuzzParseHeader checks that a header which is taken is taken again, and means the same.
func FuzzParseHeader(f *testing.F) {
	b, err := (&Header{Entries: 3, Octets: 5, Name: "name"}).AppendBinary(nil)
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			if _, ok := errors.AsType[*FormatError](err); !ok {
				t.Errorf("%T", err)
			}
			return
		}
		again, err := h.AppendBinary(nil)
		must(t, err)
		if g, err := ParseHeader(again); err != nil || !reflect.DeepEqual(g, h) {
			t.Errorf("%v, then %v, %v", h, g, err)
		}
	})
}

func TestSinkAllocations(t *testing.T) {
	var s stream
	s.add(Entry{Type: Sparse, Path: "f", Size: 1 << 30, Extents: 1}, "")
	s.octets = extent{0, 1 << 30}.append(s.octets)
	a := s.activity(t, "a")
	r := receiver(t, t.TempDir(), newStore(), nil)
	sink, _, err := r.Open(bg, a)
	must(t, err)
	defer sink.Close()
	_, err = sink.Write(s.octets)
	must(t, err)
	b := make([]byte, 16<<10)
	if got := testing.AllocsPerRun(200, func() {
		if n, err := sink.Write(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
	}); got != 0 {
		t.Errorf("%v allocations for each write, want none", got)
	}
}

// A sender that announces a file beyond all disks gets room for what it sends.
func TestHugeFile(t *testing.T) {
	var s stream
	s.add(Entry{Type: File, Path: "f"}, "")
	e := Entry{Type: File, Path: "f", Size: maxSize}
	s.octets = append(e.appendHeader(nil), make([]byte, 1000)...)
	sink, rec, err := receiver(t, t.TempDir(), newStore(), nil).Open(bg, s.activity(t, "a"))
	must(t, err)
	defer sink.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = sink.Write(s.octets)
	must(t, err)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
		t.Errorf("%d octets of memory", got)
	}
	rec.Offset = int64(len(s.octets))
	must(t, sink.Commit(bg, rec))
}
