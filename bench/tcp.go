package bench

import "net"

// tcp is a TCP connection for each stream.
type tcp struct{}

type tcpServer struct{ net.Listener }

func (s tcpServer) Addr() string { return s.Listener.Addr().String() }

type tcpClient struct{ addr string }

func (tcp) Listen(handle func(net.Conn)) (server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go handle(c)
		}
	}()
	return tcpServer{ln}, nil
}

func (tcp) Connect(addr string) (client, error) { return tcpClient{addr}, nil }

func (c tcpClient) Open() (net.Conn, error) { return net.Dial("tcp", c.addr) }
func (c tcpClient) Close() error            { return nil }
