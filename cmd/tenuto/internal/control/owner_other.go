//go:build !unix

package control

import (
	"errors"
	"io/fs"
	"syscall"
)

// The folder for temporary files is the user's own, and no mode bits say so.
func isOurs(fs.FileInfo) bool { return true }

func isPrivate(fs.FileInfo) bool { return true }

// isRefused tells whether nobody listens on a socket. Package syscall's ECONNREFUSED is not what Windows returns.
func isRefused(err error) bool {
	const wsaECONNREFUSED = syscall.Errno(10061)
	return errors.Is(err, wsaECONNREFUSED)
}
