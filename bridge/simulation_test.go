package bridge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// The simulation joins two machines by carriers that lose, stall and are replaced at random, restores machines from their marshalled
// state, and checks after each step what reached the other user: every octet once and in order but for purges (B1), expedited
// never after what was submitted later (B8), nothing beyond the window (B4).
//
// An octet's value is its offset, so that a stream's octets need not be stored.

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) uint64 {
	n := uint64(100)
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		var err error
		if n, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSimulation runs as many seeds as TENUTO_SEEDS says; TENUTO_SEED runs one, with its trace.
func TestSimulation(t *testing.T) {
	if v := os.Getenv("TENUTO_SEED"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := newSimWorld(seed)
		w.trace = func(f string, a ...any) { t.Logf(f, a...) }
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		return
	}
	var total simCounts
	for seed := range simSeeds(t) {
		w := newSimWorld(seed)
		if err := w.run(); err != nil {
			t.Fatalf("TENUTO_SEED=%d: %v", seed, err)
		}
		total.add(w.counts)
	}
	t.Logf("%+v", total)
	if total.Attaches == 0 || total.Purges == 0 || total.Replayed == 0 || total.Restores == 0 || total.Closes == 0 {
		t.Errorf("the simulation missed a case: %+v", total)
	}
}

type simCounts struct {
	Steps, Attaches, Replayed, Purges, Closes, Restores, Expedited, Duplicates int
	Octets                                                                     uint64
}

func (c *simCounts) add(d simCounts) {
	c.Steps += d.Steps
	c.Attaches += d.Attaches
	c.Replayed += d.Replayed
	c.Purges += d.Purges
	c.Closes += d.Closes
	c.Restores += d.Restores
	c.Expedited += d.Expedited
	c.Duplicates += d.Duplicates
	c.Octets += d.Octets
}

// simStream is what the user at one end has done with a stream.
type simStream struct {
	expSubmitted []uint64 // Written of the normal flow when each expedited TSDU was submitted
	purges       []simPurge
	received     uint64 // the user's next octet
	expReceived  uint64
	waiting      uint64 // received by the machine, not taken by the user
	closed       bool
}

type simPurge struct{ from, to uint64 } // the octets that may be missing

type simEnd struct {
	name string
	m    *Machine
	st   map[uint32]*simStream
}

type simWorld struct {
	rng    *rand.Rand
	now    time.Time
	ends   [2]*simEnd
	wire   [2][]Frame // towards end i, on the current carrier
	up     bool
	counts simCounts
	trace  func(string, ...any)
}

func newSimWorld(seed uint64) *simWorld {
	w := &simWorld{rng: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0), trace: func(string, ...any) {}}
	set := Settings{Credit: MinCredit, Heartbeat: 20 * time.Second, Retention: time.Hour, Streams: 4}
	for i, r := range []Role{InitiatorRole, ResponderRole} {
		w.ends[i] = &simEnd{name: string("IR"[i]), m: New(r, Keys{Epoch: 1}, set, set, Limits{Streams: 4, Window: MinCredit}, w.now), st: map[uint32]*simStream{}}
	}
	return w
}

func (w *simWorld) run() error {
	for range 400 {
		w.counts.Steps++
		if err := w.step(w.rng.IntN(100)); err != nil {
			return err
		}
	}
	return w.settle()
}

