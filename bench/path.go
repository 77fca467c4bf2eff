package bench

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// A path is a narrow and long way to a server, in both directions: TCP connections through it are slow to take octets and late to give
// them.
type path struct {
	net.Listener
	target  string
	rate    float64       // octets a second
	delay   time.Duration // of one way
	running sync.WaitGroup
	mu      sync.Mutex
	conns   []net.Conn
}

// pathQueue is the buffer of a path's sockets, in octets, which the kernel doubles: what waits there stands for the queue of a router.
const pathQueue = 32 << 10

func newPath(target string, rate float64, delay time.Duration) (*path, error) {
	cfg := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return narrow(c) }}
	ln, err := cfg.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &path{Listener: ln, target: target, rate: rate, delay: delay}
	p.running.Go(p.accept)
	return p, nil
}

func (p *path) accept() {
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error { return narrow(c) }}
	for {
		near, err := p.Accept()
		if err != nil {
			return
		}
		far, err := dialer.Dial("tcp", p.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		p.mu.Unlock()
		p.carry(near, far)
		p.carry(far, near)
	}
}

// carry moves octets one way until one of the connections ends, which ends both.
func (p *path) carry(from, to net.Conn) {
	type chunk struct {
		due    time.Time
		octets []byte
	}
	const size = 1448 // of a packet
	under := make(chan chunk, 1<<10)
	p.running.Go(func() {
		defer close(under)
		var free time.Time // when the path takes more
		for {
			b := make([]byte, size)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
			under <- chunk{free.Add(p.delay), b[:n]}
			<-time.After(time.Until(free))
		}
	})
	p.running.Go(func() {
		for c := range under {
			<-time.After(time.Until(c.due))
			_, _ = to.Write(c.octets) // who is gone needs none
		}
		_ = from.Close()
		_ = to.Close()
	})
}

func (p *path) Close() error {
	err := p.Listener.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	return err
}
