package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ durable.Source   = (*Source)(nil)
	_ durable.Sink     = (*sink)(nil)
	_ durable.Receiver = (*Receiver)(nil)
)

var bg = context.Background()

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) int {
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100
}

// store is a store in memory, with what a real one may do when the process dies: to commit, and not say so.
type store struct {
	mu      sync.Mutex
	epoch   uint64
	records map[checkpoint.Key]checkpoint.Record
	crash   func() (before, after bool)
	pause   func() // called once, when somebody has acquired a record
}

func newStore() *store { return &store{records: map[checkpoint.Key]checkpoint.Record{}} }

func (s *store) own(r checkpoint.Record) checkpoint.Record {
	s.epoch++
	r.Epoch = s.epoch
	s.put(r)
	return r
}

func (s *store) put(r checkpoint.Record) {
	r.Cookie = append([]byte(nil), r.Cookie...)
	s.records[r.Key] = r
}

func (s *store) Create(_ context.Context, r checkpoint.Record) (checkpoint.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.Check(); err != nil {
		return r, err
	}
	if _, ok := s.records[r.Key]; ok {
		return r, checkpoint.ErrExists
	}
	return s.own(r), nil
}

func (s *store) Acquire(_ context.Context, k checkpoint.Key) (checkpoint.Record, error) {
	s.mu.Lock()
	r, ok := s.records[k]
	if ok {
		r = s.own(r)
	}
	pause := s.pause
	s.pause = nil
	s.mu.Unlock()
	if !ok {
		return r, checkpoint.ErrNotFound
	}
	if pause != nil {
		pause()
	}
	return r, nil
}

func (s *store) Commit(ctx context.Context, r checkpoint.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.Check(); err != nil {
		return err
	}
	if s.records[r.Key].Epoch != r.Epoch {
		return checkpoint.ErrFenced
	}
	before, after := false, false
	if s.crash != nil {
		before, after = s.crash()
	}
	if before {
		return errCrash
	}
	s.put(r)
	if after {
		return errCrash
	}
	return nil
}

func (s *store) Get(_ context.Context, k checkpoint.Key) (checkpoint.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[k]
	if !ok {
		return r, checkpoint.ErrNotFound
	}
	return r, nil
}

func (s *store) List(context.Context) iter.Seq2[checkpoint.Record, error] {
	panic("BUG: a receiver lists")
}

func (s *store) Expire(context.Context, time.Time, bool) (int, error) {
	panic("BUG: a receiver expires")
}

func (s *store) Close() error { return nil }

// errCrash is what a process meets that is no more.
var errCrash = errors.New("crash")

// An activity is a job on its way, over any number of sessions.
type activity struct {
	job *Job
	a   durable.Activity
}

func newActivity(t testing.TB, j *Job, id string) *activity {
	t.Helper()
	header, err := j.Header.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(header) > durable.MaxHeader {
		t.Fatalf("a header of %d octets", len(header))
	}
	return &activity{job: j, a: durable.Activity{Key: checkpoint.Key{Role: checkpoint.Receiver, Initiator: "i", ID: id}, Header: header}}
}

// session sends what it can on one session: pieces of the sizes that size says, with a point after each for which point says so.
func (x *activity) session(r *Receiver, size func() int, point func() bool) error {
	sink, rec, err := r.Open(bg, &x.a)
	if err != nil {
		if errors.Is(err, errCrash) { // it may be known by now
			if _, err := r.store.Get(bg, x.a.Key); err == nil {
				x.a.Resumed = true
			}
		}
		return err
	}
	defer sink.Close()
	x.a.Resumed = true
	src, err := x.job.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	if err := src.Rewind(rec.Offset); err != nil {
		return err
	}
	for b := make([]byte, 0, 64<<10); ; {
		n, err := src.Read(b[:min(max(1, size()), cap(b))])
		if err != nil && err != io.EOF {
			return err
		}
		if _, err := sink.Write(b[:n]); err != nil {
			return err
		}
		rec.Offset += int64(n)
		if err == io.EOF {
			break
		}
		if point() {
			rec.Serial++
			if err := sink.Commit(bg, rec); err != nil {
				return err
			}
		}
	}
	rec.Serial++
	rec.State = checkpoint.Ended
	return sink.Commit(bg, rec)
}

