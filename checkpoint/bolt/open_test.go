package bolt

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

func TestOpenFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nowhere", "store")
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "there is no folder "+filepath.Dir(path)) {
		t.Errorf("Open in a folder that is not there: %v", err)
	}
	path = filepath.Join(dir, "store")
	mustOpen(t, path, nil).Close()
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("Open leaves %v, %v", names, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 && os.PathSeparator == '/' {
		t.Errorf("the file's mode: %v, %v", info.Mode(), err)
	}
	if _, err := Open(dir, nil); err == nil {
		t.Error("a folder is opened")
	} else if _, corrupt := errors.AsType[*CorruptError](err); corrupt {
		t.Errorf("a folder is %v", err)
	}
	// An empty file is what a crash may leave where there are no hard links.
	write(t, path, nil)
	st := mustOpen(t, path, nil)
	if _, err := st.Create(t.Context(), checkpoint.Record{Key: key(1)}); err != nil {
		t.Error(err)
	}
	st.Close()
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	first := mustOpen(t, path, nil)
	for _, shared := range []bool{false, true} {
		_, err := Open(path, &Options{Timeout: 20 * time.Millisecond, Shared: shared})
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "20ms") {
			t.Errorf("Open: %v; want ErrLocked", err)
		}
	}
	first.Close()
	shared := mustOpen(t, path, &Options{Shared: true, Timeout: 20 * time.Millisecond})
	defer shared.Close()
	r, err := shared.Create(t.Context(), checkpoint.Record{Key: key(1)})
	if err != nil {
		t.Fatal(err)
	}
	alone := mustOpen(t, path, nil)
	if err := shared.Commit(t.Context(), r); !errors.Is(err, ErrLocked) {
		t.Errorf("Commit: %v; want ErrLocked", err)
	}
	_, err = shared.Get(t.Context(), r.Key)
	if !errors.Is(err, ErrLocked) {
		t.Errorf("Get: %v; want ErrLocked", err)
	}
	alone.Close()
	if err := shared.Commit(t.Context(), r); err != nil {
		t.Errorf("Commit after that: %v", err)
	}
}

// Who waits for the file is let go when the context ends.
func TestLockedContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	shared := mustOpen(t, path, &Options{Shared: true, Timeout: time.Hour})
	r, err := shared.Create(t.Context(), checkpoint.Record{Key: key(1)})
	if err != nil {
		t.Fatal(err)
	}
	alone := mustOpen(t, path, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := shared.Commit(ctx, r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Commit: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := shared.Get(ctx, r.Key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get: %v", err)
	}
	alone.Close()
	if err := shared.Commit(t.Context(), r); err != nil {
		t.Errorf("Commit after that: %v", err)
	}
	shared.Close()
}

// A shared file that is gone does not come back empty, with epochs from 1.
func TestSharedFileIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	shared := mustOpen(t, path, &Options{Shared: true})
	defer shared.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Create(t.Context(), checkpoint.Record{Key: key(1)}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create: %v; want ErrNotExist", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}
