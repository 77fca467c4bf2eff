package bridge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// The simulation joins two machines, with their keys, by carriers that are lost, stalled for good, half open and overtaken at random
// (simcarrier_test.go), lets an adversary replay and forge attaches, restores machines from their marshalled state, and checks after
// each step what reached the other user: every octet once and in order but for purges (B1), expedited never after what was
// submitted later (B8), nothing beyond the window (B4); and that the newest epoch alone owns the bridge (B2, B3).
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
//
// Lesson 9: the old carrier is not listened to any more when positions are stated on a new one, though its frames go on coming.
// Lesson 10: the newest epoch wins, in whatever order attaches arrive and however often. Lesson 26: acknowledgements arrive during
// a replay, credit runs out in the middle of one, and attaches begin between any two messages of an older one.
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
	seeds := simSeeds(t)
	for seed := range seeds {
		w := newSimWorld(seed)
		if err := w.run(); err != nil {
			t.Fatalf("seed %d: %v\nits steps: %s\nreplay it with: TENUTO_SEED=%d go test -v -run 'TestSimulation$' ./bridge", seed, err, keepSeed(t, seed), seed)
		}
		total.add(&w.counts)
	}
	t.Log(total)
	for c, n := range total {
		if n == 0 && seeds >= 100 {
			t.Errorf("the simulation missed a case: no %v", simCount(c))
		}
	}
}

// simCount is something that the simulation must have seen.
type simCount int

const (
	simSteps      simCount = iota
	simOctets              // delivered
	simExpedited           // submitted
	simPurges              //
	simCloses              //
	simRestores            // of a machine
	simAttempts            // ATTACH that the initiator sent
	simAttaches            // that came to their end
	simReplays             // streams with octets to send again
	simRepeats             // DATA frames of which the receiver had something already
	simStalls              // carriers that became silent for good
	simHalfOpens           // carriers that one end dropped without the other's notice
	simDeaths              // carriers given up because nothing came
	simLate                // frames that came on a carrier that was not the current one any more
	simOvertaken           // attempts that a newer one overtook before the answer
	simCrossed             // of those, the ones that the responder was still busy with
	simDuplicates          // replayed ATTACHes refused
	simFenced              // of those, by their epoch
	simForged              // ATTACH and ATTACHED that were made up, refused
	simParks               // carriers given up because both ends wanted none
	simGlances             // attempts of a parked bridge that has nothing to say
	simWakes               // attempts of one that has
	simCounted
)

var simCountNames = [simCounted]string{"steps", "octets", "expedited", "purges", "closes", "restores", "attempts", "attaches", "replays",
	"repeats", "stalls", "half-opens", "deaths", "late frames", "overtaken", "crossed", "duplicates", "fenced", "forged", "parks", "glances", "wakes"}

func (c simCount) String() string { return simCountNames[c] }

// keepSeed writes what a failing seed does, step by step, to a file from which a script for testdata can be made, and names it.
func keepSeed(t *testing.T, seed uint64) string {
	t.Helper()
	name := fmt.Sprintf("failed-seed-%d.trace", seed)
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := newSimWorld(seed)
	w.trace = func(format string, a ...any) { fmt.Fprintf(f, format+"\n", a...) }
	fmt.Fprintln(f, w.run())
	return name
}

type simCounts [simCounted]uint64

func (c *simCounts) add(d *simCounts) {
	for i, n := range d {
		c[i] += n
	}
}