func (w *simWorld) step(dice int) error {
	i := w.rng.IntN(2)
	e := w.ends[i]
	w.now = w.now.Add(time.Duration(w.rng.IntN(3000)) * time.Microsecond)
	switch {
	case dice < 3:
		w.cut()
	case dice < 8 && !w.up:
		w.attach()
	case dice < 10:
		return w.restore(e)
	case dice < 14 && len(e.m.Streams) < 6:
		s := e.m.Open()
		if s == nil {
			return nil
		}
		e.st[s.ID] = &simStream{}
		w.trace("%s opens %d", e.name, s.ID)
	case dice < 16:
		if s := w.pick(e); s != nil && w.rng.IntN(3) == 0 {
			w.counts.Closes++
			w.trace("%s closes %d", e.name, s.ID)
			e.m.Close(s, 0)
			e.st[s.ID].closed = true
		}
	case dice < 34:
		if s := w.pick(e); s != nil && s.Written-s.ReplayFrom() < 3*MinCredit {
			e.m.Write(s, 1+w.rng.IntN(MinCredit))
		}
	case dice < 38:
		if s := w.pick(e); s != nil && s.ExpeditedRoom() {
			w.counts.Expedited++
			st := e.st[s.ID]
			st.expSubmitted = append(st.expSubmitted, s.Written)
			e.m.WriteExpedited(s, 1+w.rng.IntN(MaxExpedited))
		}
	case dice < 41:
		if s := w.pick(e); s != nil {
			from := s.Acked
			if e.m.Purge(s, w.rng.IntN(2) == 0) {
				w.counts.Purges++
				e.st[s.ID].purges = append(e.st[s.ID].purges, simPurge{from, s.Skip})
				w.trace("%s purges %d from %d to %d", e.name, s.ID, from, s.Skip)
			}
		}
	case dice < 55:
		if s := w.pick(e); s != nil {
			w.take(e, s)
		}
	case dice < 58:
		w.now = w.now.Add(30 * time.Millisecond)
		if e.m.Tick(w.now) {
			w.cut()
		}
	case dice < 80:
		w.send(i, 1+w.rng.IntN(4))
	default:
		return w.deliver(i, 1+w.rng.IntN(4))
	}
	return nil
}

// pick is a random live stream of an end.
func (w *simWorld) pick(e *simEnd) *Stream {
	ids := e.m.ids()
	if len(ids) == 0 {
		return nil
	}
	s := e.m.Streams[ids[w.rng.IntN(len(ids))]]
	if s.Closing {
		return nil
	}
	return s
}

func (w *simWorld) take(e *simEnd, s *Stream) {
	st := e.st[s.ID]
	if s.ExpConsumed < s.ExpNext {
		e.m.ConsumedExpedited(s)
		return
	}
	if n := st.waiting; n > 0 {
		n = 1 + w.rng.Uint64N(n)
		st.waiting -= n
		e.m.Consumed(s, int(n))
	}
	if w.rng.IntN(8) == 0 {
		e.m.Grow(s, min(s.Window*2, 8*MinCredit))
	}
}

func (w *simWorld) cut() {
	if !w.up {
		return
	}
	w.up = false
	w.trace("cut")
	w.wire = [2][]Frame{}
	for _, e := range w.ends {
		e.m.Detach(w.now)
	}
}

func (w *simWorld) attach() {
	w.counts.Attaches++
	w.up = true
	w.trace("attach")
	for _, e := range w.ends {
		for _, s := range e.m.Streams {
			if s.High > s.Acked {
				w.counts.Replayed++
			}
		}
		e.m.Attach(w.now)
	}
}

func (w *simWorld) restore(e *simEnd) error {
	w.counts.Restores++
	w.cut()
	w.trace("%s is restored", e.name)
	b, err := e.m.MarshalBinary()
	if err != nil {
		return err
	}
	e.m = new(Machine)
	return e.m.UnmarshalBinary(b)
}

func (w *simWorld) send(i, n int) {
	for range n {
		f, _, ok := w.ends[i].m.Next(w.now)
		if !ok {
			return
		}
		w.trace("%s sends %v", w.ends[i].name, f)
		w.wire[1-i] = append(w.wire[1-i], f)
	}
}

// deliver gives end i some of the frames on the wire, each as its octets.
func (w *simWorld) deliver(i, n int) error {
	for ; n > 0 && len(w.wire[i]) > 0; n-- {
		f := w.wire[i][0]
		w.wire[i] = w.wire[i][1:]
		b, _ := f.AppendBinary(nil)
		g, k, err := ParseFrame(b)
		if err != nil || k != len(b) || g != f {
			return fmt.Errorf("%v parses as %v (%d of %d octets): %v", f, g, k, len(b), err)
		}
		if err := w.handle(w.ends[i], w.ends[1-i], f); err != nil {
			return fmt.Errorf("%s gets %v: %w", w.ends[i].name, f, err)
		}
	}
	return nil
}

