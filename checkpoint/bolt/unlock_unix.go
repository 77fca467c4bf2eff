//go:build unix && !aix && !solaris

package bolt

import (
	"os"

	"golang.org/x/sys/unix"
)

// unlock gives a file's lock back: it stays with what is mapped when the file is closed. The error is that there was none.
func unlock(f *os.File) { unix.Flock(int(f.Fd()), unix.LOCK_UN) }
