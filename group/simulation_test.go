package group

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
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

// TestSimulation runs a group of real sessions, each stream over a bridge of its own, while links take longer, slow down, stall and lose their carriers,
// senders skip, pause, abort and come again, and the receiver seeks. Times never go back but where a seek says so, nothing comes twice, buffers keep to
// their bounds, and a second after the last fault all streams are in step.
func TestSimulation(t *testing.T) {
	var resyncs int64
	for seed := range simSeeds(t) {
		synctest.Test(t, func(t *testing.T) { // which ends the test if it fails
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			resyncs += simulate(t, uint64(seed))
		})
	}
	if resyncs == 0 {
		t.Error("nothing was resynchronized")
	}
}

const (
	simBuffer = 16 << 10
	simFaults = 3 * time.Second // in which faults come
	simSettle = time.Second
	simEnd    = simSettle + time.Second // after the last of them
	simSkew   = 40 * ms
)

// A cast is a simulation.
type cast struct {
	*site
	r       *rand.Rand
	nw      *lab
	begin   time.Time
	clock   sync.WaitGroup
	streams []*actor
	stop    chan struct{}
	well    atomic.Int64 // when the last fault was mended, since begin
}

// An actor sends a stream. Sources are live.
type actor struct {
	c      *cast
	m      Member
	link   string
	ep     *tenuto.Endpoint
	period int64
	size   int

	mu sync.Mutex
	st *Stream
}

// now is the time of a live source.
func (c *cast) now() int64 { return int64(time.Since(c.begin) / ms) }

func simulate(t *testing.T, seed uint64) (resyncs int64) {
	nw := newLab()
	r := rand.New(rand.NewPCG(seed, 43))
	policies := []Policy{Skip{}, Skip{}, Wait{Patience: 500 * ms}, Slow{}}
	c := &cast{r: r, nw: nw, begin: time.Now(), stop: make(chan struct{})}
	c.site = newSite(t, nw, func(cfg *ReceiverConfig) {
		cfg.Delay, cfg.MaxSkew, cfg.Buffer, cfg.Policy = 150*ms, simSkew, simBuffer, policies[r.IntN(len(policies))]
	})
	for n := range 2 + r.IntN(2) {
		c.streams = append(c.streams, c.actor(n))
	}
	for _, a := range c.streams {
		c.clock.Go(a.play)
	}
	seekAt := time.Duration(0)
	if r.IntN(3) == 0 {
		seekAt = time.Duration(500+r.IntN(2000)) * ms
	}
	c.clock.Go(func() { c.faults(rand.New(rand.NewPCG(seed, 44))) })
	c.watch(seekAt)
	close(c.stop)
	for _, a := range c.streams {
		a.mu.Lock()
		_ = a.st.s.Abort(nil)
		a.mu.Unlock()
	}
	c.clock.Wait()
	for _, s := range c.rcv.Stats().Streams {
		resyncs += s.Resyncs
	}
	for _, a := range c.streams {
		_ = a.ep.Close()
	}
	return resyncs
}

