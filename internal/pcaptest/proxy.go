package pcaptest

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

// Proxy carries TCP connections to a target and writes what passes to a capture, which shows them with another port of the target.
type Proxy struct {
	f        *File
	target   string
	port     uint16
	listener net.Listener
	serving  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

// NewProxy listens on loopback. When the test ends it ends what it still carries.
func NewProxy(t testing.TB, f *File, target string, port uint16) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{f: f, target: target, port: port, listener: ln}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.serving.Wait()
	})
	return p
}

// Close takes no more connections and waits until those that it carries have ended: then the capture has all of them.
func (p *Proxy) Close() {
	p.listener.Close()
	p.serving.Wait()
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		p.mu.Unlock()
		client := near.RemoteAddr().(*net.TCPAddr).AddrPort()
		c := &recorded{c: p.f.Connect(client, netip.AddrPortFrom(client.Addr(), p.port))}
		p.serving.Go(func() { c.carry(Client, far, near) })
		p.serving.Go(func() { c.carry(Server, near, far) })
	}
}

// recorded is a connection of which both directions are written down.
type recorded struct {
	mu   sync.Mutex
	c    *Conn
	ends int
}

// carry copies what a side sends, and writes it down before the other side gets it.
func (r *recorded) carry(from Side, to, of net.Conn) {
	io.Copy(writerFunc(func(b []byte) (int, error) {
		r.mu.Lock()
		r.c.Send(from, b)
		r.mu.Unlock()
		return to.Write(b)
	}), of)
	to.(*net.TCPConn).CloseWrite()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.c.Segment(from, layers.TCP{FIN: true, ACK: true}, nil)
	r.c.Lose(from, 1)
	if r.ends++; r.ends == 2 {
		to.Close()
		of.Close()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
