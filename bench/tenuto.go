package bench

import (
	"context"
	"net"

	"github.com/tenuto-session/tenuto"
)

// tenutoTCP is a session for each stream, all on one bridge, which one TCP connection carries.
type tenutoTCP struct{}

type tenutoServer struct {
	*tenuto.Endpoint
	url string
}

func (s tenutoServer) Addr() string { return s.url }

func (tenutoTCP) Listen(handle func(net.Conn)) (server, error) {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return nil, err
	}
	ln, err := ep.Listen(context.Background(), "tenuto+tcp://127.0.0.1:0", nil)
	if err != nil {
		_ = ep.Close()
		return nil, err
	}
	go func() {
		for {
			s, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			go handle(s.Conn())
		}
	}()
	return tenutoServer{ep, ln.URL()}, nil
}

type tenutoClient struct {
	*tenuto.Endpoint
	url string
}

func (tenutoTCP) Connect(addr string) (client, error) {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return nil, err
	}
	return tenutoClient{ep, addr + "/bench"}, nil
}

func (c tenutoClient) Open() (net.Conn, error) {
	s, err := c.Dial(context.Background(), c.url, nil)
	if err != nil {
		return nil, err
	}
	return s.Conn(), nil
}
