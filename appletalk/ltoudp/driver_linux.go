package ltoudp

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// setOptions lets several programs of this host have the port, and lets the socket hear the group on its own interfaces alone:
// without that, Linux lets it hear what any program has joined.
func setOptions(c syscall.RawConn) (err error) {
	control := c.Control(func(fd uintptr) {
		err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0))
	})
	return errors.Join(control, err)
}
