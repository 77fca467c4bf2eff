package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// redirect puts a device where a store's file is; the lock stays with the file, which comes back with restore.
func redirect(t *testing.T, st *Store, device string) (restore func()) {
	t.Helper()
	dev, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	fd := int(st.h.file.Fd())
	kept, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(from int) {
		if err := unix.Dup3(from, fd, unix.O_CLOEXEC); err != nil {
			t.Error(err)
		}
	}
	swap(int(dev.Fd()))
	return func() { swap(kept); unix.Close(kept) }
}

// No space on the disk fails what cannot be written, and nothing else.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := mustOpen(t, path, nil)
	r, err := st.Create(t.Context(), checkpoint.Record{Key: key(1)})
	if err != nil {
		t.Fatal(err)
	}
	// Room within the file, so that it need not grow: it is a device's size that would be asked for.
	r.Cookie = make([]byte, checkpoint.MaxCookie)
	for i := range 10 {
		if _, err := st.Create(t.Context(), checkpoint.Record{Key: key(10 + i), Cookie: r.Cookie}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := st.Expire(t.Context(), time.Now().Add(time.Hour), true); n != 11 || err != nil {
		t.Fatalf("Expire = %d, %v", n, err)
	}
	if r, err = st.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for n := range uint32(5) {
		restore := redirect(t, st, "/dev/full")
		bad := r
		bad.Serial, bad.Cookie = 100, make([]byte, 4000)
		if err := st.Commit(t.Context(), bad); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), path) {
			t.Errorf("Commit: %v; want ENOSPC", err)
		}
		if _, err := st.Create(t.Context(), checkpoint.Record{Key: key(2)}); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("Create: %v; want ENOSPC", err)
		}
		if got, err := st.Get(t.Context(), key(1)); err != nil || got.Serial != r.Serial {
			t.Errorf("Get: serial %d, %v; want %d", got.Serial, err, r.Serial)
		}
		restore()
		if r.Serial = n + 1; st.Commit(t.Context(), r) != nil {
			t.Errorf("Commit when there is space again: %v", err)
		}
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	st = mustOpen(t, path, nil)
	defer st.Close()
	if all := records(t, st); len(all) != 1 || all[0].Serial != r.Serial || all[0].Epoch != r.Epoch {
		t.Errorf("the store has %v", all)
	}
}

// A flush that fails leaves nobody knowing. The store says so until it is opened again.
func TestFlushFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st := mustOpen(t, path, nil)
	r, err := st.Create(t.Context(), checkpoint.Record{Key: key(1)})
	if err != nil {
		t.Fatal(err)
	}
	restore := redirect(t, st, "/dev/null") // takes what is written, and cannot flush
	next := r
	next.Serial = 1
	err = st.Commit(t.Context(), next)
	if err == nil || !strings.Contains(err.Error(), "flush "+path) {
		t.Errorf("Commit: %v; want the flush's error", err)
	}
	restore()
	if again := st.Commit(t.Context(), next); again != err {
		t.Errorf("Commit again: %v; want %v", again, err)
	}
	if _, again := st.Get(t.Context(), key(1)); again != err {
		t.Errorf("Get: %v; want %v", again, err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	st = mustOpen(t, path, nil)
	defer st.Close()
	if err := st.Commit(t.Context(), next); err != nil {
		t.Errorf("Commit after it is opened again: %v", err)
	}
}
