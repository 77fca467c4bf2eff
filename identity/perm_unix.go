//go:build unix

package identity

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// checkPrivate refuses a private key that others than its owner can do anything with.
func checkPrivate(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &PermissionError{path, mode, fmt.Sprintf("so that others than its owner can use the private key in it: run chmod 600 %s", quote(path))}
	}
	return checkOwner(path, info)
}

// checkShared refuses a file that others could change: whoever writes there decides who is trusted. Others may read it.
func checkShared(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return &PermissionError{path, mode, fmt.Sprintf("so that others than its owner can change whom it trusts: run chmod go-w %s", quote(path))}
	}
	return checkOwner(path, info)
}

// checkOwner refuses a file of another user, and one in a folder where others could put another in its place. In a folder with the
// sticky bit they cannot.
func checkOwner(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("identity: %s is not a regular file", path)
	}
	if err := checkUser(path, info); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	folder, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	if mode := folder.Mode().Perm(); mode&0o022 != 0 && folder.Mode()&fs.ModeSticky == 0 {
		return &PermissionError{dir, mode, fmt.Sprintf("so that others than its owner can replace the files in it: run chmod go-w %s", quote(dir))}
	}
	return checkUser(dir, folder)
}

func checkUser(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && int(st.Uid) != uid && st.Uid != 0 {
		return &PermissionError{path, info.Mode().Perm(), fmt.Sprintf("and belongs to user %d, who is neither you (user %d) nor root: run chown %d %s",
			st.Uid, uid, uid, quote(path))}
	}
	return nil
}
