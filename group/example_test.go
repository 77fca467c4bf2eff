package group_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group"
)

// Two streams of one sender come to a receiver, which hands up their units in the order of their times.
func Example() {
	ctx := context.Background()
	id, rate := group.NewID(), group.Rate{Num: 1000, Den: 1} // times are milliseconds

	ln, err := tenuto.Listen(ctx, "tenuto+tcp://127.0.0.1:0", nil)
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	rcv, err := group.NewReceiver(&group.ReceiverConfig{Group: id, Rate: rate, Delay: 50 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	defer rcv.Close()
	go rcv.Serve(ctx, ln)

	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		panic(err)
	}
	defer ep.Close()
	snd, err := group.NewSender(&group.SenderConfig{Group: id, Rate: rate})
	if err != nil {
		panic(err)
	}
	defer snd.Close()
	for n, name := range []string{"sound", "picture"} {
		st, err := snd.Join(ctx, func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return ep.Dial(ctx, ln.URL()+"/show", cfg)
		}, group.Member{Stream: n, Name: name, Essential: true})
		if err != nil {
			panic(err)
		}
		for t := int64(5 * n); t < 20; t += 10 {
			if err := st.Send(ctx, t, fmt.Appendf(nil, "%s at %d", name, t)); err != nil {
				panic(err)
			}
		}
		if err := st.Mark(ctx, 20); err != nil { // so that nobody waits for more
			panic(err)
		}
	}
	for range 4 {
		u, err := rcv.Next(ctx)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s\n", u.Data)
	}
	// Output:
	// sound at 0
	// picture at 5
	// sound at 10
	// picture at 15
}

// A sender of a file has the units of any time: when the receiver seeks, or the stream has fallen behind, it goes on where it is told to.
func ExampleResyncedError() {
	play := func(ctx context.Context, st *group.Stream, frame func(t int64) []byte) error {
		for t := int64(0); ; t += 40 {
			err := st.Send(ctx, t, frame(t))
			if moved, ok := errors.AsType[*group.ResyncedError](err); ok {
				t = moved.From - 40
			} else if err != nil {
				return err
			}
		}
	}
	_ = play
}

// A live source has nothing before now.
func ExampleMember() {
	began := time.Now()
	now := func() int64 { return time.Since(began).Milliseconds() }
	_ = group.Member{Stream: 1, Name: "camera", Seek: func(t int64) int64 { return max(t, now()) }}
}
