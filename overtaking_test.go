package tenuto

import (
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// A slowTaker lets something else happen once between taking an expedited TSDU and its processing.
type slowTaker struct {
	transport.Conn
	once sync.Once
	f    func()
}

func (s *slowTaker) ReceiveExpedited(b []byte) (n int, ok bool) {
	if n, ok = s.Conn.ReceiveExpedited(b); ok {
		s.once.Do(s.f)
	}
	return n, ok
}

// TestTakersKeepOrder: what a sender takes off the expedited flow is processed before what a receiver reads behind it.
func TestTakersKeepOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Config{Units: Duplex | MinorSync | Resync}
		l := open(t, transporttest.Options{}, c, c)
		try(t, l.a.Resynchronize(bg, Set, 5, TokenSettings{}, nil), "resynchronize")
		var reading sync.WaitGroup
		l.b.tc = &slowTaker{Conn: l.b.tc, f: func() {
			reading.Go(func() {
				want := ResyncInd{Set, 5, TokenSettings{There: MinorToken}, nil}
				if ind, err := l.b.Receive(bg); err != nil || !reflect.DeepEqual(ind, want) {
					t.Errorf("%v, %v", ind, err)
				}
			})
			synctest.Wait() // it has read RS, and waits
		}}
		l.b.takeExpedited()
		reading.Wait()
		l.a.Abort(nil)
	})
}
