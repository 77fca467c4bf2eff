package identity

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// readOnly makes the folder of a store and its files read-only, for root too.
func readOnly(t *testing.T, s *Store) {
	t.Helper()
	dir := s.Dir()
	if os.Geteuid() != 0 {
		for file := range questions {
			os.Chmod(s.path(file), 0o400) // as far as it is there
		}
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir, 0o700) })
		return
	}
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		if errors.Is(err, unix.EPERM) {
			t.Skip("root may not mount here")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	filled := filled(t)
	s, log := open(t, filled.Dir(), false)
	readOnly(t, s)
	for file, ask := range questions {
		if err := ask(s); err != nil {
			t.Errorf("%s, which is there: %v", file, err)
		}
	}
	if err := s.Verify("tenuto://other", keyOf(2)); err != nil {
		t.Error(err)
	}
	if got := log.take(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, Fingerprint(keyOf(2))) {
		t.Errorf("log %q; want a warning that the key could not be noted", got)
	}
	empty, _ := open(t, t.TempDir(), false)
	readOnly(t, empty)
	_, err := empty.Key()
	wantText(t, err, empty.path(keyFile), "--config-dir", "tenuto keygen")
}

// A full disk leaves no half of a line.
func TestFullDisk(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if err := appendLine(f, "x"); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("appendLine: %v; want ENOSPC", err)
	}
}
