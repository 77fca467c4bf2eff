package tcp

import (
	"fmt"
	"net"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/internal/socket"
)

// conn is a carrier.Conn over a TCP connection with the options of newConn.
type conn struct {
	socket.Conn
	local bool
}

// newConn takes the connection over; it closes it on error.
func newConn(t *net.TCPConn) (*conn, error) {
	c := &conn{local: isLoopback(t.RemoteAddr())}
	err := c.Init(t)
	if err == nil {
		err = socket.TuneTCP(t)
	}
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("carrier/tcp: %w", err)
	}
	return c, nil
}

// Binding returns nil: TCP has no security of its own.
func (c *conn) Binding() []byte { return nil }

// Secret returns nil, as Binding does.
func (c *conn) Secret() []byte { return nil }

func (c *conn) Features() carrier.Features {
	return carrier.Features{Interruptible: true, TryWrite: socket.CanTryWrite, Local: c.local}
}

func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.AddrPort().Addr().Unmap().IsLoopback()
}
