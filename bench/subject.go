package bench

import (
	"io"
	"net"
)

// A subject is one way to carry streams.
type subject interface {
	// Listen serves handle with every stream that arrives, each on a goroutine of its own, until the server is closed.
	// handle closes its stream.
	Listen(handle func(net.Conn)) (server, error)
	// Connect makes what streams are then opened on: a connection where the subject has one, else nothing.
	Connect(addr string) (client, error)
}

type server interface {
	Addr() string
	io.Closer
}

type client interface {
	Open() (net.Conn, error)
	io.Closer
}

// subjects in the order of the reports; the first is what the others are divided by.
var subjects = []struct {
	name string
	subject
}{
	{"tcp", tcp{}},
	{"tls", bareTLS{}},
	{"yamux", mux{yamuxSession}},
	{"smux", mux{smuxSession}},
	{"quic", quicSubject{}},
	{"tenuto-tcp", tenutoTCP{}},
}
