//go:build unix

package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestModesOfWhatIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tenuto")
	s, _ := open(t, dir, false)
	if _, err := s.Key(); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify("tenuto://host", keyOf(1)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, s.path(keyFile): 0o600, s.path(knownFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %o, %v; want %o", path, info.Mode().Perm(), err, want)
		}
	}
}

// The files of a store, and the question that reads each.
var questions = map[string]func(*Store) error{
	keyFile:        func(s *Store) error { _, err := s.Key(); return err },
	knownFile:      func(s *Store) error { return s.Verify("tenuto://host", keyOf(1)) },
	authorizedFile: func(s *Store) error { return s.Admit("", keyOf(1), "") },
}

// filled is a store whose files all hold.
func filled(t *testing.T) *Store {
	t.Helper()
	s, _ := open(t, filepath.Join(t.TempDir(), "it's a folder"), false)
	if _, err := s.Key(); err != nil {
		t.Fatal(err)
	}
	write(t, s.path(authorizedFile), text1+"\n")
	for file, ask := range questions {
		if err := ask(s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return s
}

func TestWrongModesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		file   string
		mode   fs.FileMode
		refuse bool
	}{
		{keyFile, 0o400, false},
		{keyFile, 0o640, true},
		{keyFile, 0o604, true},
		{keyFile, 0o610, true},
		{authorizedFile, 0o644, false},
		{authorizedFile, 0o664, true},
		{authorizedFile, 0o646, true},
		{knownFile, 0o644, false},
		{knownFile, 0o620, true},
	} {
		s := filled(t)
		ask, path := questions[tt.file], s.path(tt.file)
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		err := ask(s)
		p, ok := errors.AsType[*PermissionError](err)
		if ok != tt.refuse || err != nil && !ok {
			t.Errorf("%s of mode %o: %v; want refused %v", tt.file, tt.mode, err, tt.refuse)
		}
		if tt.refuse {
			wantText(t, err, path, fmt.Sprintf("mode 0%o", tt.mode), "run chmod ", quote(path))
			if p.Mode != tt.mode || p.Path != path {
				t.Errorf("PermissionError of %o, %s; want %o, %s", p.Mode, p.Path, tt.mode, path)
			}
			os.Chmod(path, 0o600)
			if err := ask(s); err != nil {
				t.Errorf("%s of mode 0600 again: %v", tt.file, err)
			}
		}
	}
}

func TestFolderThatOthersCanWrite(t *testing.T) {
	s := filled(t)
	for file, ask := range questions {
		for mode, refuse := range map[fs.FileMode]bool{0o755: false, 0o775: true, 0o707: true, 0o777 | fs.ModeSticky: false} {
			if err := os.Chmod(s.Dir(), mode); err != nil {
				t.Fatal(err)
			}
			err := ask(s)
			if p, ok := errors.AsType[*PermissionError](err); ok != refuse || err != nil && (!ok || p.Path != s.Dir()) {
				t.Errorf("%s in a folder of mode %v: %v; want refused %v", file, mode, err, refuse)
			}
		}
	}
	// It is told when a key is made there, not when it is used next.
	os.Remove(s.path(keyFile))
	os.Chmod(s.Dir(), 0o777)
	if _, err := s.Key(); err == nil {
		t.Error("a key was made in a folder that anybody can write")
	}
}

func TestFilesOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for file, ask := range questions {
		s := filled(t)
		for _, path := range []string{s.path(file), s.Dir()} {
			if err := os.Chown(path, 12345, -1); err != nil {
				t.Fatal(err)
			}
			err := ask(s)
			if p, ok := errors.AsType[*PermissionError](err); !ok || p.Path != path {
				t.Errorf("%s of another user: %v; want it refused", path, err)
			}
			wantText(t, err, "user 12345", "run chown 0 "+quote(path))
			os.Chown(path, 0, -1)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"/home/me/.config": "/home/me/.config",
		"/a b":             "'/a b'",
		"it's":             `'it'\''s'`,
		"$(x)":             "'$(x)'",
		"":                 "''",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s; want %s", in, got, want)
		}
	}
}
