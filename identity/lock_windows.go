package identity

import (
	"os"

	"golang.org/x/sys/windows"
)

// lock waits until nobody else holds the file's lock, and takes it. Closing the file gives it back. A locked octet could not be
// read by others, so it is one that no file of ours has.
func lock(f *os.File) error {
	beyond := &windows.Overlapped{OffsetHigh: 1 << 30}
	return os.NewSyscallError("LockFileEx", windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, beyond))
}
