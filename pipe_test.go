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
		in, err := readConnect(transport.Never, l.tb, nil)
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
