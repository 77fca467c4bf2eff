//go:build !unix

package bench

import "syscall"

// narrow does nothing: the figures of paths are Unix systems'.
func narrow(syscall.RawConn) error { return nil }
