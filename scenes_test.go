package tenuto

import (
	"errors"
	"reflect"
	"testing"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// TestRelayedAborts: who aborted, and why, is the same on both sides, and so are the data.
func TestRelayedAborts(t *testing.T) {
	for name, o := range relayed {
		a, b := openRelayed(t, o, nil, nil)
		try(t, a.Abort([]byte("had enough")), "abort")
		var ae *AbortError
		if _, err := b.Receive(bg); !errors.As(err, &ae) || ae.By != User || !ae.Remote || string(ae.Data) != "had enough" {
			t.Errorf("%s: by the user: %v", name, err)
		}
		a, b = openRelayed(t, o, nil, nil)
		b.tc.Disconnect(transport.ReasonNormal)
		if _, err := a.Receive(bg); !errors.As(err, &ae) || ae.By != Provider || !ae.Remote {
			t.Errorf("%s: by the provider: %v", name, err)
		}
	}
}

// TestRelayedReleaseCollision: both users release at once; what each hears is what it would hear without a relay.
func TestRelayedReleaseCollision(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: Duplex})
		a, b := open(t, ca, cb)
		try(t, a.Release(bg, []byte("a")), "release")
		try(t, b.Release(bg, []byte("b")), "release")
		gets(t, a, ReleaseInd{[]byte("b")})
		gets(t, b, ReleaseInd{[]byte("a")})
		try(t, a.RespondRelease(bg, []byte("yes")), "response")
		gets(t, b, ReleaseCnf{Data: []byte("yes")})
		try(t, b.RespondRelease(bg, []byte("and yes")), "response")
		gets(t, a, ReleaseCnf{Data: []byte("and yes")})
		for _, s := range []*Session{a, b} {
			if _, err := s.Receive(bg); err != ErrReleased {
				t.Errorf("in the end: %v", err)
			}
		}
	})
}

// TestResyncCollisions: of all kinds that collide the same prevail, with a relay and without (x225 1.6).
func TestResyncCollisions(t *testing.T) {
	ask := map[string]func(s *Session) error{
		"restart": func(s *Session) error { return s.Resynchronize(bg, Restart, 1, TokenSettings{}, nil) },
		"set":     func(s *Session) error { return s.Resynchronize(bg, Set, 1, TokenSettings{}, nil) },
		"abandon": func(s *Session) error { return s.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil) },
		"interrupt": func(s *Session) error {
			return s.InterruptActivity(bg, NoSpecificReason, nil)
		},
		"discard": func(s *Session) error { return s.DiscardActivity(bg, NoSpecificReason, nil) },
	}
	order := []string{"restart", "set", "abandon"}
	transports(t, func(t *testing.T, open opener) {
		for i, ka := range append(order, "interrupt", "discard") {
			for j, kb := range order {
				ca, cb := both(Config{Units: Duplex | MinorSync | MajorSync | Resync | Activity})
				a, b := open(t, ca, cb)
				try(t, a.StartActivity(bg, []byte("A"), nil), "start")
				gets(t, b, ActivityStartInd{[]byte("A"), nil})
				for range 2 {
					n, err := a.SyncMinor(bg, Explicit, nil)
					try(t, err, "minor point")
					gets(t, b, SyncMinorInd{Explicit, n, nil})
				}
				try(t, ask[ka](a), ka)
				try(t, ask[kb](b), kb)
				winner, loser := a, b // the initiator, of two alike
				if j > i {
					winner, loser = b, a
				}
				var err error
				switch ind := next(t, loser).(type) {
				case ResyncInd:
					err = loser.RespondResync(bg, ind.Serial, 0, nil)
				case ActivityInterruptInd:
					err = loser.RespondInterrupt(bg, nil)
				case ActivityDiscardInd:
					err = loser.RespondDiscard(bg, nil)
				default:
					t.Fatalf("%s against %s: the loser got %v", ka, kb, ind)
				}
				try(t, err, "response")
				switch ind := next(t, winner).(type) {
				case ResyncCnf, ActivityInterruptCnf, ActivityDiscardCnf:
				default:
					t.Fatalf("%s against %s: the winner got %v", ka, kb, ind)
				}
				a.Abort(nil)
				b.Abort(nil)
			}
		}
	})
}

// TestRelayedCut: an SSDU that was cut, and cannot be on the other side of the relay, ends both sessions; one that is whole does not.
func TestRelayedCut(t *testing.T) {
	for _, whole := range []bool{true, false} {
		ca, cb := both(Config{Units: Duplex | MinorSync | Resync})
		a, b := openRelayed(t, [2]transporttest.Options{{}, {NoExpedited: true, Delivered: true, Window: 1000}}, ca, cb)
		_, err := a.SendPart(bg, pattern(500), whole)
		try(t, err, "a part")
		if ind, err := b.Receive(bg); err != nil || len(ind.(Data).B) == 0 {
			t.Fatalf("%v, %v", ind, err)
		}
		try(t, a.Resynchronize(bg, Set, 7, TokenSettings{}, nil), "resynchronize")
		for err == nil {
			var ind Indication
			if ind, err = b.Receive(bg); err == nil && reflect.TypeOf(ind) == reflect.TypeFor[ResyncInd]() {
				break
			}
		}
		if ae := (*AbortError)(nil); whole && err != nil || !whole && (!errors.As(err, &ae) || ae.By != Provider) {
			t.Errorf("whole %v: %v", whole, err)
		}
	}
}
