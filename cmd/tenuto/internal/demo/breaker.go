package demo

import (
	"io"
	"net"
	"sync"
)

// A breaker is a TCP proxy whose connections can be reset, all at once.
type breaker struct {
	ln     net.Listener
	server string
	pumps  sync.WaitGroup
	up     func(to io.Writer, from io.Reader) // passes octets on to the server until either ends

	mu    sync.Mutex
	conns map[*net.TCPConn]bool
	over  bool
}

// newBreaker starts a breaker that listens on loopback; close stops it.
func newBreaker(server string) (*breaker, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := makeBreaker(ln, server)
	b.pumps.Go(b.accept)
	return b, nil
}

// makeBreaker makes one that does not accept yet.
func makeBreaker(ln net.Listener, server string) *breaker {
	return &breaker{ln: ln, server: server, up: pass, conns: map[*net.TCPConn]bool{}}
}

func pass(to io.Writer, from io.Reader) { io.Copy(to, from) }

func (b *breaker) address() string { return b.ln.Addr().String() }

func (b *breaker) accept() {
	for {
		near, err := b.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", b.server)
		if err != nil {
			near.Close()
			continue
		}
		n, f := near.(*net.TCPConn), far.(*net.TCPConn)
		b.mu.Lock()
		if b.over {
			b.mu.Unlock()
			kill(n)
			kill(f)
			return
		}
		b.conns[n], b.conns[f] = true, true
		b.mu.Unlock()
		b.pumps.Go(func() { b.pump(n, f, pass) })
		b.pumps.Go(func() { b.pump(f, n, b.up) })
	}
}

// pump copies until either breaks, and then breaks both.
func (b *breaker) pump(to, from *net.TCPConn, pass func(to io.Writer, from io.Reader)) {
	pass(to, from)
	kill(to)
	kill(from)
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, to)
	delete(b.conns, from)
}

// cut resets all connections that there are.
func (b *breaker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		kill(c)
	}
}

// close ends all and waits for the goroutines.
func (b *breaker) close() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	b.ln.Close()
	b.cut()
	b.pumps.Wait()
}
