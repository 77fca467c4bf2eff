package durable

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
)

// TestTooLate: a receiver that is busy while the sender interrupts has nothing to confirm or to complain of any more, and the session goes on.
func TestTooLate(t *testing.T) {
	full := errors.New("the disk is full")
	for name, fails := range map[string]error{"confirmation": nil, "exception": full} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newSite(t)
				snd := p.sender()
				defer snd.Close()
				snd.Distance, snd.Interval = 30000, -1
				ctx, cancel := context.WithCancelCause(bg)
				enough := errors.New("enough for today")
				p.disk.commit = func(*checkpoint.Record) error {
					cancel(enough)
					time.Sleep(time.Second) // the sender's interrupt is here before this returns
					p.disk.commit = nil
					return fails
				}
				src := &tape{b: pattern(50000), most: 1000, wait: func(at int) error {
					if at == 40000 {
						<-ctx.Done()
					}
					return nil
				}}
				if err := snd.Send(ctx, Outgoing{ID: "work", Source: src}); !errors.Is(err, enough) {
					t.Fatal(err)
				}
				if r := p.state(t, p.received, "work"); r.State != checkpoint.Interrupted || (r.Offset > 0) != (fails == nil) {
					t.Errorf("%+v", r)
				}
				if err := snd.Send(bg, Outgoing{ID: "work", Source: src}); err != nil {
					t.Fatal(err)
				}
				p.wants(t, "work", src.b)
				if p.disk.wrote != int64(len(src.b)) || len(p.dialled) != 1 {
					t.Errorf("%d octets committed, %d sessions", p.disk.wrote, len(p.dialled))
				}
			})
		})
	}
}

// TestAhead: what is received ahead is bounded, in octets and in indications, and is handed up whole and in order.
func TestAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		ep := p.endpoint(t, nil)
		defer ep.Close()
		ln, err := ep.Listen(bg, "memory://ahead", &tenuto.Config{Units: Units})
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan *tenuto.Session, 1)
		go func() {
			far, err := ln.Accept(bg)
			if err != nil {
				t.Error(err)
			}
			accepted <- far
		}()
		near, err := p.ep.Dial(bg, "memory://ahead/x", &tenuto.Config{Units: Units})
		if err != nil {
			t.Fatal(err)
		}
		a, finish := receiveAhead(bg, <-accepted)
		defer finish()

		large := pattern(3 * aheadSize)
		sent := make(chan error, 1)
		go func() {
			err := near.StartActivity(bg, []byte("abc"), nil)
			for range 2 * maxAhead {
				err = errors.Join(err, minor(near, nil))
			}
			sent <- errors.Join(err, near.Send(bg, large), near.Abort(nil))
		}()
		held := func(indications, octets int) {
			t.Helper()
			synctest.Wait()
			a.mu.Lock()
			defer a.mu.Unlock()
			if len(a.queue) != indications || a.buffers != octets {
				t.Errorf("%d indications and %d buffers wait; want %d and %d", len(a.queue), a.buffers, indications, octets)
			}
		}
		held(maxAhead, 0)
		if ind, err := a.next(); err != nil || ind.String() != `S-ACTIVITY-START indication(id="abc")` {
			t.Fatal(ind, err)
		}
		for serial := range uint32(2 * maxAhead) {
			ind, err := a.next()
			if i, ok := ind.(tenuto.SyncMinorInd); err != nil || !ok || i.Serial != serial+1 {
				t.Fatal(ind, err)
			}
		}
		held(maxBuffers, maxBuffers)
		var got []byte
		for {
			ind, err := a.next()
			if err != nil {
				if _, aborted := errors.AsType[*tenuto.AbortError](err); !aborted || !a.left() && len(a.queue) > 0 {
					t.Error(err)
				}
				break
			}
			got = append(got, ind.(tenuto.Data).B...)
		}
		if !bytes.HasPrefix(large, got) || len(got) < maxBuffers*aheadSize {
			t.Errorf("%d octets of %d", len(got), len(large))
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

// TestAheadEnds: a server that ends does not wait for a session that has more to say than is taken.
func TestAheadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		s := p.raw(t)
		defer s.Abort(nil)
		busy := make(chan struct{})
		p.disk.write = func() error { <-busy; return errors.New("the disk is full") }
		if err := s.StartActivity(bg, []byte("abc"), []byte{version}); err != nil {
			t.Fatal(err)
		}
		sending, cancel := context.WithCancel(bg)
		defer cancel()
		go func() {
			for s.Send(sending, make([]byte, aheadSize)) == nil {
			}
		}()
		synctest.Wait()
		go p.stop()
		synctest.Wait()
		close(busy)
	})
}
