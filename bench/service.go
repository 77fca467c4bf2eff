package bench

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// The first octet on a stream says what the server does with it.
const (
	serveOne  = 'o' // answers this octet, and waits for the end
	serveEcho = 'e' // answers this octet, and sends back what it reads
	serveBulk = 'b' // reads as many octets as the next eight octets say, and answers with one
	serveIdle = 'i' // answers this octet, and leaves the stream as it is: no goroutine waits for more
)

// bufferSize is what both ends read with.
const bufferSize = 256 << 10

// serve is the server's side of all benchmarks.
func serve(c net.Conn) {
	var first [1]byte
	_, err := io.ReadFull(c, first[:])
	if err == nil && first[0] == serveIdle {
		if _, err = c.Write(first[:]); err == nil {
			idle.keep(c)
			return
		}
	}
	defer c.Close()
	if err != nil {
		return
	}
	switch first[0] {
	case serveOne:
		if _, err := c.Write(first[:]); err == nil {
			_, _ = c.Read(first[:])
		}
	case serveEcho:
		if _, err := c.Write(first[:]); err == nil {
			echo(c, make([]byte, bufferSize))
		}
	case serveBulk:
		buf := make([]byte, bufferSize)
		for bulk(c, buf) == nil {
		}
	}
}

// idle are the server's idle streams.
var idle kept

// kept are streams that nobody reads or writes.
type kept struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (k *kept) keep(c net.Conn) {
	k.mu.Lock()
	k.conns = append(k.conns, c)
	k.mu.Unlock()
}

func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.conns {
		_ = c.Close()
	}
	k.conns = nil
}

func echo(c net.Conn, buf []byte) {
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

func bulk(c net.Conn, buf []byte) error {
	var count [8]byte
	if _, err := io.ReadFull(c, count[:]); err != nil {
		return err
	}
	for left := binary.BigEndian.Uint64(count[:]); left > 0; {
		n, err := c.Read(buf[:min(uint64(len(buf)), left)])
		if err != nil {
			return err
		}
		left -= uint64(n)
	}
	_, err := c.Write(count[:1])
	return err
}
