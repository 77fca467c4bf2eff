//go:build !unix

package unix

import (
	"context"
	"io/fs"
	"net"
	"syscall"
)

// maxPath is the longest path of a socket; a zero octet follows it in the system's address.
const maxPath = 107

// errRefused is the error of a dial to a socket that nobody listens at: WSAECONNREFUSED.
const errRefused = syscall.Errno(10061)

// isSocket: a socket may be a file of a type that the system does not tell.
func isSocket(file fs.FileInfo) bool {
	return file.Mode().Type() == fs.ModeSocket || file.Mode().Type() == fs.ModeIrregular
}

// bind makes the socket; the system has no modes.
func bind(path string, _ fs.FileMode) (net.Listener, error) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // our own Close looks whose it is
	return ln, nil
}

// lockDir does nothing.
func lockDir(context.Context, string) (unlock func()) { return func() {} }
