//go:build darwin || linux

package socket

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxVec is how many slices go into one system call: with as many, unix.Writev allocates nothing.
const maxVec = 8

func writev(fd int, bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return unix.Write(fd, bufs[0])
	}
	return unix.Writev(fd, bufs)
}

func setNotSentLowat(raw syscall.RawConn) error {
	var serr error
	err := raw.Control(func(fd uintptr) {
		serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, NotSentLowat)
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt TCP_NOTSENT_LOWAT", serr)
}
