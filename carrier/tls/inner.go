package tls

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

const (
	// maxPlain is the most that a record carries (RFC 8446 5.1).
	maxPlain = 16 << 10
	// maxRecord is the octets of a record of maxPlain: header, content type and the cipher's tag.
	maxRecord = 5 + maxPlain + 1 + 16
	// batch is how many full records go to the kernel with one system call.
	batch = 4
	// maxBuffer leaves room beside a batch for alerts and answers to key updates.
	maxBuffer = batch*maxRecord + 4<<10
)

// errFlood is for a peer that asks for new keys again and again, and reads no answer.
var errFlood = errors.New("the peer asks for new keys all the time, and reads nothing")

// buffer is what a carrier has while something is being written.
type buffer struct {
	b     []byte // records; the kernel does not have them yet from r on
	r     int
	stage [maxPlain]byte // where small slices become one record
}

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, maxBuffer)} }}

// inner is the connection below crypto/tls. During the handshake it is the socket. After that its Write does not wait, because
// crypto/tls survives no write that is given up: records go to a buffer, and from there to the kernel as it takes them.
type inner struct {
	*net.TCPConn
	try socket.TryWriter
	vec [1][]byte // the argument of try

	hello hello // of an accepted connection

	mu     sync.Mutex
	open   bool    // the handshake is over
	buf    *buffer // nil while nobody writes and nothing waits
	put    int64   // octets that were put into the buffer since the beginning
	handed int64   // those of them that the kernel has
}

// Write is what crypto/tls calls: for the carrier's writer, who empties the buffer afterwards, and for alerts and answers to key
// updates, from Read and Close.
func (in *inner) Write(b []byte) (n int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.open {
		in.mu.Unlock()
		defer in.mu.Lock()
		return in.TCPConn.Write(b)
	}
	if in.buf == nil {
		// No writer is here to empty the buffer. The lock keeps one away for as long as a system call that does not wait.
		in.vec[0] = b
		n, err = in.try.Write(in.TCPConn, in.vec[:])
		if err != nil || n == len(b) {
			return n, err
		}
		in.buf = buffers.Get().(*buffer)
	}
	if len(in.buf.b)+len(b)-n > maxBuffer {
		return n, errFlood
	}
	in.buf.b = append(in.buf.b, b[n:]...)
	in.put += int64(len(b) - n)
	return len(b), nil
}

// acquire returns the buffer to a writer, who may be one at a time.
func (in *inner) acquire() *buffer {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.buf == nil {
		in.buf = buffers.Get().(*buffer)
	}
	return in.buf
}

// flush hands the buffer to the kernel, and waits for that or leaves a rest. If there is none and last is set, the buffer is
// given back.
func (in *inner) flush(buf *buffer, wait, last bool) (rest bool, err error) {
	for {
		in.mu.Lock()
		p := buf.b[buf.r:]
		if len(p) == 0 {
			buf.b, buf.r = buf.b[:0], 0
			if last {
				in.buf = nil
				buffers.Put(buf)
			}
			in.mu.Unlock()
			return false, nil
		}
		in.mu.Unlock()

		n := 0
		if wait {
			n, err = in.TCPConn.Write(p)
		} else {
			in.vec[0] = p
			n, err = in.try.Write(in.TCPConn, in.vec[:])
		}

		in.mu.Lock()
		buf.r += n
		in.handed += int64(n)
		in.mu.Unlock()
		if err != nil || n < len(p) {
			return true, err
		}
	}
}

// progress returns put and handed.
func (in *inner) progress() (put, handed int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.put, in.handed
}

// SetWriteDeadline does nothing: no write waits. crypto/tls sets one around its last alert.
func (in *inner) SetWriteDeadline(time.Time) error { return nil }
