package transfer

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// allocated is how many octets a file takes on the disk.
func allocated(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks * blockSize
}

// sparse makes a file with data at some offsets.
func sparse(t *testing.T, name string, size int64, text string, offsets ...int64) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	must(t, f.Truncate(size))
	for _, at := range offsets {
		_, err := f.WriteAt([]byte(text), at)
		must(t, err)
	}
	must(t, f.Close())
	if got := allocated(t, name); got > int64(len(offsets))*(64<<10) {
		t.Skipf("the file system keeps no holes: %d octets for %d", got, len(offsets))
	}
}

func TestSparse(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		why     string
		size    int64
		offsets []int64
		want    int // extents
	}{
		{"all a hole", 100 * mib, nil, 0},
		{"at the start", 100 * mib, []int64{0}, 1},
		{"at the end", 100 * mib, []int64{100*mib - 4}, 1},
		{"across the end of a block", 100 * mib, []int64{50*mib - 2}, 1},
		{"here and there", 1 << 40, []int64{3 * mib, 70 * mib, 1<<40 - 5000}, 3},
		{"a small hole between", 100 * mib, []int64{3 * mib, 3*mib + minHole/2}, 1},
		{"a small hole first", 100 * mib, []int64{minHole / 2}, 1},
		{"an odd size", 100*mib + 1, []int64{mib}, 1},
	} {
		from, to := filepath.Join(t.TempDir(), "f"), t.TempDir()
		sparse(t, from, tt.size, "text", tt.offsets...)
		p := scan(t, nil, from)
		for e := range p.Jobs[0].Entries {
			if e.Type != Sparse || int(e.Extents) != tt.want {
				t.Errorf("%s: %v with %d extents, want %d", tt.why, e.Type, e.Extents, tt.want)
			}
		}
		if limit := int64(tt.want+1) * (minHole * 2); p.Octets > limit {
			t.Errorf("%s: %d octets are sent", tt.why, p.Octets)
		}
		r := receiver(t, to, newStore(), nil)
		x := newActivity(t, p.Jobs[0], "a")
		must(t, x.session(r, func() int { return 1000 }, func() bool { return true }))
		got := filepath.Join(to, "f")
		info, err := os.Stat(got)
		must(t, err)
		if info.Size() != tt.size {
			t.Errorf("%s: %d octets, want %d", tt.why, info.Size(), tt.size)
		}
		if a, b := allocated(t, got), allocated(t, from); a > b+minHole*int64(len(tt.offsets)) {
			t.Errorf("%s: takes %d octets on the disk, the original %d", tt.why, a, b)
		}
		f, err := os.Open(got)
		must(t, err)
		for _, at := range tt.offsets {
			b := make([]byte, 4)
			if _, err := f.ReadAt(b, at); err != nil || string(b) != "text" {
				t.Errorf("%s: %q at %d, %v", tt.why, b, at, err)
			}
		}
		must(t, f.Close())
	}
}

// A file of very many extents is sent with a limited number of them.
func TestManyExtents(t *testing.T) {
	from := filepath.Join(t.TempDir(), "f")
	const n = maxExtents + 10
	offsets := make([]int64, n)
	for i := range offsets {
		offsets[i] = int64(i+1) * 2 * minHole
	}
	sparse(t, from, (n+2)*2*minHole, "t", offsets...)
	p := scan(t, nil, from)
	for e := range p.Jobs[0].Entries {
		if e.Extents < 2 || e.Extents > maxExtents+1 {
			t.Errorf("%d extents", e.Extents)
		}
	}
	src, err := p.Jobs[0].Open()
	must(t, err)
	got, err := io.Copy(io.Discard, src)
	must(t, err)
	must(t, src.Close())
	if got != p.Octets {
		t.Errorf("%d octets, announced %d", got, p.Octets)
	}
}

// A file that has no holes is not sent as a sparse one, though it is all zeros.
func TestDense(t *testing.T) {
	from := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(from, make([]byte, 1<<20), 0o600))
	for e := range scan(t, nil, from).Jobs[0].Entries {
		if e.Type != File {
			t.Errorf("it is a %v", e.Type)
		}
	}
}

func TestBadExtents(t *testing.T) {
	for _, tt := range []struct {
		seg        extent
		from, size int64
		want       bool
	}{
		{extent{0, 10}, 0, 10, true}, {extent{5, 5}, 5, 10, true}, {extent{9, 1}, 0, 10, true},
		{extent{4, 1}, 5, 10, false}, {extent{0, 11}, 0, 10, false}, {extent{9, 2}, 0, 10, false}, {extent{3, 0}, 0, 10, false},
		{extent{10, 1}, 0, 10, false}, {extent{11, 1}, 0, 10, false}, {extent{-1, 1}, 0, 10, false}, {extent{1, -1}, 0, 10, false},
	} {
		got, err := parseExtent(tt.seg.append(nil), tt.from, tt.size)
		if (err == nil) != tt.want || tt.want && got != tt.seg {
			t.Errorf("%v behind %d of %d: %v, %v", tt.seg, tt.from, tt.size, got, err)
		}
	}
	// The next extent lies behind the one before, also where that has ended.
	d := decoder{announced: 1}
	b := (&Entry{Type: Sparse, Path: "f", Size: 100, Extents: 2}).appendHeader(nil)
	b = append(extent{10, 5}.append(b), "12345"...)
	b = extent{14, 1}.append(b)
	var events []event
	for {
		ev, n, err := d.next(b)
		if err != nil {
			break
		}
		if events = append(events, ev); ev == more {
			t.Fatal("overlapping extents are taken")
		}
		b = b[n:]
	}
	if !slices.Equal(events, []event{began, skipped, content}) {
		t.Errorf("events %v", events)
	}
}
