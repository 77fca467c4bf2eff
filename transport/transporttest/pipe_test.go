package transporttest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPipe(t *testing.T) {
	for name, o := range map[string]Options{"default": {}, "small": {Window: 4 << 10}, "no expedited": {NoExpedited: true}, "delivered": {Delivered: true}} {
		t.Run(name, func(t *testing.T) {
			Run(t, func(t *testing.T) (a, b transport.Conn) {
				pa, pb := Pipe(o)
				t.Cleanup(func() { pa.Disconnect(transport.ReasonNormal) })
				return pa, pb
			})
		})
	}
}

func TestDisconnectAfterTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe(Options{})
		begin := time.Now()
		a.DisconnectAfter(5 * time.Second)
		_, _, err := b.Receive(transport.Never, make([]byte, 1))
		wantDisconnect(t, err, transport.ReasonNormal)
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("disconnected after %v", d)
		}
	})
}

func TestBreak(t *testing.T) {
	a, b := Pipe(Options{})
	send(t, a, []byte("x"), transport.End)
	a.Break(transport.ReasonExpired)
	if got := receive(t, b, 1); string(got) != "x" {
		t.Errorf("received %q", got)
	}
	_, _, err := b.Receive(transport.Never, make([]byte, 1))
	var de *transport.DisconnectError
	if !errors.As(err, &de) || de.Remote || de.Reason != transport.ReasonExpired {
		t.Errorf("Receive: %v", err)
	}
	if !a.Ended() {
		t.Error("not ended")
	}
}

func TestPipeAllocatesNothing(t *testing.T) {
	a, b := Pipe(Options{})
	head, data, buf := []byte{1, 0, 1, 0}, make([]byte, 1000), make([]byte, 2000)
	if n := testing.AllocsPerRun(1000, func() {
		a.Send(transport.Never, head, data, transport.End|transport.Gather)
		b.Receive(transport.Never, buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
