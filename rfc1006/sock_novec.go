//go:build unix && !darwin && !linux

package rfc1006

import "golang.org/x/sys/unix"

// maxVec is 1: there is no gathering write for every one of these systems.
const maxVec = 1

func readv(fd int, bufs [][]byte) (int, error)  { return unix.Read(fd, bufs[0]) }
func writev(fd int, bufs [][]byte) (int, error) { return unix.Write(fd, bufs[0]) }

// keepLittleUnsent does nothing: the system has no such option.
func keepLittleUnsent(int) error { return nil }
