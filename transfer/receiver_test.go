package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

// stream is what a sender says that makes it up itself.
type stream struct {
	entries int64
	octets  []byte
}

func (s *stream) add(e Entry, contents string) {
	s.entries++
	if e.Mode == 0 {
		e.Mode = 0o644
	}
	if e.Type == File {
		e.Size = int64(len(contents))
	}
	s.octets = append(e.appendHeader(s.octets), contents...)
}

func (s *stream) activity(t testing.TB, id string) *durable.Activity {
	t.Helper()
	header, err := (&Header{Entries: s.entries, Octets: int64(len(s.octets))}).AppendBinary(nil)
	must(t, err)
	return &durable.Activity{Key: checkpoint.Key{Role: checkpoint.Receiver, ID: id}, Header: header}
}

// deliver writes a stream to a new activity and ends it.
func (s *stream) deliver(t testing.TB, r *Receiver, id string) error {
	t.Helper()
	sink, rec, err := r.Open(bg, s.activity(t, id))
	if err != nil {
		return err
	}
	defer sink.Close()
	if _, err := sink.Write(s.octets); err != nil {
		return err
	}
	rec.Offset, rec.Serial, rec.State = int64(len(s.octets)), 1, checkpoint.Ended
	return sink.Commit(bg, rec)
}

func TestExisting(t *testing.T) {
	for _, tt := range []struct {
		existing Existing
		file     string // what has the name "file" in the end
		what     What
	}{{Keep, "old", Kept}, {Replace, "new", Placed}} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "file"), "old")
		must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
		must(t, os.Symlink("old", filepath.Join(dir, "link")))
		reports := map[string][]What{}
		r := receiver(t, dir, newStore(), &ReceiverOptions{Existing: tt.existing, Report: func(_ checkpoint.Key, e *Entry, what What) {
			reports[e.Path] = append(reports[e.Path], what)
		}})
		var s stream
		s.add(Entry{Type: File, Path: "file"}, "new")
		s.add(Entry{Type: File, Path: "folder"}, "new")
		s.add(Entry{Type: Link, Path: "link", Target: "new"}, "")
		s.add(Entry{Type: File, Path: "other"}, "new")
		s.add(Entry{Type: File, Path: "other"}, "twice")
		must(t, s.deliver(t, r, "a"))
		if got, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(got) != tt.file {
			t.Errorf("existing %d: %q, %v; want %q", tt.existing, got, err, tt.file)
		}
		if got, err := os.Readlink(filepath.Join(dir, "link")); err != nil || got != tt.file {
			t.Errorf("existing %d: a link to %q, %v; want %q", tt.existing, got, err, tt.file)
		}
		want := map[string][]What{
			"file":   {Started, Written, tt.what},
			"folder": {Started, Written, Kept},
			"link":   {Started, Written, tt.what},
			"other":  {Started, Written, Started, Written, Placed, tt.what},
		}
		if got := fmt.Sprint(reports); got != fmt.Sprint(want) {
			t.Errorf("existing %d: %v, want %v", tt.existing, got, want)
		}
		if got := look(t, dir); len(got) != 4 {
			t.Errorf("existing %d: %q", tt.existing, got)
		}
	}
}

// Nothing is written, made or changed out of the folder, nor through a link in it.
func TestNoEscape(t *testing.T) {
	for _, tt := range []struct {
		why     string
		entries []Entry
		want    string // the error, or nothing
	}{
		{"a link that is absolute", []Entry{{Type: Link, Path: "l", Target: "/etc"}}, ""},
		{"a link that leads out", []Entry{{Type: Link, Path: "d/l", Target: "../../x"}}, ""},
		{"a path through a link", []Entry{{Type: File, Path: "out/f"}}, `"out": it is a link`},
		{"a folder through a link", []Entry{{Type: Folder, Path: "out/f"}}, `"out": it is a link`},
		{"a folder that is a link", []Entry{{Type: Folder, Path: "out"}}, `"out": it is a link`},
		{"a link in a link's place", []Entry{{Type: Link, Path: "in/l", Target: "x"}}, `"in": it is a link`},
		{"a path through a file", []Entry{{Type: File, Path: "file/f"}}, `"file": it is no folder`},
		{"a folder that is a file", []Entry{{Type: Folder, Path: "file"}}, `"file": it is no folder`},
		{"a file in a link's place", []Entry{{Type: File, Path: "out"}}, ""},
	} {
		top := t.TempDir()
		dir := filepath.Join(top, "dir")
		put(t, filepath.Join(top, "beside", "f"), "f")
		put(t, filepath.Join(dir, "file"), "file")
		must(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
		must(t, os.Symlink("../beside", filepath.Join(dir, "out")))
		must(t, os.Symlink("real", filepath.Join(dir, "in")))
		before := look(t, filepath.Join(top, "beside"))
		for _, existing := range []Existing{Keep, Replace} {
			r := receiver(t, dir, newStore(), &ReceiverOptions{Existing: existing})
			var s stream
			for _, e := range tt.entries {
				s.add(e, "")
			}
			err := s.deliver(t, r, "a")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), top) {
				t.Errorf("%s: the peer is told where the folder is: %v", tt.why, err)
			}
			same(t, look(t, filepath.Join(top, "beside")), before)
			for p, line := range look(t, dir) {
				if line[0] == 'L' && p != "out" && p != "in" {
					t.Errorf("%s: made the link %q %s", tt.why, p, line)
				}
			}
		}
	}
}

