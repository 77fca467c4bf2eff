package endpoint

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/carrier/tcp"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func parse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// pair is two endpoints with a bridge between them.
type pair struct {
	client, server *Endpoint
	ln             *Listener
	url            *url.URL
	br             *Bridge      // the initiator's
	accepted       chan *Stream // at the server
}

type option func(client, server *Config)

func newPair(t testing.TB, nw carrier.Network, listen string, options ...option) *pair {
	t.Helper()
	p := &pair{accepted: make(chan *Stream, 1000)}
	cc, sc := Config{Key: newKey(t), Carriers: []carrier.Network{nw}}, Config{Key: newKey(t), Carriers: []carrier.Network{nw}}
	if testing.Verbose() {
		h := slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})
		cc.Logger, sc.Logger = slog.New(h).With("end", "client"), slog.New(h).With("end", "server")
	}
	for _, o := range options {
		o(&cc, &sc)
	}
	p.client, p.server = New(cc), New(sc)
	t.Cleanup(func() { p.client.Close(); p.server.Close() })
	var err error
	p.ln, err = p.server.Listen(t.Context(), parse(t, listen), func(s *Stream) bool {
		p.accepted <- s
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	p.url = parse(t, listen)
	if nw.Scheme() == "tenuto+tcp" {
		p.url.Host = p.ln.Addr().String()
	}
	if p.br, err = p.client.Dial(t.Context(), p.url); err != nil {
		t.Fatal(err)
	}
	return p
}

// open opens a stream at the client and returns both its ends.
func (p *pair) open(t testing.TB) (a, b *Stream) {
	t.Helper()
	a, err := p.br.Open()
	if err != nil {
		t.Fatal(err)
	}
	hello := []byte("hello")
	if _, err := a.Send(transport.Never, nil, hello, transport.End); err != nil {
		t.Fatal(err)
	}
	b = <-p.accepted
	got := make([]byte, 16)
	n, end, err := b.Receive(context.Background(), got)
	if err != nil || !end || !bytes.Equal(got[:n], hello) {
		t.Fatalf("first TSDU: %q, end %v, %v", got[:n], end, err)
	}
	return a, b
}

func TestTransportMemory(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) (a, b transport.Conn) {
		return newPair(t, memory.New(), "memory://server").open(t)
	})
}

func TestTransportTCP(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) (a, b transport.Conn) {
		return newPair(t, &tcp.Network{}, "tenuto+tcp://127.0.0.1:0").open(t)
	})
}
