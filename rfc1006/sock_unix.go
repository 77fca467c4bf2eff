//go:build unix

package rfc1006

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// canTry: the socket can be read and written without waiting, so that callers do that themselves.
const canTry = true

// attempts are the functions by which package net's poller reads and writes a socket that does not block. They are made once: one per
// call would be an allocation each.
type attempts struct {
	raw         syscall.RawConn
	read, write func(fd uintptr) (done bool)
}

func (c *Conn) initSocket() error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	c.sock = attempts{raw, c.tryRead, c.tryWrite}
	serr := error(nil)
	if err := raw.Control(func(fd uintptr) { serr = keepLittleUnsent(int(fd)) }); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt TCP_NOTSENT_LOWAT", serr)
}

// readSocket reads what in.target has chosen, or waits for it as long as the leader may.
func (c *Conn) readSocket() error { return c.sock.raw.Read(c.sock.read) }

// writeSocket writes all that is due, or waits as long as the writer may.
func (c *Conn) writeSocket() error { return c.sock.raw.Write(c.sock.write) }

func (c *Conn) tryRead(fd uintptr) (done bool) {
	in := &c.in
	in.n, in.fault = 0, nil
	bufs, buf := in.targets()
	n, err := readv(int(fd), bufs)
	for err == unix.EINTR {
		n, err = readv(int(fd), bufs)
	}
	in.got(buf, max(n, 0))
	switch {
	case err == unix.EAGAIN:
		return !c.mayWaitToRead()
	case err != nil:
		in.fault = os.NewSyscallError("read", err)
	case n == 0:
		in.fault = io.EOF
	}
	return true
}

func (c *Conn) tryWrite(fd uintptr) (done bool) {
	for {
		bufs, size := c.collect()
		if size == 0 {
			return true
		}
		n, err := writev(int(fd), bufs)
		full := err == unix.EAGAIN
		if full || err == unix.EINTR {
			err = nil
		}
		if again := c.wrote(max(n, 0), full, os.NewSyscallError("write", err)); !again {
			return true
		}
		if full { // only then does the poller tell when there is room again
			return false
		}
	}
}
