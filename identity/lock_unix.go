//go:build unix && !aix && !solaris

package identity

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock waits until nobody else holds the file's lock, and takes it. Closing the file gives it back.
func lock(f *os.File) error {
	for {
		// Flock holds among the processes of all users of a file, and among the goroutines that each opened it.
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}
