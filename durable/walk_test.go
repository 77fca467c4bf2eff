package durable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
)

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) int {
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100
}

// TestSimulation lets an activity be sent while carriers are cut, the receiver's disk fails, and sender and receiver die at any moment and come again: it
// arrives whole, and nothing that was committed is sent or written again.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed)) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A mortal is a process's view of a store: when that is dead nothing is written any more.
type mortal struct {
	checkpoint.Store
	dead *atomic.Bool
}

var errDead = errors.New("killed")

func (m mortal) Commit(ctx context.Context, r checkpoint.Record) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Store.Commit(ctx, r)
}

func simulate(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	p := newSite(t)
	var server atomic.Bool // has been killed
	p.disk.commit = func(*checkpoint.Record) error {
		if server.Load() {
			return errDead
		}
		return nil
	}
	src := &tape{b: pattern(r.IntN(400000)), most: 1 + r.IntN(20000)}
	if r.IntN(3) == 0 {
		src.mark = 1 + r.IntN(5000) + len(src.b)/100
	}
	src.wait = func(at int) error {
		time.Sleep(time.Duration(at%7) * time.Millisecond)
		return nil
	}
	src.rewound = func(offset int64) {
		if n := len(p.disk.file("work")); int64(n) != offset {
			t.Errorf("seed %d: sent from octet %d on, though %d are committed", seed, offset, n)
		}
	}
	distance, window := int64(MinDistance+r.IntN(50000)), 1+r.IntN(6)
	tries := 0
	for done := false; !done; tries++ {
		var dead atomic.Bool
		ep := p.endpoint(t, p.key)
		snd := p.sender()
		snd.Store, snd.Distance, snd.Window, snd.Patience = mortal{p.sent, &dead}, distance, window, time.Minute
		snd.Dial = func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return ep.Dial(ctx, "memory://server/x", cfg)
		}
		ctx, cancel := context.WithCancel(bg)
		result := make(chan error, 1)
		go func() { result <- snd.Send(ctx, Outgoing{ID: "work", Source: src}) }()
		for running := true; running; {
			select {
			case err := <-result:
				running, done = false, err == nil
				if err != nil && !dead.Load() && ctx.Err() == nil && !harmless(err) {
					t.Fatalf("seed %d: %v", seed, err)
				}
			case <-time.After(time.Duration(r.IntN(60)) * time.Millisecond):
				if tries > 30 {
					continue // it may come to its end
				}
				switch r.IntN(8) {
				case 0, 1:
					for _, c := range p.nw.Conns() {
						c.Cut()
					}
				case 2: // kill the sender
					dead.Store(true)
					ep.Close()
					cancel()
				case 3: // kill the receiver
					server.Store(true)
					p.stop()
					server.Store(false)
					p.serve(t)
				case 4:
					cancel()
				case 5:
					p.disk.fail(r.IntN(2) == 0)
				}
			}
		}
		cancel()
		snd.Close()
		ep.Close()
	}
	p.wants(t, "work", src.b)
	if p.disk.wrote != int64(len(src.b)) || p.disk.ended != 1 {
		t.Errorf("seed %d: %d octets were committed instead of %d, %d ends", seed, p.disk.wrote, len(src.b), p.disk.ended)
	}
	for _, st := range []checkpoint.Store{p.sent, p.received} {
		if rec := p.state(t, st, "work"); rec.State != checkpoint.Ended || rec.Offset != int64(len(src.b)) {
			t.Errorf("seed %d: %+v", seed, rec)
		}
	}
}

// harmless tells what a Send may return when others fail, so that another comes to the end: a failing disk, or a server that is not there at first.
func harmless(err error) bool {
	pe, peer := errors.AsType[*PeerError](err)
	_, source := errors.AsType[*SourceError](err)
	return !source && !errors.Is(err, checkpoint.ErrFenced) && !errors.Is(err, checkpoint.ErrNotFound) && (!peer || !pe.Discarded)
}

var errDisk = fmt.Errorf("disk full")

// fail makes the next write fail, or the next commit.
func (d *disk) fail(write bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	once := func() error {
		d.write = nil
		return errDisk
	}
	if write {
		d.write = once
		return
	}
	commit := d.commit
	d.commit = func(r *checkpoint.Record) error {
		d.commit = commit
		return errDisk
	}
}
