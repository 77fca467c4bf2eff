package bench

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// quicSubject is a QUIC stream on one QUIC connection. Its packets are encrypted: there is no QUIC without.
type quicSubject struct{}

var quicConfig = &quic.Config{
	InitialStreamReceiveWindow:     window,
	InitialConnectionReceiveWindow: window,
	MaxStreamReceiveWindow:         8 * window,
	MaxConnectionReceiveWindow:     8 * window,
	MaxIncomingStreams:             1 << 20,   // the set-up benchmark must not wait for it
	MaxIdleTimeout:                 time.Hour, // idle connections are measured, not ended
}

type quicServer struct{ *quic.Listener }

func (s quicServer) Addr() string { return s.Listener.Addr().String() }

func (quicSubject) Listen(handle func(net.Conn)) (server, error) {
	cert, err := selfSigned()
	if err != nil {
		return nil, err
	}
	ln, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{protocol}}, quicConfig)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			go acceptStreams(c, handle)
		}
	}()
	return quicServer{ln}, nil
}

func acceptStreams(c *quic.Conn, handle func(net.Conn)) {
	for {
		s, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go handle(quicStream{s, c})
	}
}

type quicClient struct{ conn *quic.Conn }

func (quicSubject) Connect(addr string) (client, error) {
	// The certificate was made a moment ago by the other end on this machine; there is nothing to check it against.
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}
	c, err := quic.DialAddr(context.Background(), addr, config, quicConfig)
	if err != nil {
		return nil, err
	}
	return quicClient{c}, nil
}

func (c quicClient) Open() (net.Conn, error) {
	s, err := c.conn.OpenStreamSync(context.Background())
	if err != nil {
		return nil, err
	}
	return quicStream{s, c.conn}, nil
}

func (c quicClient) Close() error { return c.conn.CloseWithError(0, "") }

// quicStream makes a stream a net.Conn.
type quicStream struct {
	*quic.Stream
	conn *quic.Conn
}

func (s quicStream) LocalAddr() net.Addr  { return s.conn.LocalAddr() }
func (s quicStream) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Close closes both directions, as every other subject's does.
func (s quicStream) Close() error {
	s.CancelRead(0)
	return s.Stream.Close()
}