func (c simCounts) String() (s string) {
	for i, n := range c {
		s += fmt.Sprintf("%v %d, ", simCount(i), n)
	}
	return s[:len(s)-2]
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

// simEnd is one end of the bridge: what its driver would hold.
type simEnd struct {
	name string
	side int // 0 for the initiator
	m    *Machine
	st   map[uint32]*simStream
	cur  *simCarrier // the current carrier
	try  *simCarrier // the initiator's attempt
}

type simWorld struct {
	rng      *rand.Rand
	now      time.Time
	ends     [2]*simEnd
	carriers []*simCarrier
	serial   int      // of the last carrier
	bound    bool     // carriers have channel bindings
	recorded [][]byte // ATTACHes that the adversary has seen
	seen     []bool   // of those, the ones that the responder has had
	counts   simCounts
	trace    func(string, ...any)
}

func newSimWorld(seed uint64) *simWorld {
	w := &simWorld{rng: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0), trace: func(string, ...any) {}}
	w.bound = w.rng.IntN(2) == 0
	set := Settings{Credit: MinCredit, Heartbeat: 20 * time.Second, Retention: time.Hour, Streams: 4, Parked: time.Hour}
	keys := NewKeys(Result{ID: ID{1}, Secret: [32]byte(w.random())})
	first := w.newCarrier()
	first.epoch = 1
	for i, r := range []Role{InitiatorRole, ResponderRole} {
		e := &simEnd{name: string("IR"[i]), side: i, m: New(r, keys, new(set), set, Limits{Streams: 4, Window: MinCredit}), st: map[uint32]*simStream{}}
		if w.rng.IntN(2) == 0 {
			e.m.ParkAfter = 5 * time.Millisecond
		}
		e.m.Attach(w.now)
		e.cur = first
		w.ends[i] = e
	}
	return w
}

// random is 32 random octets.
func (w *simWorld) random() []byte {
	b := make([]byte, 0, 32)
	for len(b) < 32 {
		b = append(b, byte(w.rng.Uint32()))
	}
	return b
}

func (w *simWorld) run() error {
	for range 500 {
		w.counts[simSteps]++
		if err := w.step(w.rng.IntN(120)); err != nil {
			return err
		}
		if err := w.owner(); err != nil {
			return err
		}
	}
	return w.settle()
}

func (w *simWorld) step(dice int) error {
	e := w.ends[w.rng.IntN(2)]
	w.now = w.now.Add(time.Duration(w.rng.IntN(3000)) * time.Microsecond)
	switch {
	case dice < 3:
		w.fault(e)
	case dice < 5:
		return w.restore(e)
	case dice < 9 && len(e.m.Streams) < 6:
		s := e.m.Open()
		if s == nil {
			return nil
		}
		e.st[s.ID] = &simStream{}
		w.trace("%s opens %d", e.name, s.ID)
	case dice < 11:
		if s := w.pick(e); s != nil && w.rng.IntN(3) == 0 {
			w.counts[simCloses]++
			w.trace("%s closes %d", e.name, s.ID)
			e.m.Close(s, 0)
			e.st[s.ID].closed = true
		}
	case dice < 29:
		if s := w.pick(e); s != nil && s.Written-s.ReplayFrom() < 3*MinCredit {
			n := 1 + w.rng.IntN(MinCredit)
			w.trace("%s writes %d octets on %d", e.name, n, s.ID)
			e.m.Write(s, n)
		}
	case dice < 33:
		if s := w.pick(e); s != nil && s.ExpeditedRoom() {
			w.counts[simExpedited]++
			st := e.st[s.ID]
			st.expSubmitted = append(st.expSubmitted, s.Written)
			w.trace("%s writes expedited TSDU %d on %d at octet %d", e.name, s.ExpWritten, s.ID, s.Written)
			e.m.WriteExpedited(s, 1+w.rng.IntN(MaxExpedited))
		}
	case dice < 36:
		if s := w.pick(e); s != nil {
			from := s.Acked
			if e.m.Purge(s, w.rng.IntN(2) == 0) {
				w.counts[simPurges]++
				e.st[s.ID].purges = append(e.st[s.ID].purges, simPurge{from, s.Skip})
				w.trace("%s purges %d from %d to %d", e.name, s.ID, from, s.Skip)
			}
		}
	case dice < 50:
		if s := w.pick(e); s != nil {
			w.take(e, s)
		}
	case dice < 53:
		w.now = w.now.Add(30 * time.Millisecond)
		w.tick(e)
	case dice < 54:
		w.now = w.now.Add(300 * time.Millisecond)
		w.tick(e)
	case dice < 56:
		w.notice(e)
	case dice < 57:
		return w.quiet()
	case dice < 63:
		w.dial()
	case dice < 65:
		w.replay()
	case dice < 66:
		return w.impostor()
	case dice < 70:
		w.install()
	case dice < 93:
		w.send(e, 1+w.rng.IntN(4))
	default:
		return w.deliver(e, 1+w.rng.IntN(4))
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
			return fmt.Errorf("a peer that keeps to the limit is refused a stream")
		}
	case EffectData:
		if eff.Drop > 0 || eff.Stream == nil {
			w.counts[simRepeats]++
		}
		if eff.Stream == nil {
			return nil
		}
		// The carrier may be cut in the middle of a frame; what came of it counts.
		n := f.Length - eff.Drop
		if w.rng.IntN(20) == 0 {
			n = w.rng.IntN(n + 1)
			defer w.lose(e)
		}
		return w.receive(e, peer, eff.Stream, f.Arg+uint64(eff.Drop), uint64(n))
	case EffectExpect:
		switch {
		case eff.Stream == nil:
		case w.rng.IntN(20) == 0: // nothing of its octets came
			w.lose(e)
		default:
			e.m.AdvanceExpedited(eff.Stream)
			e.st[f.Stream].expReceived++
		}
	case EffectParked:
		w.counts[simParks]++
		w.lose(e)
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
	for k, at := range src.expSubmitted[min(int(st.expReceived), len(src.expSubmitted)):] {
		if at < st.received && n > 0 {
			return fmt.Errorf("B8: octet %d came before expedited TSDU %d, submitted at %d", st.received, int(st.expReceived)+k, at)
		}
	}
	st.waiting += n
	w.counts[simOctets] += n
	e.m.Advance(s, int(n))
	if s.Next-s.Consumed > s.Window {
		return fmt.Errorf("B4: %d octets are held, the window is %d", s.Next-s.Consumed, s.Window)
	}
	return nil
}

