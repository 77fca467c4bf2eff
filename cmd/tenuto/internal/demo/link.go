package demo

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// link is a connection through the cutter.
type link struct {
	cutter *cutter
	client *net.TCPConn // the side that dialled
	server *net.TCPConn
	cut    atomic.Bool
	ended  atomic.Int32 // ways that have come to an end
}

// up passes octets to the server until the link ends.
func (l *link) up() {
	buf := make([]byte, chunk)
	for {
		n, err := l.client.Read(buf)
		if l.cut.Load() {
			return
		}
		if n > 0 {
			if _, werr := l.server.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			l.over(l.server, err)
			return
		}
	}
}

// down passes octets to the client, counts them, and cuts the link when it is time to.
func (l *link) down() {
	buf := make([]byte, chunk)
	total := 0
	for {
		n, err := l.server.Read(buf[:l.cutter.allowance()])
		if l.cut.Load() {
			return
		}
		total += n
		if total > handshake {
			l.cutter.passing()
		}
		if n > 0 {
			if _, werr := l.client.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			l.over(l.client, err)
			return
		}
		if !l.cutter.count(n) {
			continue
		}
		if kind, number, err := l.cutter.next(); err == nil {
			l.end(kind, number)
		}
		return
	}
}

// end cuts the link.
func (l *link) end(k Kind, number int) {
	l.cut.Store(true)
	l.cutter.note(k)
	switch {
	case k == Reset:
		l.kill()
		return
	case k == HalfOpen && number/kinds%2 == 0:
		kill(l.client)
	case k == HalfOpen:
		kill(l.server)
	}
	// The pumps return, and nobody reads or closes the sockets any more.
	past := time.Unix(1, 0)
	l.client.SetDeadline(past)
	l.server.SetDeadline(past)
}

// over passes the end of one way on to the side that it led to, and ends the link when both ways have ended or one failed.
func (l *link) over(to *net.TCPConn, err error) {
	if l.cut.Load() {
		return
	}
	if err == io.EOF && l.ended.Add(1) < 2 {
		to.CloseWrite()
		return
	}
	l.client.Close()
	l.server.Close()
}

func (l *link) kill() {
	kill(l.client)
	kill(l.server)
}

func kill(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}
