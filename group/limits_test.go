package group

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/spdu"
)

// TestRenewal: when the numbers of points run out the activity ends and another one begins, and nothing is lost; also when the receiver resynchronizes
// just then.
func TestRenewal(t *testing.T) {
	defer func(n uint32) { lastPoint = n }(lastPoint)
	lastPoint = 20
	synctest.Test(t, func(t *testing.T) {
		p, _ := slowSite(t, nil)
		a := p.join(Member{Stream: 0})
		starts := 0
		p.trace = func(tr tenuto.Trace) {
			if _, ok := tr.SPDU.(spdu.AS); ok {
				starts++
			}
		}
		b := p.join(Member{Stream: 1})
		p.send(a, 0)
		if err := a.Mark(bg, 100_000); err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		resyncs := 0
		go func() {
			for i := int64(0); i < 3000; i += 10 {
				err := b.Send(bg, i, nil)
				if err == nil {
					err = b.Mark(bg, i)
				}
				if r, ok := errors.AsType[*ResyncedError](err); ok {
					resyncs++
					i = r.From/10*10 + 10
				} else if err != nil {
					sent <- err
					return
				}
				<-time.After(5 * ms)
			}
			sent <- nil
		}()
		p.next("0:0!")
		last, gaps := int64(-10), 0
		for last < 2990 {
			ctx, cancel := context.WithTimeout(bg, time.Minute)
			u, err := p.rcv.Next(ctx)
			cancel()
			if err != nil {
				t.Fatalf("after %d: %v: %+v, %v", last, err, p.rcv.Stats(), p.events)
			}
			if u.Time != last+10 {
				if gaps++; !u.First {
					t.Errorf("%d came after %d", u.Time, last)
				}
			}
			last = u.Time
			if last == 1500 {
				if err := p.rcv.SeekTo(2000); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if starts < 10 || gaps == 0 || resyncs == 0 {
			t.Errorf("%d activities, %d gaps, %d resynchronizations", starts, gaps, resyncs)
		}
	})
}

// TestCancelled: a unit whose Send was cancelled half-way arrives with the next one, unless it has become void.
func TestCancelled(t *testing.T) {
	for _, void := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, nw := slowSite(t, func(c *ReceiverConfig) { c.MaxSkew = time.Hour })
			a := p.join(Member{Stream: 0})
			nw.set("there", func(l *labLink) { l.rate = 1_000_000 })
			ctx, cancel := context.WithTimeout(bg, 50*ms)
			defer cancel()
			if err := a.Send(ctx, 0, make([]byte, 900_000)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			if void {
				if err := a.Skip(bg, 10); err != nil {
					t.Fatal(err)
				}
			}
			p.send(a, 10)
			u, err := p.rcv.Next(bg)
			if err != nil || u.Time == 0 == void {
				t.Errorf("got a unit at %d, %v", u.Time, err)
			}
		})
	}
}

// TestBackPressure: a receiver that is not asked holds no more than its buffer, and hears of a pause all the same.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), func(c *ReceiverConfig) { c.Buffer = 64 << 10; c.Delay = time.Second })
		a := p.join(Member{Stream: 0})
		blocked := make(chan error, 1)
		go func() {
			var err error
			for i := int64(0); err == nil; i++ {
				err = a.Send(bg, i, make([]byte, 10_000))
			}
			blocked <- err
		}()
		synctest.Wait()
		if s := p.stats(0); s.Waiting < 64<<10 || s.Waiting > 64<<10+10_100 {
			t.Errorf("%+v", s)
		}
		p.wantsEvent(Tight, "stream 0: has a buffer that is full with 6ms")
		reached, err := a.Pause(bg)
		if err != nil || reached != 6 {
			t.Errorf("paused at %d, %v", reached, err)
		}
		if err := a.Resume(bg, 7); err != nil {
			t.Fatal(err)
		}
		if r, ok := errors.AsType[*ResyncedError](<-blocked); !ok || r.From != 7 {
			t.Errorf("got %v", err)
		}
	})
}
