package group

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/spdu"
)

// slowSite is a site whose carriers take 20 ms each way.
func slowSite(t *testing.T, change func(*ReceiverConfig)) (*site, *lab) {
	nw := newLab()
	nw.set("there", func(l *labLink) { l.delay = 20 * ms })
	return newSite(t, nw, change), nw
}

// TestSeek: the receiver goes forward, and back, and units come again in the order of the new times.
func TestSeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := slowSite(t, nil)
		a, b := p.join(Member{Stream: 0}), p.join(Member{Stream: 1, Seek: func(t int64) int64 { return t / 20 * 20 }})
		for i := range int64(10) {
			p.send(a, 10*i)
			p.send(b, 10*i)
		}
		p.next("0:0! 1:0! 0:10 1:10")
		for _, at := range []int64{5000, 30} {
			if err := p.rcv.SeekTo(at); err != nil {
				t.Fatal(err)
			}
			p.run(50 * ms) // both ways
			p.wantsMoved(a, at)
			p.wantsMoved(b, at/20*20)
			p.send(a, at, at+10)
			p.send(b, at/20*20, at/20*20+20)
		}
		begin := time.Now()
		p.next("1:20! 0:30! 0:40 1:40")
		p.send(a, 50)
		p.send(b, 60)
		if d := time.Since(begin); d > 160*ms {
			t.Errorf("it took %v", d)
		}
		u, err := p.rcv.Next(bg)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.rcv.SeekTo(1000); err != nil {
			t.Fatal(err)
		}
		<-time.After(50 * ms) // both ways; nobody calls Next
		p.wantsMoved(a, 1000)
		p.send(a, 1000, 1010)
		synctest.Wait()
		if string(u.Data) != "0:50" { // until the next Next
			t.Errorf("got %q", u.Data)
		}
		if s := p.rcv.Stats(); s.Seeks != 3 || s.Streams[0].Resyncs != 0 {
			t.Errorf("%+v", s)
		}
		p.wantsEvent(Sought, "group: goes to 30")
		if err := p.rcv.SeekTo(-1); !errors.Is(err, ErrNegative) {
			t.Error(err)
		}
	})
}

// TestStaleIsPurged: what a sender that is blocked has sent before a resynchronization does not pass the path that blocks it.
func TestStaleIsPurged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, nw := slowSite(t, nil)
		a, b := p.join(Member{Stream: 0}), p.join(Member{Stream: 1})
		p.send(b, 0)
		nw.set("there", func(l *labLink) { l.rate = 100_000 })
		blocked := make(chan error, 1)
		go func() {
			big := make([]byte, 100_000)
			var err error
			for i := int64(0); err == nil && i < 1000; i++ {
				err = b.Send(bg, 1, big)
			}
			blocked <- err
		}()
		p.send(a, 0)
		if err := a.Mark(bg, 5000); err != nil {
			t.Fatal(err)
		}
		var got int
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
			ctx, cancel := context.WithDeadline(bg, end)
			if u, err := p.rcv.Next(ctx); err == nil && u.Stream == 1 {
				got++
			}
			cancel()
		}
		select {
		case err := <-blocked:
			if r, ok := errors.AsType[*ResyncedError](err); !ok || r.From < 90 {
				t.Errorf("got %v", err)
			}
			for err != nil {
				err = b.Send(bg, 4000, []byte("1:4000"))
				if _, moved := errors.AsType[*ResyncedError](err); err != nil && !moved {
					t.Fatal(err)
				}
			}
		default:
			t.Fatal("the sender is still blocked")
		}
		for {
			u, err := p.rcv.Next(bg)
			if err != nil || u.Stream == 1 {
				break
			}
		}
		if s := p.stats(1); s.Octets > 1_000_000 || s.Resyncs == 0 {
			t.Errorf("%+v: purged data have come", s)
		}
	})
}

