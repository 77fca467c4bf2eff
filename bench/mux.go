package bench

import (
	"io"
	"net"

	"github.com/hashicorp/yamux"
	"github.com/xtaci/smux"
)

// window is what each peer may have in flight on a stream. With less they wait for credit, with more than the processor's
// cache holds they slow down; see docs/adr/0020-bench-peers.md.
const window = 512 << 10

// mux is a library that puts streams onto one TCP connection.
type mux struct {
	session func(c net.Conn, server bool) (session, error)
}

type session interface {
	Accept() (net.Conn, error)
	Open() (net.Conn, error)
	Close() error
}

func (m mux) Listen(handle func(net.Conn)) (server, error) {
	return tcp{}.Listen(func(c net.Conn) {
		s, err := m.session(c, true)
		if err != nil {
			_ = c.Close()
			return
		}
		defer s.Close()
		for {
			stream, err := s.Accept()
			if err != nil {
				return
			}
			go handle(stream)
		}
	})
}

func (m mux) Connect(addr string) (client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	s, err := m.session(c, false)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return s, nil
}

func yamuxSession(c net.Conn, server bool) (session, error) {
	config := yamux.DefaultConfig()
	config.MaxStreamWindowSize = window
	config.LogOutput = io.Discard
	if server {
		return yamux.Server(c, config)
	}
	return yamux.Client(c, config)
}

func smuxSession(c net.Conn, server bool) (session, error) {
	config := smux.DefaultConfig()
	config.Version = 2 // with flow control for each stream
	config.MaxStreamBuffer = window
	config.MaxReceiveBuffer = 4 * window
	if server {
		s, err := smux.Server(c, config)
		return smuxNet{s}, err
	}
	s, err := smux.Client(c, config)
	return smuxNet{s}, err
}

// smuxNet gives a smux session methods that return a net.Conn.
type smuxNet struct{ *smux.Session }

func (s smuxNet) Accept() (net.Conn, error) { return s.AcceptStream() }
func (s smuxNet) Open() (net.Conn, error)   { return s.OpenStream() }
