//go:build unix

package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// special makes what is not sent, and adds its names to those of which there are warnings.
func special(t *testing.T, dir string, want map[string]bool) {
	t.Helper()
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	want["pipe"] = true
	if os.Getuid() != 0 {
		put(t, filepath.Join(dir, "secret"), "x")
		must(t, os.Chmod(filepath.Join(dir, "secret"), 0))
		want["secret"] = true
	}
}

// A pipe or a link in the place of a file is neither waited for nor followed.
func TestSwappedSource(t *testing.T) {
	for _, swap := range []func(string) error{
		func(f string) error { return unix.Mkfifo(f, 0o600) },
		func(f string) error { return os.Symlink("/etc/passwd", f) },
	} {
		file := filepath.Join(t.TempDir(), "file")
		put(t, file, "x")
		j := scan(t, nil, file).Jobs[0]
		must(t, os.Remove(file))
		must(t, swap(file))
		src, err := j.Open()
		must(t, err)
		_, err = src.Read(make([]byte, 100))
		must(t, err) // the header
		_, err = src.Read(make([]byte, 100))
		if _, ok := errors.AsType[*ChangedError](err); !ok && !errors.Is(err, unix.ELOOP) {
			t.Errorf("%v; want an error", err)
		}
		src.Close()
	}
}
