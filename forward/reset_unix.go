//go:build unix

package forward

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// awaitReset waits on a connection whose io.EOF was read, and returns the error that its peer's reset leaves; nil when it is
// closed here, or when there is nothing to wait on.
func awaitReset(local Local) error {
	c, ok := local.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var reset error
	raw.Read(func(fd uintptr) (done bool) {
		// The poller wakes us for every change of the socket, most of which are of no interest.
		if code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
			reset = os.NewSyscallError("read", syscall.Errno(code))
		}
		return reset != nil
	})
	return reset
}