func (c *cast) actor(n int) *actor {
	a := &actor{c: c, link: fmt.Sprintf("link%d", n), period: []int64{10, 20, 40}[c.r.IntN(3)], size: 20 + c.r.IntN(400)}
	a.m = Member{Stream: n, Essential: c.r.IntN(2) == 0}
	if c.r.IntN(2) == 0 {
		a.m.Seek = func(int64) int64 { return c.now() }
	}
	delay, jitter := time.Duration(1+c.r.IntN(30))*ms, time.Duration(1+c.r.IntN(10))*ms
	c.nw.set(a.link, func(l *labLink) { l.delay, l.jitter, l.rate = delay, jitter, 1_000_000 })
	ln, err := c.server.Listen(bg, "memory://"+a.link, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.serving.Go(func() { _ = c.rcv.Serve(bg, ln) })
	a.ep = c.endpoint()
	a.open()
	return a
}

// open joins, when the receiver has noticed that the stream before is over.
func (a *actor) open() {
	var st *Stream
	err := error(new(tenuto.RefusedError))
	for tries := 0; err != nil && tries < 50; tries++ {
		if _, refused := errors.AsType[*tenuto.RefusedError](err); !refused {
			break
		}
		<-time.After(20 * ms)
		st, err = a.c.snd.Join(bg, func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			return a.ep.Dial(ctx, "memory://"+a.link+"/x", cfg)
		}, a.m)
	}
	if err != nil {
		a.c.t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.st = st
}

// play sends a unit each period, and a mark with each fifth.
func (a *actor) play() {
	for i := 1; ; i++ {
		timer := time.NewTimer(time.Duration(a.period-a.c.now()%a.period) * ms)
		select {
		case <-timer.C:
		case <-a.c.stop:
			timer.Stop()
			return
		}
		a.mu.Lock()
		st := a.st
		a.mu.Unlock()
		t := a.c.now()
		b := append(fmt.Appendf(nil, "%d:%d ", a.m.Stream, t), make([]byte, a.size)...)
		err := st.Send(bg, t, b)
		if err == nil && i%5 == 0 {
			err = st.Mark(bg, t+1)
		}
		_, moved := errors.AsType[*ResyncedError](err)
		_, over := errors.AsType[*tenuto.AbortError](err)
		if err != nil && !moved && !over && !errors.Is(err, ErrBackward) && !errors.Is(err, errInterrupted) { // before a time asked for ahead
			a.c.t.Error(err)
		}
		select {
		case <-a.c.stop:
			return
		default:
		}
	}
}

// faults does what goes wrong, one after the other, and mends it.
func (c *cast) faults(r *rand.Rand) {
	wait := func(d time.Duration) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		<-timer.C
	}
	for {
		wait(time.Duration(100+r.IntN(700)) * ms)
		left := simFaults - time.Since(c.begin)
		if left < 200*ms {
			return
		}
		c.well.Store(math.MaxInt64 / 2) // not yet
		for_ := min(time.Duration(50+r.IntN(1000))*ms, left)
		a := c.streams[r.IntN(len(c.streams))]
		switch r.IntN(8) {
		case 0:
			c.nw.set(a.link, func(l *labLink) { l.stalled = time.Now().Add(for_) })
		case 1:
			c.nw.cut(a.link)
		case 2, 3:
			c.nw.set(a.link, func(l *labLink) { l.rate = 3000 })
			wait(for_)
			c.nw.set(a.link, func(l *labLink) { l.rate = 1_000_000 })
		case 4:
			c.nw.set(a.link, func(l *labLink) { l.delay += 300 * ms })
			wait(for_)
			c.nw.set(a.link, func(l *labLink) { l.delay -= 300 * ms })
		case 5:
			if err := a.st.Skip(bg, c.now()+1); err != nil {
				if _, moved := errors.AsType[*ResyncedError](err); !moved && !errors.Is(err, ErrBackward) {
					c.t.Error("skip:", err)
				}
			}
		case 6:
			if _, err := a.st.Pause(bg); err != nil {
				c.t.Error("pause:", err)
			}
			wait(for_)
			if err := a.st.Resume(bg, c.now()); err != nil {
				c.t.Error("resume:", err)
			}
		case 7:
			_ = a.st.s.Abort(nil)
			wait(for_ / 4)
			a.open()
		}
		c.well.Store(int64(time.Since(c.begin)))
	}
}

// watch takes what is handed up, until the end.
func (c *cast) watch(seekAt time.Duration) {
	got := map[[3]int64]bool{}
	var last Unit
	for next := c.begin; c.settled() < simEnd && !c.t.Failed(); {
		ctx, cancel := context.WithDeadline(bg, next)
		u, err := c.rcv.Next(ctx)
		cancel()
		if err != nil {
			next = time.Now().Add(10 * ms)
			if seekAt > 0 && time.Since(c.begin) > seekAt {
				seekAt = 0
				if err := c.rcv.SeekTo(max(0, c.now()-int64(c.r.IntN(300)))); err != nil {
					c.t.Error(err)
				}
			}
			c.check()
			continue
		}
		if want := fmt.Sprintf("%d:%d ", u.Stream, u.Time); string(u.Data[:min(len(want), len(u.Data))]) != want {
			c.t.Errorf("got %q, want %q", u.Data, want)
		}
		if u.Seek == last.Seek && u.Time < last.Time {
			c.t.Errorf("stream %d at %d was handed up after stream %d at %d", u.Stream, u.Time, last.Stream, last.Time)
		}
		if key := [3]int64{int64(u.Stream), u.Time, int64(u.Seek)}; got[key] {
			c.t.Errorf("stream %d at %d was handed up twice", u.Stream, u.Time)
		} else {
			got[key] = true
		}
		last = u
	}
}

// settled is since when nothing goes wrong any more; less than 0 before that.
func (c *cast) settled() time.Duration {
	return time.Since(c.begin) - max(simFaults, time.Duration(c.well.Load()))
}

func (c *cast) check() {
	st := c.rcv.Stats()
	for _, s := range st.Streams {
		if s.Waiting > simBuffer+600 {
			c.t.Errorf("at %v: %d octets of stream %d wait", time.Since(c.begin), s.Waiting, s.Stream)
		}
		if c.settled() > simSettle && s.Skew > simSkew {
			c.t.Errorf("at %v: stream %d is %v behind: %+v", time.Since(c.begin), s.Stream, s.Skew, s)
		}
	}
	if c.settled() > simSettle && !st.Running {
		c.t.Errorf("at %v: the clock does not run", time.Since(c.begin))
	}
}
