package main

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A valve is a TCP proxy that can be throttled, and cut. Little waits in it.
type valve struct {
	ln      net.Listener
	server  string
	rate    atomic.Int64 // octets a second to the server; 0 for no limit
	running sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	over  bool
}

const (
	valveQueue = 16 << 10 // of its receive buffer towards the client, in octets
	valvePiece = 1448
)

func newValve(server string) (*valve, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &valve{ln: ln, server: server, conns: map[net.Conn]bool{}}
	v.running.Go(v.accept)
	return v, nil
}

func (v *valve) accept() {
	for {
		near, err := v.ln.Accept()
		if err != nil {
			return
		}
		near.(*net.TCPConn).SetReadBuffer(valveQueue)
		far, err := net.Dial("tcp", v.server)
		if err != nil {
			near.Close()
			continue
		}
		v.mu.Lock()
		if v.conns[near], v.conns[far] = true, true; v.over {
			near.Close()
			far.Close()
		}
		v.mu.Unlock()
		v.running.Go(func() { v.copy(far, near, &v.rate) })
		v.running.Go(func() { v.copy(near, far, new(atomic.Int64)) })
	}
}

// copy copies at a rate until one of the two ends, and ends both.
func (v *valve) copy(to, from net.Conn, rate *atomic.Int64) {
	defer v.end(to, from)
	b := make([]byte, valvePiece)
	free := time.Now() // when more may pass
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if r := rate.Load(); r > 0 {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(r))
			time.Sleep(time.Until(free))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (v *valve) end(conns ...net.Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(v.conns, c)
	}
}

// cut resets the connections that there are.
func (v *valve) cut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for c := range v.conns {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

func (v *valve) close() {
	v.ln.Close()
	v.mu.Lock()
	v.over = true
	v.mu.Unlock()
	v.cut()
	v.running.Wait()
}
