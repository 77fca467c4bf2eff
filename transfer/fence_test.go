package transfer

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

// An owner is one of several that have an activity open and believe that it is theirs.
type owner struct {
	sink durable.Sink
	rec  checkpoint.Record
	at   int64 // octets written
}

// TestOwners lets an activity be taken over again and again, at one receiver or by those of several processes, while all who had it go on: each writes,
// commits, ends and discards as if nothing had been. Files that have their names are whole, and in the end the activity comes to its end with whoever has
// it.
func TestOwners(t *testing.T) {
	for seed := range simSeeds(t) {
		owners(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func owners(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	from, to := filepath.Join(t.TempDir(), "d"), t.TempDir()
	must(t, os.Mkdir(from, 0o755))
	for _, name := range []string{"a", "b", "c"} {
		put(t, filepath.Join(from, name), strings.Repeat(name, r.IntN(3000)))
	}
	several := seed%2 == 1
	see := func(dir string) map[string]string {
		found := look(t, dir)
		if several { // who writes what is there already changes a time
			for p, line := range found {
				fields := strings.Fields(line)
				found[p] = strings.Join(append(fields[:1], fields[2:]...), " ")
			}
		}
		return found
	}
	want := see(filepath.Dir(from))
	j := scan(t, nil, from).Jobs[0]
	src, err := j.Open()
	must(t, err)
	all, err := io.ReadAll(src)
	must(t, err)
	must(t, src.Close())
	st := newStore()
	o := &ReceiverOptions{Existing: Existing(seed / 2 % 2)}
	recv := receiver(t, to, st, o)
	x := newActivity(t, j, "a")

	var have []*owner
	take := func() error {
		if several {
			recv = receiver(t, to, st, o)
		}
		sink, rec, err := recv.Open(bg, &x.a)
		if err == nil {
			x.a.Resumed = true
			have = append(have, &owner{sink, rec, rec.Offset})
		}
		return err
	}
	must(t, take())
	discards := seed%8 >= 6
	for range 60 {
		o := have[r.IntN(len(have))]
		switch n := r.IntN(12); {
		case n == 0 && len(have) < 6:
			if err := take(); err != nil && !(discards && errors.Is(err, checkpoint.ErrNotFound)) {
				t.Fatal(err)
			}
		case n < 7:
			n, _ := o.sink.Write(all[o.at:min(int64(len(all)), o.at+int64(r.IntN(1500)))])
			o.at += int64(n)
		default:
			rec := o.rec
			rec.Offset = o.at
			rec.Serial++
			if o.at == int64(len(all)) {
				rec.State = checkpoint.Ended
			} else if discards && n == 11 {
				rec.State = checkpoint.Discarded
			}
			err := o.sink.Commit(bg, rec)
			if err == nil {
				o.rec = rec
			} else if !errors.Is(err, checkpoint.ErrFenced) && o == have[len(have)-1] {
				t.Fatal(err)
			}
		}
		halves(t, see(to), want)
	}
	// The last one opens it, and is let alone.
	err = take()
	if rec, _ := st.Get(bg, x.a.Key); rec.State == checkpoint.Discarded {
		if !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("a discarded activity is resumed: %v", err)
		}
	} else {
		must(t, err)
		o := have[len(have)-1]
		if o.rec.State != checkpoint.Ended {
			_, err := o.sink.Write(all[o.at:])
			must(t, err)
			o.rec.Offset, o.rec.State = int64(len(all)), checkpoint.Ended
			must(t, o.sink.Commit(bg, o.rec))
		}
		for p, line := range want {
			if got := see(to)[p]; line[0] == '-' && got != line {
				t.Errorf("%q: %.200q; want %.200q", p, got, line)
			}
		}
	}
	for _, o := range have {
		o.sink.Close()
	}
}

// Who is not the owner any more neither renames nor removes anything, whether it has heard of that at its receiver or not.
func TestFenced(t *testing.T) {
	for i := range 2 {
		fenced(t, i == 1)
	}
}

func fenced(t *testing.T, several bool) {
	for _, state := range []checkpoint.State{checkpoint.Ended, checkpoint.Discarded, checkpoint.Running} {
		dir := t.TempDir()
		st := newStore()
		r := receiver(t, dir, st, nil)
		other := r
		if several {
			other = receiver(t, dir, st, nil)
		}
		var s stream
		s.add(Entry{Type: File, Path: "f"}, "text")
		a := s.activity(t, "a")
		old, rec, err := r.Open(bg, a)
		must(t, err)
		_, err = old.Write(s.octets)
		must(t, err)
		rec.Offset, rec.State = int64(len(s.octets)), state
		a.Resumed = true
		now, _, err := other.Open(bg, a)
		must(t, err)
		before := look(t, dir)
		for range 2 {
			if err := old.Commit(bg, rec); !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("%v: %v; want that it is fenced", state, err)
			}
		}
		if _, err := old.Write(nil); !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("%v: a write after it: %v", state, err)
		}
		must(t, old.Close())
		must(t, now.Close())
		same(t, look(t, dir), before)
	}
}

// Who is overtaken after it has acquired the record, by one in another process that gets to the activity's middle, its end, or discards it, destroys nothing of
// what that has committed.
func TestOvertaken(t *testing.T) {
	text := strings.Repeat("text", 1000)
	var s stream
	s.add(Entry{Type: File, Path: "a"}, text)
	s.add(Entry{Type: File, Path: "b"}, text)
	end := int64(len(s.octets))
	for _, to := range []struct {
		offset int64
		state  checkpoint.State
	}{{300, checkpoint.Running}, {end - 100, checkpoint.Running}, {end, checkpoint.Running}, {end, checkpoint.Ended}, {300, checkpoint.Discarded}} {
		dir, st := t.TempDir(), newStore()
		a := s.activity(t, "a")
		write := func(r *Receiver, to int64, state checkpoint.State) error {
			sink, rec, err := r.Open(bg, a)
			if err != nil {
				return err
			}
			defer sink.Close()
			a.Resumed = true
			if _, err := sink.Write(s.octets[rec.Offset:to]); err != nil {
				return err
			}
			rec.Offset, rec.State = to, state
			return sink.Commit(bg, rec)
		}
		must(t, write(receiver(t, dir, st, nil), 200, checkpoint.Running))
		var before map[string]string
		st.pause = func() {
			must(t, write(receiver(t, dir, st, nil), to.offset, to.state))
			before = look(t, dir)
		}
		sink, _, err := receiver(t, dir, st, nil).Open(bg, a)
		if err == nil {
			must(t, sink.Close())
		} else if !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("%+v: %v; want that it is fenced", to, err)
		}
		same(t, look(t, dir), before)
		if to.state == checkpoint.Running {
			must(t, write(receiver(t, dir, st, nil), end, checkpoint.Ended))
		}
		for _, name := range []string{"a", "b"} {
			if got, err := os.ReadFile(filepath.Join(dir, name)); to.state != checkpoint.Discarded && (err != nil || string(got) != text) {
				t.Errorf("%+v: %s has %d octets, %v", to, name, len(got), err)
			}
		}
	}
}
