package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenuto-session/tenuto/checkpoint"
)

func key(i int) checkpoint.Key {
	return checkpoint.Key{Role: checkpoint.Sender, Initiator: "i", ID: fmt.Sprint(i)}
}

// filled makes a file with records on many pages, of which some are free again, and returns its octets.
func filled(t *testing.T, path string) []byte {
	t.Helper()
	b, err := fill()
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, b)
	return bytes.Clone(b)
}

// fill makes that file once.
var fill = sync.OnceValues(func() ([]byte, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "filled-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	st, err := Open(filepath.Join(dir, "store"), nil)
	if err != nil {
		return nil, err
	}
	for i := range 150 {
		r, err := st.Create(ctx, checkpoint.Record{Key: key(i), Cookie: make([]byte, i*27)})
		if err != nil {
			return nil, err
		}
		if i%3 == 0 {
			r.State = checkpoint.Ended
			err = st.Commit(ctx, r)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := st.Expire(ctx, time.Now().Add(time.Hour), false); err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(st.path)
})

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantCorrupt(t *testing.T, what string, err error, path string) {
	t.Helper()
	if c, ok := errors.AsType[*CorruptError](err); !ok || c.Path != path || !strings.Contains(err.Error(), path) {
		t.Errorf("%s: %v; want a CorruptError", what, err)
	}
}

// use does all there is to do with a store that may be damaged.
func use(t *testing.T, st *Store) {
	t.Helper()
	errs := []error{}
	for _, err := range st.List(t.Context()) {
		errs = append(errs, err)
	}
	for i := 1; i < 150; i += 70 {
		r, err := st.Acquire(t.Context(), key(i))
		errs = append(errs, err)
		if err == nil {
			r.Cookie = make([]byte, 4000-i)
			errs = append(errs, st.Commit(t.Context(), r))
		}
	}
	_, err := st.Create(t.Context(), checkpoint.Record{Key: key(1000)})
	errs = append(errs, err)
	_, err = st.Expire(t.Context(), time.Now().Add(time.Hour), true)
	errs = append(errs, err)
	for _, err := range errs {
		// A page of some time ago is whole, but has other records, or other epochs.
		if _, ok := errors.AsType[*CorruptError](err); err != nil && !ok && !errors.Is(err, checkpoint.ErrNotFound) && !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("a damaged store says %v", err)
		}
	}
	if err := st.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Whatever is wrong with a file, Open says so, or the store works: it neither panics nor hangs.
func TestDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	whole := filled(t, path)
	size := os.Getpagesize()
	s, err := currentState(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	// Only pages that are in use: what is free or behind the last may hold anything.
	c := checker{f: bytes.NewReader(whole), state: s, seen: make([]bool, s.high)}
	if err := c.tree(s.root, 0, span{}); err != nil {
		t.Fatal(err)
	}
	used := []int{0, 1, int(s.free)}
	for i, seen := range c.seen {
		if seen {
			used = append(used, i)
		}
	}
	refused := 0
	var kinds [6]int
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		b := bytes.Clone(whole)
		page := func() []byte { return b[used[rnd.IntN(len(used))]*size:][:size] }
		switch seed % 6 {
		case 0: // some octets, mostly in headers
			p := page()
			for range 1 + rnd.IntN(8) {
				p[rnd.IntN(size)>>rnd.IntN(8)] = byte(rnd.Uint32())
			}
		case 1:
			clear(page())
		case 2: // written elsewhere
			copy(page(), page())
		case 3:
			b = b[:rnd.IntN(int(s.high)*size)]
		case 4: // as it was some time ago, but for its number
			p, q := page(), page()
			copy(p[8:], q[8:])
		case 5:
			p := page()
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
		}
		write(t, path, b)
		st, err := Open(path, nil)
		if err == nil {
			use(t, st)
			continue
		}
		if len(b) == 0 {
			t.Errorf("seed %d: a file of no octets: %v", seed, err)
		}
		refused++
		kinds[seed%6]++
		wantCorrupt(t, fmt.Sprintf("seed %d", seed), err, path)
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, b) {
			t.Errorf("seed %d: Open has changed a damaged file (%v)", seed, err)
		}
	}
	t.Logf("%d of 150 were refused, by kind %d; %d of %d pages are in use", refused, kinds, len(used), s.high)
	if refused < 50 || refused == 150 {
		t.Error("these are not the files this test is for")
	}
}