// settle lets everything arrive on a carrier that stays and checks that nothing is left.
func (w *simWorld) settle() (err error) {
	w.trace("settle")
	w.ends[0].m.ParkAfter = 0
	for range 3000 {
		w.now = w.now.Add(25 * time.Millisecond)
		if i := w.ends[0]; i.cur == nil && (i.try == nil || i.try.dead() || w.now.Sub(i.try.since) > time.Second) {
			w.dial()
			i.try.stalled = false
		}
		w.install()
		if err := w.flow(); err != nil {
			return err
		}
		if err = w.settled(); err == nil {
			return nil
		}
	}
	return err
}

// quiet lets everything arrive for a while in which the users only take, so that the bridge may be parked.
func (w *simWorld) quiet() error {
	for range w.rng.IntN(60) {
		w.now = w.now.Add(2 * time.Millisecond)
		w.install()
		if err := w.flow(); err != nil {
			return err
		}
	}
	return nil
}

// flow lets both ends do all that is due.
func (w *simWorld) flow() error {
	for _, e := range w.ends {
		w.notice(e)
		w.tick(e)
		for _, id := range e.m.ids() {
			if s := e.m.Streams[id]; !s.Closing {
				w.take(e, s)
			}
		}
		w.send(e, 1000)
		if err := w.deliver(w.ends[1-e.side], 1000); err != nil {
			return err
		}
		if err := w.owner(); err != nil {
			return err
		}
	}
	return nil
}

// settled tells what is left to be done.
func (w *simWorld) settled() error {
	i, r := w.ends[0], w.ends[1]
	if c := i.cur; c == nil || r.cur != c || len(c.wire[0])+len(c.wire[1]) > 0 || i.m.Want() || r.m.Want() {
		return fmt.Errorf("the ends do not come to rest on a carrier")
	}
	if i.m.Keys != r.m.Keys || r.m.Keys.Unsure {
		return fmt.Errorf("the keys differ: epochs %d and %d", i.m.Keys.Epoch, r.m.Keys.Epoch)
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
