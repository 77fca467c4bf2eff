package group

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/tenuto-session/tenuto/carrier/memory"
)

// TestSkipBeforeTheAnswer: a resynchronization of the sender's own that is asked for after the receiver's has been indicated, and before it was answered,
// takes its place.
func TestSkipBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		a := p.join(Member{Stream: 0})
		var b *Stream
		skipped := make(chan error, 1)
		b = p.join(Member{Stream: 1, Seek: func(t int64) int64 {
			go func() { skipped <- b.Skip(bg, 300) }()
			synctest.Wait() // until it has been made
			return t
		}})
		p.send(a, 0, 500)
		p.send(b, 0, 1)
		p.next("0:0! 1:0! 1:1")
		p.run(50 * ms)
		if err := <-skipped; err != nil {
			t.Error(err)
		}
		p.wantsEvent(Moved, "stream 1: was moved on to 300")
		p.send(b, 300, 500)
		p.next("1:300! 0:500 1:500")
	})
}

// TestNobodyIsBetween: a resynchronization is answered only when nobody is about to send what is void.
func TestNobodyIsBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		a, b := p.join(Member{Stream: 0}), p.join(Member{Stream: 1})
		p.send(a, 0, 500)
		p.send(b, 0)
		p.next("0:0! 1:0!")
		call, moves, err := b.enter(bg, 10)
		if err != nil {
			t.Fatal(err)
		}
		p.run(60 * ms)
		if call.Err() == nil || b.moves != moves {
			t.Errorf("%v, %d moves", call.Err(), b.moves-moves)
		}
		err = b.leave(bg, moves, 10, b.submit(call, unitAt(10)))
		if r, ok := errors.AsType[*ResyncedError](err); !ok || r.From != 90 {
			t.Errorf("got %v", err)
		}
		p.send(b, 500)
		p.next("0:500 1:500!")
	})
}
