package bench

import (
	"context"
	"net"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/rfc1006"
)

// overOSI is a session for each stream, each on a transport connection over RFC 1006, which is a TCP connection of its own.
type overOSI struct{}

func (overOSI) Listen(handle func(net.Conn)) (server, error) {
	return listenSessions(osiConfig(), osiURL("127.0.0.1:0"), handle)
}

func (overOSI) Connect(addr string) (client, error) {
	ep, err := tenuto.NewEndpoint(osiConfig())
	if err != nil {
		return nil, err
	}
	return osiClient{ep, osiURL(addr)}, nil
}

func osiConfig() *tenuto.EndpointConfig {
	return &tenuto.EndpointConfig{Key: benchKey(0), OSI: tenuto.OSIConfig{Limits: rfc1006.Limits{HalfOpen: many, Connections: many}}}
}

func osiURL(addr string) string { return tenuto.SchemeOSI + "://" + addr }

type osiClient struct {
	*tenuto.Endpoint
	url string
}

func (c osiClient) Open() (net.Conn, error) {
	s, err := c.Dial(context.Background(), c.url, nil)
	if err != nil {
		return nil, err
	}
	return s.Conn(), nil
}

// inSSDUs is a subject of Tenuto whose streams carry each write as one SSDU, which Session.Send does: a Conn's writes have no ends.
type inSSDUs struct{ subject }

func (s inSSDUs) Listen(handle func(net.Conn)) (server, error) {
	return s.subject.Listen(func(c net.Conn) { handle(newSSDUConn(c)) })
}

func (s inSSDUs) Connect(addr string) (client, error) {
	c, err := s.subject.Connect(addr)
	return ssduClient{c}, err
}

type ssduClient struct{ client }

func (c ssduClient) Open() (net.Conn, error) {
	conn, err := c.client.Open()
	if err != nil {
		return nil, err
	}
	return newSSDUConn(conn), nil
}

// ssduConn reads and writes by the session's own methods. Reading copies what Receive returns.
type ssduConn struct {
	net.Conn // for its other methods
	session  *tenuto.Session
	rest     []byte
}

func newSSDUConn(c net.Conn) *ssduConn {
	return &ssduConn{Conn: c, session: c.(*tenuto.Conn).Session()}
}

func (c *ssduConn) Write(b []byte) (int, error) {
	if err := c.session.Send(context.Background(), b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *ssduConn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		ind, err := c.session.Receive(context.Background())
		if err != nil {
			return 0, err
		}
		data, ok := ind.(tenuto.Data)
		if !ok {
			return 0, net.ErrClosed // the peer has asked for release
		}
		c.rest = data.B
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *ssduConn) Close() error { return c.session.Abort(nil) }