// send sends a whole plan, without mishaps.
func send(t testing.TB, r *Receiver, p *Plan, id string) {
	t.Helper()
	for i, j := range p.Jobs {
		x := newActivity(t, j, fmt.Sprintf("%s%d", id, i))
		if err := x.session(r, func() int { return 64 << 10 }, func() bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
}

func scan(t testing.TB, o *ScanOptions, paths ...string) *Plan {
	t.Helper()
	p, err := Scan(bg, paths, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func receiver(t testing.TB, dir string, st checkpoint.Store, o *ReceiverOptions) *Receiver {
	t.Helper()
	r, err := NewReceiver(dir, st, o)
	if err != nil {
		t.Fatal(err)
	}
	r.sync = func(*os.File) error { return nil } // a crash of the machine is not what these tests try
	return r
}

// put writes a file, and what is above it.
func put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// look describes all that is below a folder: a line for each path.
func look(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%v", info.Mode())
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %d %x %.40q", info.ModTime().UnixNano(), len(b), sha256.Sum256(b), b)
		case info.IsDir():
			line += fmt.Sprintf(" %d", info.ModTime().UnixNano())
		default:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			line += " " + target
		}
		rel, err := filepath.Rel(dir, p)
		found[rel] = line
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// same tells how two trees differ.
func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	for p, line := range want {
		if got[p] != line {
			t.Errorf("%q: %.300q; want %.300q", p, got[p], line)
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok {
			t.Errorf("%q is there and should not be", p)
		}
	}
}

// grow makes a tree of anything that can be sent.
func grow(t testing.TB, dir string, r *rand.Rand) {
	t.Helper()
	names := []string{"a", "b", ".hidden", "with space", "ünï", "x.y.z", "日本", "-dash", "quote\"'", strings.Repeat("長", 80)}
	if runtime.GOOS == "linux" {
		names = append(names, "\xff\xfe", "new\nline", `back\slash`, "CON", "tail. ")
	}
	folders := []string{"."}
	for i := range 1 + r.IntN(40) {
		name := filepath.Join(folders[r.IntN(len(folders))], names[r.IntN(len(names))]+strconv.Itoa(i))
		full := filepath.Join(dir, name)
		switch r.IntN(8) {
		case 0, 1:
			must(t, os.Mkdir(full, 0o755))
			folders = append(folders, name)
		case 2:
			must(t, os.Symlink("some/where", full))
		case 3:
			f, err := os.Create(full)
			must(t, err)
			_, err = f.WriteAt([]byte("island"), int64(r.IntN(1<<18)))
			must(t, err)
			must(t, f.Truncate(int64(r.IntN(1<<19)+1)))
			must(t, f.Close())
		default:
			size := 0
			if r.IntN(4) > 0 {
				size = 1 << r.IntN(18)
			}
			b := make([]byte, size)
			rand.NewChaCha8([32]byte{byte(i), byte(r.Uint32())}).Read(b)
			must(t, os.WriteFile(full, b, 0o644))
		}
	}
	for i := len(folders) - 1; i > 0; i-- {
		must(t, os.Chmod(filepath.Join(dir, folders[i]), fs.FileMode(0o700|r.IntN(0o100))))
	}
	var all []string
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		all = append(all, p)
		return err
	}))
	for i := len(all) - 1; i >= 0; i-- {
		if info, err := os.Lstat(all[i]); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			continue
		} else if info.Mode().IsRegular() {
			must(t, os.Chmod(all[i], fs.FileMode(0o400|r.IntN(0o1000))))
		}
		must(t, os.Chtimes(all[i], time.Time{}, time.Unix(r.Int64N(2e9), r.Int64N(1e9))))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
