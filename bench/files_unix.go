//go:build unix

package bench

import (
	"fmt"
	"syscall"
)

// wantFiles raises the limit of open files to n, or says why it cannot.
func wantFiles(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("the limit of open files: %w", err)
	}
	if limit.Cur >= n {
		return nil
	}
	// Only a privileged process may raise the second one.
	raised := syscall.Rlimit{Cur: n, Max: max(n, limit.Max)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return fmt.Errorf("%d open files are needed, and the limit is %d: raise it with ulimit -Hn (%w)", n, limit.Cur, err)
	}
	return nil
}