// With AnyLinks a link is made wherever it leads, and still nothing is written through it.
func TestAnyLinks(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	r := receiver(t, dir, newStore(), &ReceiverOptions{AnyLinks: true, Existing: Replace})
	var a, b stream
	a.add(Entry{Type: Link, Path: "l", Target: out}, "")
	must(t, a.deliver(t, r, "a"))
	if got, err := os.Readlink(filepath.Join(dir, "l")); err != nil || got != out {
		t.Fatalf("a link to %q, %v", got, err)
	}
	b.add(Entry{Type: File, Path: "l/f"}, "")
	if err := b.deliver(t, r, "b"); err == nil || len(look(t, out)) > 0 {
		t.Errorf("%v; there is %v", err, look(t, out))
	}
}

// What is private stays so while it comes, and what has special bits has none then.
func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	from, to := filepath.Join(t.TempDir(), "d"), t.TempDir()
	put(t, filepath.Join(from, "f"), "x")
	must(t, os.Chmod(filepath.Join(from, "f"), 0o755|fs.ModeSetuid))
	must(t, os.Chmod(from, 0o700|fs.ModeSticky))
	r := receiver(t, to, newStore(), nil)
	p := scan(t, nil, from)
	mode := func(name string) fs.FileMode {
		info, err := os.Lstat(filepath.Join(to, name))
		must(t, err)
		return info.Mode()
	}
	x := newActivity(t, p.Jobs[0], "a")
	sink, rec, err := r.Open(bg, &x.a)
	must(t, err)
	src, err := p.Jobs[0].Open()
	must(t, err)
	b := make([]byte, p.Jobs[0].Header.Octets)
	_, err = src.Read(b[:len(b)-1])
	must(t, err)
	_, err = sink.Write(b[:len(b)-1])
	must(t, err)
	rec.Offset = int64(len(b) - 1)
	must(t, sink.Commit(bg, rec))
	must(t, sink.Close())
	must(t, src.Close())
	for name, line := range look(t, to) {
		if got := mode(name).Perm(); got&0o077 != 0 {
			t.Errorf("%q is %s while it comes", name, line)
		}
	}
	x.a.Resumed = true
	must(t, x.session(r, func() int { return 1 }, func() bool { return true }))
	send(t, r, &Plan{Jobs: p.Jobs[1:]}, "b")
	if got := mode("d/f"); got != 0o755 {
		t.Errorf("the file is %v", got)
	}
	if got := mode("d"); got != 0o700|fs.ModeDir {
		t.Errorf("the folder is %v", got)
	}
}

// An error of the file system is told with the entry and what was done, and when its cause is gone the same activity goes on.
func TestFaults(t *testing.T) {
	from := filepath.Join(t.TempDir(), "d")
	put(t, filepath.Join(from, "f"), strings.Repeat("x", 1000))
	for _, op := range []string{"make folder", "create", "write", "finish", "sync", "sync folder", "place", "unlink", "remove"} {
		to := t.TempDir()
		r := receiver(t, to, newStore(), nil)
		full := true
		r.fault = func(what, path string) error {
			if full && what == op && (what != "create" || path == "d/f") {
				return &fs.PathError{Op: "x", Path: filepath.Join(to, path), Err: syscall.ENOSPC}
			}
			return nil
		}
		j := scan(t, nil, from).Jobs[0]
		x := newActivity(t, j, "a")
		size, point := func() int { return 300 }, func() bool { return true }
		err := x.session(r, size, point)
		if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), to) || !strings.Contains(err.Error(), op) {
			t.Errorf("%s: %v", op, err)
			continue
		}
		full = false
		must(t, x.session(r, size, point))
		if got, err := os.ReadFile(filepath.Join(to, "d", "f")); err != nil || len(got) != 1000 {
			t.Errorf("%s: %d octets, %v", op, len(got), err)
		}
	}
}

