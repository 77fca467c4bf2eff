package ltoudp

import (
	"errors"
	"syscall"
)

// setOptions lets several programs of this host have the port.
func setOptions(c syscall.RawConn) (err error) {
	control := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	})
	return errors.Join(control, err)
}
