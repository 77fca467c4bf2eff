//go:build unix

package socket

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// CanTryWrite: TryWriter.Write takes what fits.
const CanTryWrite = true

// TryWriter writes to a socket without waiting. Package net's sockets do not block, and a raw write that says it is done is
// not made to wait, so one system call does it; the closure is made once because one per call would be an allocation each.
// It has one caller at a time, and must not be copied.
type TryWriter struct {
	raw     syscall.RawConn
	attempt func(fd uintptr) (done bool)

	// the arguments and results of attempt
	bufs [][]byte
	n    int
	err  error
}

// Init prepares for writes to s.
func (w *TryWriter) Init(s Socket) (err error) {
	w.raw, err = s.SyscallConn()
	w.attempt = func(fd uintptr) bool {
		w.n, w.err = writeSome(int(fd), w.bufs)
		return true
	}
	return err
}

// Write writes to s what it takes at once of bufs, and returns how many octets that was. A write of package net that waits keeps
// this one waiting.
func (w *TryWriter) Write(s Socket, bufs [][]byte) (int, error) {
	w.bufs, w.n, w.err = bufs, 0, nil
	err := w.raw.Write(w.attempt)
	w.bufs = nil
	if err == nil && w.err != nil { // as package net would have it
		local := s.LocalAddr()
		err = &net.OpError{Op: "write", Net: local.Network(), Source: local, Addr: s.RemoteAddr(), Err: w.err}
	}
	return w.n, err
}

// writeSome writes bufs in order until the socket takes no more.
func writeSome(fd int, bufs [][]byte) (n int, err error) {
	for len(bufs) > 0 {
		k := min(len(bufs), maxVec)
		want := 0
		for _, b := range bufs[:k] {
			want += len(b)
		}
		m := 0
		if want > 0 {
			m, err = writev(fd, bufs[:k])
		}
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return n, nil
		case err != nil:
			return n, os.NewSyscallError("write", err)
		}
		n += m
		if m < want {
			return n, nil
		}
		bufs = bufs[k:]
	}
	return n, nil
}
