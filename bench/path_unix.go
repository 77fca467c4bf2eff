//go:build unix

package bench

import "syscall"

// narrow keeps the window of a socket small. It has to be said before there is a connection.
func narrow(c syscall.RawConn) (err error) {
	cerr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, pathQueue)
	})
	if err == nil {
		err = cerr
	}
	return err
}
