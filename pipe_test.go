package tenuto

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A link is two sessions over a pipe.
type link struct {
	a, b   *Session // a has dialled
	ta, tb *transporttest.PipeConn
}

// open connects two sessions over a pipe. They end with the test.
func open(t testing.TB, o transporttest.Options, ca, cb *Config) *link {
	t.Helper()
	l := new(link)
	l.ta, l.tb = transporttest.Pipe(o)
	done := make(chan error, 1)
	go func() {
		in, err := readConnect(transport.Never, l.tb, cb)
		if err == nil {
			l.b, err = in.Accept(context.Background(), cb)
		}
		done <- err
	}()
	var err error
	if l.a, err = connect(context.Background(), l.ta, ca); err != nil {
		t.Fatalf("connect: %v", err)
	}
	if err := <-done; err != nil {
		t.Fatalf("accept: %v", err)
	}
	t.Cleanup(func() {
		l.ta.Disconnect(transport.ReasonShutdown)
		l.tb.Disconnect(transport.ReasonShutdown)
	})
	return l
}

// conns connects two Conns over a pipe.
func conns(t testing.TB, o transporttest.Options, c *Config) (a, b *Conn, l *link) {
	l = open(t, o, c, c)
	return l.a.Conn(), l.b.Conn(), l
}

// pipes are the transports that conversations run over.
var pipes = map[string]transporttest.Options{
	"expedited": {},
	"normal":    {NoExpedited: true},
	"narrow":    {Window: 1000},
}

// readConnect waits for the S-CONNECT indication on a transport connection that the peer has opened. On an error the transport
// connection has been disconnected, or will be by itself.
func readConnect(c transport.Cancel, tc transport.Conn, cfg *Config) (*Incoming, error) {
	in, err := newIncoming(tc, cfg)
	if err == nil {
		err = in.read(c)
	}
	if err != nil {
		if in != nil {
			in.drop()
		} else {
			tc.Disconnect(transport.ReasonShutdown)
		}
		return nil, err
	}
	return in, nil
}
