//go:build unix

package unix

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// The mode is the one asked for whatever the umask is.
func TestMode(t *testing.T) {
	for _, umask := range []int{0, 0o22, 0o777} {
		for query, want := range map[string]fs.FileMode{"": 0o600, "mode=660": 0o660, "mode=0606": 0o606} {
			u := place(t)
			u.RawQuery = query
			old := syscall.Umask(umask)
			ln, err := new(Network).Listen(t.Context(), u)
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.Lstat(u.Path)
			if err != nil || file.Mode() != fs.ModeSocket|want {
				t.Errorf("umask %o, %q: %v, %v; want %o", umask, query, file.Mode(), err, want)
			}
			ln.Close()
		}
	}
}
