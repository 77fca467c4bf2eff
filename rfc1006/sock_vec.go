//go:build darwin || linux

package rfc1006

import "golang.org/x/sys/unix"

// maxVec is how many slices go into one system call: with as many, package unix allocates nothing.
const maxVec = 8

func readv(fd int, bufs [][]byte) (int, error)  { return unix.Readv(fd, bufs) }
func writev(fd int, bufs [][]byte) (int, error) { return unix.Writev(fd, bufs) }

// keepLittleUnsent makes the kernel refuse octets beyond those that it is soon to send: expedited data overtake the others in our
// queue, and Purge withdraws them there.
func keepLittleUnsent(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, NotSentLowat)
}