// What becomes of the file after Open is met as it comes.
func TestDamagedWhileOpen(t *testing.T) {
	for _, shared := range []bool{false, true} {
		for name, damage := range map[string]func(t *testing.T, f *os.File, size int64){
			"cut off": func(t *testing.T, f *os.File, _ int64) {
				if err := f.Truncate(int64(2 * os.Getpagesize())); err != nil {
					t.Error(err)
				}
			},
			"emptied": func(t *testing.T, f *os.File, _ int64) {
				if err := f.Truncate(0); err != nil {
					t.Error(err)
				}
			},
			"wiped behind the meta pages": func(t *testing.T, f *os.File, size int64) {
				at := int64(2 * os.Getpagesize())
				if _, err := f.WriteAt(make([]byte, size-at), at); err != nil {
					t.Error(err)
				}
			},
			"wiped": func(t *testing.T, f *os.File, size int64) {
				if _, err := f.WriteAt(make([]byte, size), 0); err != nil {
					t.Error(err)
				}
			},
		} {
			t.Run(fmt.Sprintf("%s, shared %v", name, shared), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "store")
				size := len(filled(t, path))
				st := mustOpen(t, path, &Options{Shared: shared})
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if damage(t, f, int64(size)); t.Failed() {
					return
				}
				_, err = st.Get(t.Context(), key(1))
				wantCorrupt(t, "Get", err, path)
				_, err = st.Create(t.Context(), checkpoint.Record{Key: key(2000)})
				wantCorrupt(t, "Create", err, path)
				use(t, st)
			})
		}
	}
}

// edit changes a file past the store.
func edit(t *testing.T, path string, f func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestLaterFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	filled(t, path)
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket(metaName).Put(formatName, binary.BigEndian.AppendUint32(nil, format+1))
	})
	before, _ := os.ReadFile(path)
	for _, shared := range []bool{false, true} {
		_, err := Open(path, &Options{Shared: shared})
		if v, ok := errors.AsType[*VersionError](err); !ok || *v != (VersionError{path, format + 1, format}) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open: %v; want a VersionError", err)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("Open has changed a file of a later format")
	}
}

func TestNotOurs(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"text": func(t *testing.T, path string) { write(t, path, []byte("# settings\n")) },
		"much text": func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("# settings\n", 10000)))
		},
		"zeros": func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte{0}, 1<<16)) },
		"another's": func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err })
		},
		"no records": func(t *testing.T, path string) {
			filled(t, path)
			edit(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket(recordsName) })
		},
		"no format": func(t *testing.T, path string) {
			filled(t, path)
			edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(metaName).Delete(formatName) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			make(t, path)
			before, _ := os.ReadFile(path)
			_, err := Open(path, nil)
			wantCorrupt(t, "Open", err, path)
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("Open has changed a file that is not ours")
			}
		})
	}
}

// A record that is damaged hurts no other.
func TestDamagedRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	filled(t, path)
	edit(t, path, func(tx *bbolt.Tx) error {
		b := tx.Bucket(recordsName)
		k := encodeKey(key(50))
		v := bytes.Clone(b.Get(k))
		v[20]++
		return b.Put(k, v)
	})
	st := mustOpen(t, path, nil)
	defer st.Close()
	_, err := st.Get(t.Context(), key(50))
	wantCorrupt(t, "Get", err, path)
	_, err = st.Acquire(t.Context(), key(50))
	wantCorrupt(t, "Acquire", err, path)
	n := 0
	for _, err = range st.List(t.Context()) {
		n++
	}
	wantCorrupt(t, fmt.Sprintf("List after %d", n), err, path)
	r, err := st.Acquire(t.Context(), key(52))
	if err == nil {
		err = st.Commit(t.Context(), r)
	}
	if err != nil {
		t.Errorf("another activity: %v", err)
	}
	// So hurts an epoch none but those that want one.
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(metaName).Put(epochName, encodeEpoch(math.MaxUint64)) })
	st = mustOpen(t, path, nil)
	defer st.Close()
	_, err = st.Acquire(t.Context(), key(52))
	wantCorrupt(t, "Acquire at the last epoch", err, path)
	if err := st.Commit(t.Context(), r); err != nil {
		t.Errorf("Commit: %v", err)
	}
}
