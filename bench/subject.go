package bench

import (
	"io"
	"net"
	"slices"

	tcpcarrier "github.com/tenuto-session/tenuto/carrier/tcp"
	tlscarrier "github.com/tenuto-session/tenuto/carrier/tls"
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

// apart is a client that can open streams each with a connection of its own, at less than the cost of another client for each.
type apart interface {
	OpenApart(i int) (net.Conn, error)
}

// parks is a subject whose connections can outlive what carries them.
type parks interface {
	ConnectParking(addr string) (parking, error)
}

// parking is a client whose idle connections park.
type parking interface {
	client
	apart
	Parked() int
}

// entry is a subject with its name.
type entry struct {
	name string
	subject
	muxed bool // a connection has many streams; else each stream is one
}

// subjects in the order of the reports; the first is what the others are divided by.
var subjects = []entry{
	{"tcp", tcp{}, false},
	{"tls", bareTLS{}, false},
	{"yamux", mux{yamuxSession}, true},
	{"smux", mux{smuxSession}, true},
	{"quic", quicSubject{}, true},
	{"tenuto-tcp", tenutoOver{&tcpcarrier.Network{}}, true},
	{"tenuto-tls", tenutoOver{&tlscarrier.Network{}}, true},
	{"tenuto-osi", overOSI{}, false},
}

// bridgeSubjects are the subjects, and after tls how it does what a bridge's handshake does.
func bridgeSubjects() []entry {
	i := slices.IndexFunc(subjects, func(s entry) bool { return s.name == "tls" })
	return slices.Insert(slices.Clone(subjects), i+1, entry{"tls-mutual", bareTLS{mutual: true}, false})
}

// ssduSubjects carry SSDUs, and tcp the same octets.
var ssduSubjects = []entry{
	subjects[0],
	{"tenuto-tcp-ssdus", inSSDUs{tenutoOver{&tcpcarrier.Network{}}}, true},
	{"tenuto-osi-ssdus", inSSDUs{overOSI{}}, false},
}

func subjectOf(name string) (entry, bool) {
	all := slices.Concat(bridgeSubjects(), ssduSubjects)
	i := slices.IndexFunc(all, func(s entry) bool { return s.name == name })
	if i < 0 {
		return entry{}, false
	}
	return all[i], true
}
