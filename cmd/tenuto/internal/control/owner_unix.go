//go:build unix

package control

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// isOurs tells whether a file belongs to the user.
func isOurs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

func isPrivate(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

// isRefused tells whether nobody listens on a socket.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
