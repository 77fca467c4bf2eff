//go:build unix && !linux

package ltoudp

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// setOptions lets several programs of this host have the port.
func setOptions(c syscall.RawConn) (err error) {
	control := c.Control(func(fd uintptr) {
		err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	})
	return errors.Join(control, err)
}
