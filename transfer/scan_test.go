package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

func paths(j *Job) (p []string) {
	for e := range j.Entries {
		p = append(p, e.Path)
	}
	return p
}

func TestScanOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "top")
	for name, size := range map[string]int{"a": 10, "b/large": 5000, "b/x": 400, "b/y": 400, "b/z": 400, "c": 0} {
		put(t, filepath.Join(dir, name), strings.Repeat("x", size))
	}
	p := scan(t, &ScanOptions{Large: 5000, Octets: 1000, Entries: 3}, dir, filepath.Join(dir, "c"))
	want := [][]string{{"top/b/large"}, {"top/a", "top/b/x", "top/b/y"}, {"top/b/z", "top/c", "c"}, {"top", "top/b"}}
	if len(p.Jobs) != len(want) {
		t.Fatalf("%d jobs, want %d", len(p.Jobs), len(want))
	}
	octets := int64(0)
	for i, j := range p.Jobs {
		if got := paths(j); !slices.Equal(got, want[i]) {
			t.Errorf("job %d: %q, want %q", i, got, want[i])
		}
		octets += j.Header.Octets
	}
	if p.Entries != 9 || p.Octets != octets {
		t.Errorf("%d entries of %d octets, want 9 and %d", p.Entries, p.Octets, octets)
	}
	if name := p.Jobs[1].Header.Name; name != "top/a and 2 more" {
		t.Errorf("name %q", name)
	}
}

// Folders come in activities such that what is below one is not after it.
func TestScanFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	must(t, os.MkdirAll(filepath.Join(dir, "e", "f"), 0o755))
	p := scan(t, &ScanOptions{Entries: 2}, dir)
	if len(p.Jobs) != 2 || !slices.Equal(paths(p.Jobs[0]), []string{"d/e", "d/e/f"}) || !slices.Equal(paths(p.Jobs[1]), []string{"d"}) {
		t.Errorf("%d jobs, the first with %q", len(p.Jobs), paths(p.Jobs[0]))
	}
}

func TestScanPaths(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a", "x"), "x")
	put(t, filepath.Join(dir, "b", "x"), "x")
	must(t, os.Symlink("a", filepath.Join(dir, "l")))
	t.Chdir(filepath.Join(dir, "a"))
	for _, tt := range []struct {
		paths []string
		want  string // entries, or an error
	}{
		{[]string{"."}, "a/x a"},
		{[]string{"../b/"}, "b/x b"},
		{[]string{"../l"}, "l"},
		{[]string{"../l/"}, "l/x l"},
		{[]string{"x", "../b"}, "x b/x b"},
		{[]string{"x", "../b/x"}, "the same name"},
		{[]string{"nothing"}, syscall.ENOENT.Error()},
		{[]string{"../nothing/"}, syscall.ENOENT.Error()},
		{[]string{"/"}, "name"},
		{nil, ""},
	} {
		var got []string
		p, err := Scan(bg, tt.paths, nil)
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) || tt.want == "" {
				t.Errorf("%q: %v; want %q", tt.paths, err, tt.want)
			}
			continue
		}
		for _, j := range p.Jobs {
			got = append(got, paths(j)...)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q: %q, want %q", tt.paths, got, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, err := Scan(ctx, []string{"."}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/etc", filepath.Join(dir, "out")))
	must(t, os.Symlink("in", filepath.Join(dir, "in")))
	put(t, filepath.Join(dir, temporary("left", "0123456789abcdef", 1)), "x")
	want := map[string]bool{"out": false, temporary("left", "0123456789abcdef", 1): true}
	special(t, dir, want)
	p := scan(t, nil, dir)
	for _, w := range p.Warnings {
		name := filepath.Base(w.Path)
		skipped, ok := want[name]
		if !ok || skipped != w.Skipped || !strings.Contains(w.String(), name) {
			t.Errorf("%v: skipped %v", w, w.Skipped)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no warning of %v", want)
	}
	if p.Entries != 3 {
		t.Errorf("%d entries, want the folder and two links", p.Entries)
	}
}

