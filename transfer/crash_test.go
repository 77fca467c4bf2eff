package transfer

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// TestCrashes sends trees on sessions that are cut anywhere, to receivers that die anywhere: before any change of a file, and around a commit. In the end
// the trees are the same, and nothing else is there; before that no name has half a file.
func TestCrashes(t *testing.T) {
	for seed := range simSeeds(t) {
		crashes(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func crashes(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	from, to := filepath.Join(t.TempDir(), "tree"), t.TempDir()
	must(t, os.Mkdir(from, 0o750))
	grow(t, from, r)
	st := newStore()
	recv := receiver(t, to, st, &ReceiverOptions{Existing: Existing(r.IntN(2)), AnyLinks: true})

	var life atomic.Int64 // operations until the receiver dies
	life.Store(1 + r.Int64N(200))
	recv.fault = func(op, path string) error {
		if life.Add(-1) <= 0 {
			return errCrash
		}
		return nil
	}
	st.crash = func() (before, after bool) {
		switch r.IntN(12) {
		case 0:
			return true, false
		case 1:
			return false, true
		}
		return false, false
	}
	plan := scan(t, &ScanOptions{Large: 64 << 10, Octets: 100 << 10, Entries: 1 + r.IntN(20)}, from)
	want := look(t, filepath.Dir(from))
	for i, j := range plan.Jobs {
		x := newActivity(t, j, "x"+strconv.Itoa(i))
		for tries := 0; ; tries++ {
			// The more often it was tried, the longer it lives.
			most := 1 << r.IntN(17)
			cut := 1 + r.IntN(100+10*tries)
			err := x.session(recv, func() int { return r.IntN(most) }, func() bool {
				if cut--; cut == 0 {
					life.Store(0)
				}
				return r.IntN(4) == 0
			})
			if err == nil {
				break
			}
			if !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			if r.IntN(4) == 0 {
				halves(t, look(t, to), want)
			}
			life.Store(1 + r.Int64N(int64(50+10*tries)))
		}
	}
	same(t, look(t, to), want)
}

// halves fails if a file has its name and is not what it should be.
func halves(t *testing.T, got, want map[string]string) {
	t.Helper()
	for p, line := range got {
		if !strings.Contains(p, mark) && line[0] != 'd' && line != want[p] {
			t.Errorf("%q: %.300q; want %.300q", p, line, want[p])
		}
	}
}

// TestEachCrash ends a process before each change that it makes, one after the other, and lets the next one go on. What it says in the store and has done
// in the folder is taken up; with Discarded all of it goes.
func TestEachCrash(t *testing.T) {
	from := filepath.Join(t.TempDir(), "tree")
	put(t, filepath.Join(from, "a"), "one")
	put(t, filepath.Join(from, "b", "c"), strings.Repeat("two", 1000))
	put(t, filepath.Join(from, "b", "d"), "")
	must(t, os.Symlink("b/c", filepath.Join(from, "e")))
	want := look(t, filepath.Dir(from))
	for _, existing := range []Existing{Keep, Replace} {
		for _, discard := range []bool{false, true} {
			for n := 1; ; n++ {
				to, st := t.TempDir(), newStore()
				recv := receiver(t, to, st, &ReceiverOptions{Existing: existing})
				crashed := false
				for i, j := range scan(t, nil, from).Jobs {
					crashed = eachCrash(t, recv, st, newActivity(t, j, "x"+strconv.Itoa(i)), n, discard) || crashed
				}
				got := look(t, to)
				if !discard {
					same(t, got, want)
				}
				for p := range got {
					if strings.Contains(p, mark) {
						t.Errorf("discarded: %v, after %d: %q is left", discard, n, p)
					}
				}
				if t.Failed() || !crashed {
					break
				}
			}
		}
	}
}

// eachCrash lets the n-th change fail, and tells whether there was one.
func eachCrash(t *testing.T, recv *Receiver, st *store, x *activity, n int, discard bool) bool {
	t.Helper()
	size, point := func() int { return 700 }, func() bool { return true }
	var life atomic.Int64
	life.Store(int64(n))
	count := func() bool { return life.Add(-1) == 0 }
	recv.fault = func(string, string) error {
		if count() {
			return errCrash
		}
		return nil
	}
	st.crash = func() (before, after bool) { return count(), count() }
	err := x.session(recv, size, point)
	if err == nil {
		return false
	}
	if !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	if !discard {
		if err := x.session(recv, size, point); err != nil {
			t.Fatalf("after a crash before change %d: %v", n, err)
		}
		return true
	}
	life.Store(int64(n/2 + 1)) // once more, while it is discarded
	for range 2 {
		sink, rec, err := recv.Open(bg, &x.a)
		if errors.Is(err, checkpoint.ErrNotFound) {
			break
		}
		if err == nil {
			rec.State = checkpoint.Discarded
			if rec, _ := st.Get(bg, x.a.Key); rec.State == checkpoint.Ended {
				sink.Close()
				return true
			}
			err = sink.Commit(bg, rec)
			sink.Close()
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
	}
	if rec, err := st.Get(bg, x.a.Key); err != nil || rec.State != checkpoint.Discarded {
		t.Fatalf("after a discard that crashed: %v, %v", rec.State, err)
	}
	return true
}
