package tenuto

import (
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tenuto-session/tenuto/spdu"
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

// TestAnnounced: between PREPARE and the resynchronization that it announces, what a user sends has no effect, and it hears so where it would count on
// one.
func TestAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Config{Units: Duplex | MinorSync | MajorSync | Resync, Tokens: TokenSettings{There: MinorToken | MajorToken}}
		l := open(t, transporttest.Options{}, c, c)
		if n, err := l.b.SendPart(bg, []byte("a"), false); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		try(t, l.a.Resynchronize(bg, Set, 5, TokenSettings{}, nil), "resynchronize")
		l.b.takeExpedited()
		if n, err := l.b.SendPart(bg, []byte("b"), true); n != 1 || err != nil {
			t.Errorf("the rest of the SSDU: %d, %v", n, err)
		}
		try(t, l.b.Send(bg, []byte("c")), "another SSDU")
		for range 2 {
			if n, err := l.b.SyncMinor(bg, Explicit, nil); n != 0 || err != ErrPurged {
				t.Errorf("a minor synchronization point: %d, %v", n, err)
			}
		}
		if n, err := l.b.SyncMajor(bg, nil); n != 0 || err != ErrPurged {
			t.Errorf("a major synchronization point: %d, %v", n, err)
		}
		if ind, err := l.b.Receive(bg); err != nil || ind.(ResyncInd).Serial != 5 {
			t.Fatal(ind, err)
		}
		try(t, l.b.RespondResync(bg, 5, 0, nil), "respond")
		if ind, err := l.a.Receive(bg); err != nil || ind.(ResyncCnf).Serial != 5 {
			t.Fatal(ind, err)
		}
		try(t, l.b.Send(bg, []byte("d")), "after it")
		if ind, err := l.a.Receive(bg); err != nil || string(ind.(Data).B) != "d" {
			t.Errorf("%v, %v", ind, err)
		}
		l.a.Abort(nil)
	})
}

// TestOvertaken: a user that does not receive hears of a resynchronization all the same, and not of data.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Config{Units: Duplex | MinorSync | Resync}
		l := open(t, transporttest.Options{}, c, c)
		rung := func(c <-chan struct{}) bool {
			synctest.Wait()
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		void := l.b.Overtaken(false)
		try(t, l.a.Send(bg, []byte("x")), "send")
		if rung(void) {
			t.Error("data have overtaken something")
		}
		try(t, l.a.Resynchronize(bg, Set, 5, TokenSettings{}, nil), "resynchronize")
		if !rung(void) {
			t.Error("nothing was heard of the resynchronization")
		}
		if ind, err := l.b.Receive(bg); err != nil || ind.(ResyncInd).Serial != 5 {
			t.Fatal(ind, err)
		}
		try(t, l.b.RespondResync(bg, 5, 0, nil), "respond")
		if rung(l.b.Overtaken(false)) {
			t.Error("it is heard of twice")
		}
		over := l.b.Overtaken(true)
		l.a.Abort(nil)
		if !rung(over) {
			t.Error("nothing was heard of the abort")
		}
	})
}

// TestTakerSends: what has been taken off the expedited flow may lead to something that is sent, and before that is what came meanwhile.
func TestTakerSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Config{Units: HalfDuplex | Expedited, Tokens: TokenSettings{Here: DataToken}}
		l := open(t, transporttest.Options{}, c, c)
		please, err := spdu.Segments(spdu.PT{Tokens: DataToken}, 0)
		try(t, err, "encode")
		l.b.tc = &slowTaker{Conn: l.b.tc, f: func() {
			try(t, l.a.SendExpedited(bg, []byte("two")), "another one")
			l.b.mu.Lock()
			l.b.queue(op{kind: opSend, tsdu: please[0], user: true})
			l.b.mu.Unlock()
		}}
		try(t, l.a.SendExpedited(bg, []byte("one")), "expedited")
		l.b.takeExpedited()
		want(t, l.b, ExpeditedInd{[]byte("one")}, "the first")
		want(t, l.b, ExpeditedInd{[]byte("two")}, "the second")
		want(t, l.a, TokenPleaseInd{Tokens: DataToken}, "what was sent")
		l.a.Abort(nil)
	})
}
