//go:build unix

package control

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	uid := os.Geteuid()
	dir := folder(t)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if got, want := Dir(), filepath.Join(dir, "tenuto"); got != want {
		t.Errorf("Dir = %s; want %s", got, want)
	}
	t.Setenv("TMPDIR", dir)
	fallback := filepath.Join(dir, fmt.Sprintf("tenuto-%d", uid))
	if info, err := os.Stat(fmt.Sprintf("/run/user/%d", uid)); err == nil && isOurs(info) {
		fallback = fmt.Sprintf("/run/user/%d/tenuto", uid)
	}
	for _, other := range []string{"", "relative", filepath.Join(dir, "missing")} {
		t.Setenv("XDG_RUNTIME_DIR", other)
		if got := Dir(); got != fallback {
			t.Errorf("XDG_RUNTIME_DIR=%q: Dir = %s; want %s", other, got, fallback)
		}
	}
	if uid != 0 {
		return
	}
	others := filepath.Join(dir, "others")
	if err := os.Mkdir(others, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(others, 12345, -1); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", others)
	if got := Dir(); got != fallback {
		t.Errorf("another user's XDG_RUNTIME_DIR: Dir = %s; want %s", got, fallback)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(folder(t), "tenuto")
	s := serve(t, dir, "serve", nothing)
	for path, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, s.Path(): os.ModeSocket | 0o600} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestFolderThatIsNotOurs(t *testing.T) {
	try := func(dir string, parts ...string) {
		t.Helper()
		_, err := Listen(Config{Dir: dir, Role: "serve", Snapshot: nothing})
		wantText(t, err, append(parts, dir)...)
		_, err = Read(t.Context(), dir)
		wantText(t, err, append(parts, dir)...)
	}
	dir := folder(t)
	os.Chmod(dir, 0o750)
	try(dir, "run chmod 700")
	os.Chmod(dir, 0o700)
	link := filepath.Join(folder(t), "link")
	os.Symlink(dir, link)
	try(link, "not a folder")
	if os.Geteuid() == 0 {
		os.Chown(dir, 12345, -1)
		try(dir, "another user")
	}
}

func TestSocketOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a socket away")
	}
	dir := folder(t)
	s := serve(t, dir, "serve", nothing)
	if err := os.Chown(s.Path(), 12345, -1); err != nil {
		t.Fatal(err)
	}
	st, err := Read(t.Context(), dir)
	if err != nil || len(st.Processes) != 0 || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], s.Path()+" belongs to another user") {
		t.Errorf("Read = %+v, %v; want the socket left out, with a sentence", st, err)
	}
}
