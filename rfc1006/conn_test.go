package rfc1006

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t testing.TB, cfg *Config) *Listener {
	t.Helper()
	ln, err := Listen(t.Context(), "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// connect returns the two ends of a connection: the one that dialled, and the one that accepted.
func connect(t testing.TB, ln *Listener, cfg *Config) (a, b *Conn) {
	t.Helper()
	accepted := make(chan error, 1)
	go func() {
		var err error
		b, err = ln.Accept(t.Context())
		accepted <- err
	}()
	a, err := Dial(t.Context(), ln.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Disconnect(transport.ReasonNormal)
		b.Disconnect(transport.ReasonNormal)
	})
	return a, b
}

func pair(t testing.TB, dial, accept *Config) (a, b *Conn) {
	t.Helper()
	return connect(t, listen(t, accept), dial)
}

// send sends a TSDU, or a part of one.
func send(t testing.TB, c *Conn, b []byte, f transport.SendFlag) {
	t.Helper()
	if n, err := c.Send(transport.Never, nil, b, f); n != len(b) || err != nil {
		t.Fatalf("Send of %d octets: %d, %v", len(b), n, err)
	}
}

// receive reads a TSDU.
func receive(t testing.TB, c *Conn) []byte {
	t.Helper()
	var all []byte
	b := make([]byte, 64<<10)
	for {
		n, end, err := c.Receive(transport.Never, b)
		if err != nil {
			t.Fatalf("Receive after %d octets of a TSDU: %v", len(all), err)
		}
		if all = append(all, b[:n]...); end {
			return all
		}
	}
}

// exchange sends a TSDU from one end to the other.
func exchange(t testing.TB, from, to *Conn) {
	t.Helper()
	send(t, from, []byte("hello"), transport.End)
	if got := receive(t, to); string(got) != "hello" {
		t.Fatalf("received %q", got)
	}
}

func TestConn(t *testing.T) {
	for name, cfg := range map[string]*Config{
		"expedited":    {Expedited: true},
		"plain":        {},
		"small TPDUs":  {Expedited: true, MaxTPDU: 128},
		"small window": {Expedited: true, Limits: Limits{ReceiveWindow: 4 << 10}},
	} {
		t.Run(name, func(t *testing.T) {
			transporttest.RunWithout(t, transporttest.Reasons|transporttest.Cuts, func(t *testing.T) (a, b transport.Conn) {
				ca, cb := pair(t, cfg, cfg)
				return ca, cb
			})
		})
	}
}