// half sends a part of a job, and commits it.
func half(t *testing.T, r *Receiver, x *activity) {
	t.Helper()
	n := 0
	err := x.session(r, func() int { return int(x.job.Header.Octets) / 4 }, func() bool {
		if n++; n == 3 {
			r.fault = func(string, string) error { return errCrash }
		}
		return n == 2
	})
	if r.fault = nil; !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
}

// What was committed and has gone makes an activity one that cannot be resumed: all of it goes.
func TestLost(t *testing.T) {
	from := filepath.Join(t.TempDir(), "d")
	put(t, filepath.Join(from, "a"), strings.Repeat("x", 1000))
	put(t, filepath.Join(from, "b"), strings.Repeat("x", 9000))
	for why, lose := range map[string]func(to string) error{
		"the folder": func(to string) error { return os.RemoveAll(filepath.Join(to, "d")) },
		"a file": func(to string) error {
			found, _ := filepath.Glob(filepath.Join(to, "d", ".a.*"))
			return os.Remove(found[0])
		},
		"a file's end": func(to string) error {
			found, _ := filepath.Glob(filepath.Join(to, "d", ".a.*"))
			return os.Truncate(found[0], 999)
		},
		"the current file": func(to string) error {
			found, _ := filepath.Glob(filepath.Join(to, "d", ".b.*"))
			return os.Remove(found[0])
		},
		"the current file's end": func(to string) error {
			found, _ := filepath.Glob(filepath.Join(to, "d", ".b.*"))
			return os.Truncate(found[0], 10)
		},
		"the folder, for a link": func(to string) error {
			os.Rename(filepath.Join(to, "d"), filepath.Join(to, "e"))
			return os.Symlink("e", filepath.Join(to, "d"))
		},
		"the journal": func(to string) error {
			found, _ := filepath.Glob(filepath.Join(to, mark+"*"))
			return os.Remove(found[0])
		},
		"everything": func(to string) error {
			os.RemoveAll(to)
			return os.Mkdir(to, 0o755)
		},
	} {
		to, st := filepath.Join(t.TempDir(), "to"), newStore()
		must(t, os.Mkdir(to, 0o755))
		r := receiver(t, to, st, nil)
		x := newActivity(t, scan(t, nil, from).Jobs[0], "a")
		half(t, r, x)
		must(t, lose(to))
		_, _, err := r.Open(bg, &x.a)
		if !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("%s: %v; want an error that the activity is unknown", why, err)
		}
		if rec, err := st.Get(bg, x.a.Key); err != nil || rec.State != checkpoint.Discarded {
			t.Errorf("%s: %v, %v; want it discarded", why, rec.State, err)
		}
		for p := range look(t, to) {
			if strings.Contains(p, mark) && why != "the journal" && why != "the folder, for a link" {
				t.Errorf("%s: %q is left", why, p)
			}
		}
	}
}

// The folder itself may be away for a while.
func TestFolderAway(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "f"), filepath.Join(t.TempDir(), "to")
	put(t, from, strings.Repeat("x", 1000))
	must(t, os.Mkdir(to, 0o755))
	r := receiver(t, to, newStore(), nil)
	x := newActivity(t, scan(t, nil, from).Jobs[0], "a")
	half(t, r, x)
	must(t, os.Rename(to, to+"2"))
	if _, _, err := r.Open(bg, &x.a); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, checkpoint.ErrNotFound) || strings.Contains(err.Error(), to) {
		t.Errorf("%v; want that the folder is not there", err)
	}
	must(t, os.Rename(to+"2", to))
	must(t, x.session(r, func() int { return 100 }, func() bool { return false }))
	if _, err := NewReceiver(to+"2", newStore(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v; want that the folder is not there", err)
	}
}

// An activity that cannot begin, since nothing can be made in the folder, has not begun, and begins later.
func TestCannotBegin(t *testing.T) {
	from, to, st := filepath.Join(t.TempDir(), "f"), t.TempDir(), newStore()
	put(t, from, "x")
	r := receiver(t, to, st, nil)
	r.fault = func(string, string) error { return syscall.EROFS }
	x := newActivity(t, scan(t, nil, from).Jobs[0], "a")
	size, point := func() int { return 100 }, func() bool { return false }
	if err := x.session(r, size, point); !errors.Is(err, syscall.EROFS) {
		t.Errorf("%v; want that nothing can be written", err)
	}
	if _, err := st.Get(bg, x.a.Key); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("%v; want that there is no record", err)
	}
	r.fault = nil
	must(t, x.session(r, size, point))

	// The same start once more is refused, and leaves nothing.
	before := look(t, to)
	x.a.Resumed = false
	if err := x.session(r, size, point); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("%v; want that the activity exists", err)
	}
	same(t, look(t, to), before)
}
