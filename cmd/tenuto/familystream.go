package main

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// familyQuiet is how long a peer may be silent after our end of the data, in which it may still answer.
const familyQuiet = 2 * time.Second

// familyStream is a connection of a family as package forward has its sessions. Those of DECnet and ADSP have no half of an end: after CloseWrite reading
// ends when nothing has come for some time, or with the connection.
type familyStream struct {
	net.Conn
	abort func(data []byte) error
	quiet time.Duration // 0 waits for the peer's end
	ended atomic.Bool   // by CloseWrite
}

// CloseWrite begins to wait for silence.
func (s *familyStream) CloseWrite() error {
	s.ended.Store(true)
	s.extend()
	return nil
}

func (s *familyStream) extend() {
	if s.quiet > 0 {
		s.SetReadDeadline(time.Now().Add(s.quiet))
	}
}

// Read reads, and takes silence after CloseWrite for the end.
func (s *familyStream) Read(b []byte) (n int, err error) {
	n, err = s.Conn.Read(b)
	switch {
	case !s.ended.Load():
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, io.EOF
	case n > 0:
		s.extend()
	}
	return n, err
}

// Abort ends it at once.
func (s *familyStream) Abort(data []byte) error { return s.abort(data) }
