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
	// overhead is what a record has beside that: its head, type and tag (RFC 8446 5.2; the tag of each cipher has 16 octets).
	overhead = 5 + 1 + 16
	// batch is how many full records go to the kernel together, with a tail: a system call costs more than to copy a record.
	batch = 4
	// blockSize has room for them and a tail, and beside them spare for alerts and answers to key updates.
	blockSize = batch*(maxPlain+overhead) + 2<<10 + spare
	spare     = 2 << 10
)

// block is room for what goes out: it is taken for as long as it is needed, so that a carrier at rest has none.
type block [blockSize]byte

var blocks = sync.Pool{New: func() any { return new(block) }}

// errFlood is for a peer that asks for new keys again and again, and reads no answer.
var errFlood = errors.New("the peer asks for new keys all the time, and reads nothing")

// inner is the connection below crypto/tls. During the handshake it is the socket. After that its Write does not wait, because
// crypto/tls survives no write that is given up: what the kernel does not take at once stays here.
type inner struct {
	*net.TCPConn
	try socket.TryWriter
	vec [1][]byte // the argument of try

	hello hello // of an accepted connection

	mu   sync.Mutex
	open bool   // the handshake is over
	rest *block // octets that the kernel has not taken, from r to w; nil if there are none
	r, w int
}

// Write is what crypto/tls calls: for the carrier's writer, and for alerts and answers to key updates, from Read and Close. It
// holds the lock for as long as a system call takes that does not wait.
func (in *inner) Write(b []byte) (n int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.open {
		in.mu.Unlock()
		defer in.mu.Lock()
		return in.TCPConn.Write(b)
	}
	if in.rest == nil {
		in.vec[0] = b
		n, err = in.try.Write(in.TCPConn, in.vec[:])
		if err != nil || n == len(b) {
			return n, err
		}
		in.keep()
	}
	if len(b)-n > blockSize-in.w {
		return n, errFlood
	}
	in.w += copy(in.rest[in.w:], b[n:])
	return len(b), nil
}

// hold keeps the records that are written next for a flush.
func (in *inner) hold() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.rest == nil {
		in.keep()
	}
}

// fits says that there is room for another record of n octets.
func (in *inner) fits(n int64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.rest == nil || int64(in.w)+n+overhead <= blockSize-spare
}

// keep makes room for a rest. The lock is held.
func (in *inner) keep() {
	in.rest = blocks.Get().(*block)
	in.r, in.w = 0, 0
}

// flush hands the rest to the kernel, and waits for that or leaves some of it. Only the carrier's writer calls it.
func (in *inner) flush(wait bool) (rest bool, err error) {
	for {
		in.mu.Lock()
		if in.rest != nil && in.r == in.w {
			blocks.Put(in.rest)
			in.rest = nil
		}
		if in.rest == nil {
			in.mu.Unlock()
			return false, nil
		}
		p := in.rest[in.r:in.w]
		in.mu.Unlock()

		// While there is a rest nobody else writes to the socket.
		n := 0
		if wait {
			n, err = in.TCPConn.Write(p)
		} else {
			in.vec[0] = p
			n, err = in.try.Write(in.TCPConn, in.vec[:])
		}

		in.mu.Lock()
		in.r += n
		in.mu.Unlock()
		if err != nil || n < len(p) {
			return true, err
		}
	}
}

// SetWriteDeadline does nothing: no write waits. crypto/tls sets one around its last alert.
func (in *inner) SetWriteDeadline(time.Time) error { return nil }