// The same tree makes the same jobs, and anything that was touched another digest.
func TestDigest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	put(t, file, "text")
	put(t, filepath.Join(dir, "g"), "text")
	a, b := scan(t, nil, file).Jobs[0], scan(t, nil, file).Jobs[0]
	if a.Names != b.Names || a.Digest != b.Digest {
		t.Error("the same file makes two jobs")
	}
	for what, change := range map[string]func() error{
		"mode": func() error { return os.Chmod(file, 0o604) },
		"time": func() error { return os.Chtimes(file, time.Time{}, time.Unix(5, 0)) },
		"size": func() error { return os.Truncate(file, 100) },
	} {
		before := scan(t, nil, file).Jobs[0]
		must(t, change())
		after := scan(t, nil, file).Jobs[0]
		if before.Names != after.Names || before.Digest == after.Digest {
			t.Errorf("%s changed: the names are %v, the digest %v the same", what, before.Names == after.Names, before.Digest == after.Digest)
		}
	}
	if c := scan(t, nil, filepath.Join(dir, "g")).Jobs[0]; c.Names == a.Names {
		t.Error("two files have one name")
	}
	if runtime.GOOS == "windows" {
		return
	}
	// The same names elsewhere are not the same.
	other := filepath.Join(t.TempDir(), "f")
	put(t, other, "text")
	must(t, os.Chtimes(other, time.Time{}, time.Unix(5, 0)))
	must(t, os.Chtimes(file, time.Time{}, time.Unix(5, 0)))
	if scan(t, nil, file).Jobs[0].Digest == scan(t, nil, other).Jobs[0].Digest {
		t.Error("a copy elsewhere is taken for the file")
	}
}

// What a source reads from an offset on is what it reads there from the start, in pieces of any size.
func TestSourceRewind(t *testing.T) {
	for seed := range min(simSeeds(t), 20) {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		dir := t.TempDir()
		grow(t, dir, r)
		for _, j := range scan(t, &ScanOptions{Large: 64 << 10}, dir).Jobs {
			src, err := j.Open()
			must(t, err)
			all, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(src, 3000)))
			must(t, err)
			rest, err := io.ReadAll(src)
			must(t, err)
			all = append(all, rest...)
			if int64(len(all)) != j.Header.Octets || j.Progress.Octets() != j.Header.Octets || j.Progress.Entries() != j.Header.Entries {
				t.Fatalf("%d octets, announced %d; progress %d and %d", len(all), j.Header.Octets, j.Progress.Octets(), j.Progress.Entries())
			}
			for i := range 30 {
				offset := r.IntN(len(all) + 1)
				if i == 0 {
					offset = len(all)
				}
				must(t, src.Rewind(int64(offset)))
				got := make([]byte, r.IntN(5000))
				n, err := io.ReadFull(src, got)
				if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
					t.Fatal(err)
				}
				if !bytes.Equal(got[:n], all[offset:min(len(all), offset+len(got))]) {
					t.Fatalf("seed %d: octets from %d on are others", seed, offset)
				}
			}
			for _, offset := range []int64{-1, j.Header.Octets + 1} {
				if src.Rewind(offset) == nil {
					t.Errorf("rewound to %d of %d", offset, j.Header.Octets)
				}
			}
			must(t, src.Close())
		}
	}
}

func TestChangedSource(t *testing.T) {
	const size = 5000
	for _, tt := range []struct {
		why    string
		before int64 // octets that are read before the change
		change func(file string) error
	}{
		{"shorter", 0, func(f string) error { return os.Truncate(f, 10) }},
		{"longer", 0, func(f string) error { return os.Truncate(f, size+1) }},
		{"touched", 0, func(f string) error { return os.Chtimes(f, time.Time{}, time.Unix(1, 0)) }},
		{"shorter while it is read", 100, func(f string) error { return os.Truncate(f, 10) }},
		{"touched while it is read", 100, func(f string) error { return os.Chtimes(f, time.Time{}, time.Unix(1, 0)) }},
		{"touched after the last octet", size + 200, func(f string) error { return os.Chtimes(f, time.Time{}, time.Unix(1, 0)) }},
		{"gone", 0, os.Remove},
		{"a folder", 0, func(f string) error { os.Remove(f); return os.Mkdir(f, 0o755) }},
	} {
		file := filepath.Join(t.TempDir(), "file")
		put(t, file, strings.Repeat("x", size))
		j := scan(t, nil, file).Jobs[0]
		src, err := j.Open()
		must(t, err)
		_, err = io.CopyN(io.Discard, src, min(tt.before, j.Header.Octets))
		must(t, err)
		must(t, tt.change(file))
		for range 2 { // and it stays so
			_, err = io.ReadAll(src)
			_, changed := errors.AsType[*ChangedError](err)
			if !changed && !(tt.why == "gone" && errors.Is(err, os.ErrNotExist)) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s: %v; want an error that names the file", tt.why, err)
			}
		}
		must(t, src.Close())
	}
}

func TestSourceAllocations(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, strings.Repeat("x", 4<<20))
	src, err := scan(t, nil, file).Jobs[0].Open()
	must(t, err)
	defer src.Close()
	b := make([]byte, 16<<10)
	if got := testing.AllocsPerRun(100, func() {
		if n, err := src.Read(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
	}); got != 0 {
		t.Errorf("%v allocations for each read, want none", got)
	}
}