// TestPause: the sender interrupts a stream and hears where it has come to; what was on its way is sent again.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := slowSite(t, nil)
		a, b := p.join(Member{Stream: 0}), p.join(Member{Stream: 1})
		if _, err := a.Pause(bg); !errors.Is(err, errNothing) {
			t.Error(err)
		}
		p.send(a, 0, 10)
		p.send(b, 0, 10)
		p.next("0:0! 1:0!")
		p.send(a, 20, 30) // on their way
		reached, err := a.Pause(bg)
		if err != nil || reached < 10 || reached > 30 { // the interrupt came with them, and has purged what was not yet taken
			t.Errorf("paused at %d, %v", reached, err)
		}
		p.next("0:10 1:10")
		if err := a.Skip(bg, 50); !errors.Is(err, errPaused) {
			t.Error(err)
		}
		moved := make(chan error, 1)
		go func() { moved <- a.Send(bg, 1000, nil) }() // waits
		if _, err := b.Pause(bg); err != nil {
			t.Error(err)
		}
		for at := int64(20); at <= reached; at += 10 {
			p.next(fmt.Sprint("0:", at))
		}
		p.run(time.Minute)
		if s := p.rcv.Stats(); s.Running || s.Streams[0].Skew != 0 {
			t.Errorf("%+v", s)
		}
		for _, st := range []*Stream{a, b} {
			if err := st.Resume(bg, reached+10); err != nil {
				t.Fatal(err)
			}
		}
		if r, ok := errors.AsType[*ResyncedError](<-moved); !ok || r.From != reached+10 {
			t.Error("the Send that waited was not told")
		}
		p.wantsMoved(b, reached+10)
		p.send(a, reached+10)
		p.send(b, reached+10)
		p.next(fmt.Sprintf("0:%d! 1:%[1]d!", reached+10))
		p.wantsEvent(Paused, fmt.Sprint("stream 0: is paused at ", reached))
		p.wantsEvent(Resumed, fmt.Sprint("stream 1: is resumed at ", reached+10))
		if err := a.Resume(bg, 1); err == nil {
			t.Error("resumed twice")
		}
		if _, err := b.Pause(bg); err != nil {
			t.Error(err)
		}
		for _, st := range []*Stream{a, b} {
			if err := st.Close(bg); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCollision: the receiver asks for a resynchronization while the sender's own is on its way. The sender's prevails, and no unit comes twice.
func TestCollision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := slowSite(t, nil)
		requests := 0
		p.trace = func(tr tenuto.Trace) {
			if _, ok := tr.SPDU.(spdu.RS); ok {
				requests++
			}
		}
		a := p.join(Member{Stream: 0})
		b := p.join(Member{Stream: 1, Seek: func(t int64) int64 { return t }})
		p.send(a, 0, 100, 500)
		p.send(b, 0)
		p.next("0:0! 1:0!")
		skipped := make(chan error, 1)
		time.AfterFunc(30*ms, func() { skipped <- b.Skip(bg, 300) }) // 10 ms later the receiver finds that it is behind
		p.run(25 * ms)
		p.next("0:100")
		if err := <-skipped; err != nil {
			t.Error(err)
		}
		if requests != 2 {
			t.Errorf("%d requests: nothing has collided", requests)
		}
		p.wantsEvent(Resync, "stream 1")
		p.wantsEvent(Moved, "stream 1: was moved on to 300 by the sender")
		p.send(b, 300, 500)
		p.next("1:300! 0:500 1:500")
		if err := b.Skip(bg, 499); !errors.Is(err, ErrBackward) {
			t.Error(err)
		}
	})
}

