//go:build unix

package demo

import "syscall"

// narrow keeps the window of a socket small. It has to be said before there is a connection.
func narrow(_, _ string, c syscall.RawConn) (err error) {
	cerr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, valveQueue)
	})
	if err == nil {
		err = cerr
	}
	return err
}
