//go:build unix

package tcp

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const canTryWrite = true

// tryWriter writes to a socket without waiting. Package net's sockets do not block, and a raw write that says it is done is
// not made to wait, so one system call does it; the closure is made once because one per call would be an allocation each.
type tryWriter struct {
	raw     syscall.RawConn
	attempt func(fd uintptr) (done bool)

	// the arguments and results of attempt
	bufs [][]byte
	n    int
	err  error
}

func (w *tryWriter) init(raw syscall.RawConn) {
	w.raw = raw
	w.attempt = func(fd uintptr) bool {
		w.n, w.err = writeSome(int(fd), w.bufs)
		return true
	}
}

func (w *tryWriter) write(bufs [][]byte) (int, error) {
	w.bufs, w.n, w.err = bufs, 0, nil
	err := w.raw.Write(w.attempt)
	w.bufs = nil
	if err == nil {
		err = w.err
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