// TestInterruptCollision: the receiver asks for a resynchronization while the activity is being interrupted, which prevails. When the activity is
// resumed, the stream is where it was asked to be in the end.
func TestInterruptCollision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := slowSite(t, nil)
		a, b := p.join(Member{Stream: 0}), p.join(Member{Stream: 1})
		p.send(a, 0, 100, 2000)
		p.send(b, 0, 5)
		p.next("0:0! 1:0! 1:5")
		reached := make(chan int64, 1)
		time.AfterFunc(30*ms, func() { // 15 ms later the receiver finds that it is behind
			at, err := b.Pause(bg)
			if err != nil {
				t.Error(err)
			}
			reached <- at
		})
		p.next("0:100")
		if at := <-reached; at != 5 {
			t.Errorf("paused at %d", at)
		}
		p.wantsEvent(Resync, "stream 1")
		p.wantsEvent(Paused, "stream 1")
		if err := p.rcv.SeekTo(700); err != nil { // while it is interrupted
			t.Fatal(err)
		}
		p.run(500 * ms)
		p.wantsMoved(a, 700)
		p.send(a, 700)
		if err := b.Resume(bg, 6); err != nil {
			t.Fatal(err)
		}
		p.run(80 * ms)
		p.wantsMoved(b, 700)
		p.send(b, 700)
		p.next("0:700! 1:700!")
	})
}

// TestReplaced: a member that is aborted is lost, the group waits for it, and another one takes its place.
func TestReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := slowSite(t, func(c *ReceiverConfig) { c.Policy = Wait{} })
		a, b := p.join(Member{Stream: 0, Essential: true}), p.join(Member{Stream: 1, Essential: true})
		p.send(a, 0, 10, 200)
		p.send(b, 0, 10)
		p.next("0:0! 1:0! 0:10 1:10")
		if err := b.s.Abort([]byte("out of film")); err != nil {
			t.Fatal(err)
		}
		p.run(time.Second)
		p.wantsEvent(Lost, `stream 1: lost: the peer says: "out of film"`)
		if err := b.Send(bg, 20, nil); err == nil {
			t.Error("sent")
		}
		b = p.join(Member{Stream: 1, Essential: true})
		p.send(b, 20, 200)
		p.next("1:20! 0:200 1:200")
		if err := a.s.Abort(nil); err != nil {
			t.Fatal(err)
		}
		p.send(b, 900)
		p.run(time.Second)
		p.rcv.Forget(0)
		p.rcv.Forget(64)
		p.next("1:900")
	})
}

// TestBridges: the streams of a group come over bridges of their own.
func TestBridges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, nw := slowSite(t, nil)
		ln, err := p.server.Listen(bg, "memory://elsewhere", nil)
		if err != nil {
			t.Fatal(err)
		}
		p.serving.Go(func() { _ = p.rcv.Serve(bg, ln) })
		other := p.endpoint()
		defer other.Close()
		a := p.join(Member{Stream: 0})
		b, err := p.snd.Join(bg, func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return other.Dial(ctx, "memory://elsewhere/x", cfg)
		}, Member{Stream: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.server.Bridges()) != 2 {
			t.Error("not two bridges")
		}
		p.send(a, 0, 5)
		p.send(b, 5)
		p.next("0:0! 0:5 1:5!")
		nw.cut("elsewhere") // the bridge finds another carrier
		p.send(a, 30, 60)
		p.send(b, 30, 60)
		p.next("0:30 1:30 0:60 1:60")
	})
}

// TestClose: who waits hears of the end.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t, memory.New(), nil)
		a := p.join(Member{Stream: 0})
		next := make(chan error, 1)
		go func() {
			_, err := p.rcv.Next(bg)
			next <- err
		}()
		synctest.Wait()
		if err := p.rcv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-next; err != ErrClosed {
			t.Error(err)
		}
		if err := p.rcv.SeekTo(1); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		synctest.Wait()
		if _, aborted := errors.AsType[*tenuto.AbortError](a.Send(bg, 0, nil)); !aborted {
			t.Error("not aborted")
		}
		if err := p.snd.Close(); err != nil {
			t.Error(err)
		}
		if _, err := p.snd.Join(bg, p.dial, Member{}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}