func (w *simWorld) handle(e, peer *simEnd, f Frame) error {
	w.trace("%s gets %v", e.name, f)
	eff, err := e.m.Handle(w.now, f)
	if err != nil {
		return err
	}
	switch eff.Kind {
	case EffectOpened:
		if e.st[eff.Stream.ID] != nil {
			return fmt.Errorf("opened twice")
		}
		e.st[eff.Stream.ID] = &simStream{}
		if e.m.TooMany() {
			e.m.Close(eff.Stream, 1)
			e.st[eff.Stream.ID].closed = true
		}
	case EffectData:
		if eff.Drop > 0 || eff.Stream == nil {
			w.counts.Duplicates++
		}
		if eff.Stream == nil {
			return nil
		}
		// The carrier may be cut in the middle of a frame; what came of it counts.
		n := f.Length - eff.Drop
		if w.rng.IntN(20) == 0 {
			n = w.rng.IntN(n + 1)
			defer w.cut()
		}
		return w.receive(e, peer, eff.Stream, f.Arg+uint64(eff.Drop), uint64(n))
	case EffectExpect:
		if eff.Stream != nil {
			e.st[f.Stream].expReceived++
		}
	case EffectClosed:
		e.st[eff.Stream.ID].closed = true
	case EffectSynced:
		for _, s := range eff.Lost {
			if p := peer.st[s.ID]; p == nil || !p.closed {
				return fmt.Errorf("stream %d was lost", s.ID)
			}
			e.st[s.ID].closed = true
		}
	}
	return nil
}

// receive checks that octets from to from+n are the next for the user, but for purges.
func (w *simWorld) receive(e, peer *simEnd, s *Stream, from, n uint64) error {
	st, src := e.st[s.ID], peer.st[s.ID]
	if from < st.received {
		return fmt.Errorf("octet %d of stream %d is delivered again (next is %d)", from, s.ID, st.received)
	}
	for o := st.received; o < from; {
		p := o
		for _, g := range src.purges {
			if g.from <= o && o < g.to {
				o = max(o, g.to)
			}
		}
		if o == p {
			return fmt.Errorf("octet %d of stream %d is missing", o, s.ID)
		}
	}
	st.received = from + n
	for k, at := range src.expSubmitted {
		if uint64(k) >= st.expReceived && at < st.received && n > 0 {
			return fmt.Errorf("B8: octet %d came before expedited TSDU %d, submitted at %d", st.received, k, at)
		}
	}
	st.waiting += n
	w.counts.Octets += n
	e.m.Advance(s, int(n))
	if s.Next-s.Consumed > s.Window {
		return fmt.Errorf("B4: %d octets are held, the window is %d", s.Next-s.Consumed, s.Window)
	}
	return nil
}

// settle lets everything arrive on a carrier that stays and checks that nothing is left.
func (w *simWorld) settle() error {
	for range 3000 {
		if !w.up {
			w.attach()
		}
		w.now = w.now.Add(25 * time.Millisecond)
		for i, e := range w.ends {
			if e.m.Tick(w.now) {
				w.cut()
				break
			}
			for _, id := range e.m.ids() {
				if s := e.m.Streams[id]; !s.Closing {
					w.take(e, s)
				}
			}
			w.send(i, 1000)
			if err := w.deliver(1-i, 1000); err != nil {
				return err
			}
			if !w.up {
				break
			}
		}
	}
	for i, e := range w.ends {
		p := w.ends[1-i]
		if e.m.Busy() {
			return fmt.Errorf("%s waits for ever", e.name)
		}
		for id, s := range e.m.Streams {
			q := p.m.Streams[id]
			switch {
			case s.Closing:
				return fmt.Errorf("%s: stream %d is never forgotten", e.name, id)
			case q == nil:
				return fmt.Errorf("%s: stream %d is not known to the peer", e.name, id)
			case s.Acked != s.Written || q.Next != s.Written || q.Consumed != q.Next:
				return fmt.Errorf("%s: stream %d: written %d, acknowledged %d, received %d, consumed %d", e.name, id, s.Written, s.Acked, q.Next, q.Consumed)
			case s.ExpAcked != s.ExpWritten:
				return fmt.Errorf("%s: stream %d: %d of %d expedited TSDUs arrived", e.name, id, s.ExpAcked, s.ExpWritten)
			}
		}
	}
	return nil
}
