//go:build !unix

package tcp

import "syscall"

const canTryWrite = false

// tryWriter takes nothing: the system has no write that does not wait.
type tryWriter struct{}

func (*tryWriter) init(syscall.RawConn)        {}
func (*tryWriter) write([][]byte) (int, error) { return 0, nil }
