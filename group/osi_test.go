package group

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
)

// TestOSI: a group works over RFC 1006 as well, where an SSDU that has begun cannot be cut: seeks, pauses and the end.
func TestOSI(t *testing.T) {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	ln, err := ep.Listen(bg, "osi://127.0.0.1:0", &tenuto.Config{Units: Units})
	if err != nil {
		t.Fatal(err)
	}
	rate := Rate{Num: 1000, Den: 1}
	rcv, err := NewReceiver(&ReceiverConfig{Group: testGroup, Rate: rate, MaxSkew: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer rcv.Close()
	running.Go(func() { _ = rcv.Serve(bg, ln) })
	snd, err := NewSender(&SenderConfig{Group: testGroup, Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	defer snd.Close()
	dial := func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
		return ep.Dial(ctx, ln.URL(), cfg)
	}
	st, err := snd.Join(bg, dial, Member{Stream: 0})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(bg, 30*time.Second)
	defer cancel()
	next := func(want int64) {
		t.Helper()
		u, err := rcv.Next(ctx)
		if err != nil || u.Time != want {
			t.Fatalf("got %d, %v, want %d", u.Time, err, want)
		}
	}
	send := func(at int64, size int) {
		t.Helper()
		err := st.Send(ctx, at, make([]byte, size))
		for moved := (*ResyncedError)(nil); errors.As(err, &moved); err = st.Send(ctx, at, make([]byte, size)) {
			at = max(at, moved.From)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	send(10, 900_000)
	next(10)
	if err := rcv.SeekTo(5); err != nil {
		t.Fatal(err)
	}
	var moved *ResyncedError
	for err = nil; !errors.As(err, &moved); { // until it has come
		if err = st.Send(ctx, 11, make([]byte, 100_000)); err != nil && !errors.As(err, &moved) {
			t.Fatal(err)
		}
	}
	if moved.From != 5 {
		t.Errorf("goes on at %d", moved.From)
	}
	send(5, 10)
	next(5)
	if at, err := st.Pause(ctx); err != nil || at != 5 {
		t.Errorf("paused at %d, %v", at, err)
	}
	if err := st.Resume(ctx, 6); err != nil {
		t.Fatal(err)
	}
	send(6, 10)
	if err := st.Close(ctx); err != nil {
		t.Error(err)
	}
	next(6)
}
