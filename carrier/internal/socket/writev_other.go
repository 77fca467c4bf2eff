//go:build unix && !darwin && !linux

package socket

import "golang.org/x/sys/unix"

// maxVec is 1: there is no gathering write for every one of these systems.
const maxVec = 1

func writev(fd int, bufs [][]byte) (int, error) { return unix.Write(fd, bufs[0]) }
