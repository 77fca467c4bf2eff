package playout

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
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

// TestSimulation runs groups over links with delay, jitter, rates that change, stalls and losses, each of which ends: what is handed up never goes back
// in time but where a Seek says so, no unit comes twice, buffers keep to their bound, streams whose links are well lose nothing, and a
// second after the last link has recovered all streams are in step.
func TestSimulation(t *testing.T) {
	resyncs, rebases := 0, 0
	for seed := range simSeeds(t) {
		s := newSimulation(t, uint64(seed))
		s.run()
		for _, st := range s.m.Stats(s.now).Streams {
			resyncs += int(st.Resyncs)
		}
		rebases += s.m.rebases
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if resyncs == 0 || rebases == 0 {
		t.Errorf("%d resynchronizations, %d rebases: nothing has gone wrong", resyncs, rebases)
	}
}

// The simulation's times are milliseconds, and so are its steps.
const (
	simDelay  = 150 * ms
	simSkew   = 40 * ms
	simBuffer = MinBuffer * 2
	faultsEnd = 6 * time.Second
	simEnd    = 9 * time.Second
)

type simulation struct {
	t    *testing.T
	r    *rand.Rand
	m    *Machine
	now  time.Duration
	ends []*simSender
	got  map[[3]int64]bool // handed up: stream, time and seek
	last Unit
	seek time.Duration // when to seek, if at all
}

// A simLink is one way to the receiver; what comes back takes as long.
type simLink struct {
	delay, jitter time.Duration
	rate          float64 // packets a millisecond
	credit        float64
	queue         []packet // not sent yet
	air           []packet // sent
	faults        []fault
}

type fault struct {
	from, to time.Duration
	kind     string
}

type packet struct {
	kind string // unit, mark, answer
	gen  int
	t    int64
	at   time.Duration // when it arrives
}

type simSender struct {
	n         int
	link      *simLink
	kind      string // live: goes on with what there is; late: or later, where it is asked to; dull: live, and does not know; file: has all times at hand
	essential bool
	period    int64
	next      int64 // time of the next unit
	gen       int   // of the present transmission
	held      []packet
	requests  []struct {
		at time.Duration
		t  int64
	}
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	r := rand.New(rand.NewPCG(seed, 6))
	policies := []Policy{Skip{}, Skip{}, Wait{}, Wait{Patience: 300 * ms}, Slow{}, Slow{Least: 0.8}}
	s := &simulation{t: t, r: r, got: map[[3]int64]bool{}, m: New(Config{Rate: Rate{1000, 1}, Delay: simDelay, MaxSkew: simSkew, Buffer: simBuffer,
		Policy: policies[r.IntN(len(policies))]})}
	files := r.IntN(4) == 0
	for n := range 2 + r.IntN(4) {
		e := &simSender{n: n, essential: r.IntN(2) == 0, period: []int64{5, 10, 20, 33}[r.IntN(4)], kind: []string{"live", "late", "dull"}[r.IntN(3)]}
		if files {
			e.kind = "file"
		}
		e.link = &simLink{delay: time.Duration(2+r.IntN(50)) * ms, jitter: time.Duration(1+r.IntN(25)) * ms, rate: 4 / float64(e.period)}
		for range r.IntN(3) {
			from := time.Duration(500+r.IntN(5000)) * ms
			e.link.faults = append(e.link.faults, fault{from, min(faultsEnd, from+time.Duration(20+r.IntN(2500))*ms),
				[]string{"stall", "loss", "slow", "far"}[r.IntN(4)]})
		}
		s.ends = append(s.ends, e)
		if err := s.m.Join(n, e.essential); err != nil {
			t.Fatal(err)
		}
		if err := s.m.Start(0, n, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	if files && r.IntN(2) == 0 {
		s.seek = time.Duration(1000+r.IntN(4000)) * ms
	}
	return s
}

func (l *simLink) is(now time.Duration, kind string) bool {
	return slices.ContainsFunc(l.faults, func(f fault) bool { return f.kind == kind && now >= f.from && now < f.to })
}

func (l *simLink) down(now time.Duration) bool { return l.is(now, "stall") || l.is(now, "loss") }

func (s *simulation) run() {
	for s.now = 0; s.now < simEnd && !s.t.Failed(); s.now += ms {
		if s.seek > 0 && s.now == s.seek {
			if err := s.m.Seek(s.now, max(0, s.m.timeAt(s.m.clock.at(s.now))+int64(s.r.IntN(2000)-1000))); err != nil {
				s.t.Fatal(err)
			}
		}
		for _, e := range s.ends {
			s.send(e)
			s.carry(e)
			s.receive(e)
		}
		for u, ok := s.m.Next(s.now); ok; u, ok = s.m.Next(s.now) {
			s.take(u)
		}
		for _, a := range s.m.Asks() {
			e := s.ends[a.Stream]
			e.requests = append(e.requests, struct {
				at time.Duration
				t  int64
			}{s.now + e.link.delay, a.Time})
		}
		s.m.Events()
		s.check()
	}
	for _, st := range s.m.Stats(s.now).Streams {
		if e := s.ends[st.Stream]; len(e.link.faults) == 0 && s.seek == 0 && (st.Late > 0 || st.Resyncs > 0) && s.m.rebases == 0 {
			s.t.Errorf("stream %d (%s): nothing was wrong with its link, and %d units were late, %d resynchronizations", st.Stream, e.kind, st.Late, st.Resyncs)
		}
	}
}

// send lets a sender do what it does in this millisecond.
func (s *simulation) send(e *simSender) {
	if len(e.requests) > 0 && e.requests[0].at <= s.now && !e.link.down(s.now) {
		t := e.requests[0].t
		e.requests = e.requests[1:]
		switch e.kind {
		case "live":
			t = s.edge(e)
		case "late":
			t = max(t, s.edge(e))
		}
		e.gen++
		e.next = (t + e.period - 1) / e.period * e.period
		e.link.queue = append(e.link.queue[:0], packet{kind: "answer", gen: e.gen, t: t}) // the purge
		e.held = nil
	}
	for len(e.link.queue) < 64 && (e.kind == "file" || e.next <= int64(s.now/ms)) {
		e.link.queue = append(e.link.queue, packet{kind: "unit", gen: e.gen, t: e.next})
		if e.next += e.period; e.next%(5*e.period) == 0 {
			e.link.queue = append(e.link.queue, packet{kind: "mark", gen: e.gen, t: e.next})
		}
	}
}

// edge is the first time that a live sender has yet to send.
func (s *simulation) edge(e *simSender) int64 { return int64(s.now/ms)/e.period*e.period + e.period }

// carry moves packets along the link.
func (s *simulation) carry(e *simSender) {
	l := e.link
	if l.is(s.now, "loss") { // the bridge sends them again over another carrier
		l.queue, l.air = append(l.air, l.queue...), nil
	}
	if l.down(s.now) {
		return
	}
	rate, delay := l.rate, l.delay
	if l.is(s.now, "slow") {
		rate /= 8
	}
	if l.is(s.now, "far") {
		delay += 400 * ms
	}
	for l.credit = min(l.credit+rate, 16); len(l.queue) > 0 && (l.credit >= 1 || l.queue[0].kind == "answer"); {
		p := l.queue[0]
		l.queue = l.queue[1:]
		l.credit = max(0, l.credit-1)
		p.at = s.now + delay + time.Duration(s.r.Int64N(int64(l.jitter)))
		if n := len(l.air); n > 0 && p.kind != "answer" {
			p.at = max(p.at, l.air[n-1].at)
		}
		l.air = append(l.air, p)
	}
	for len(l.air) > 0 && l.air[0].at <= s.now {
		e.held = append(e.held, l.air[0])
		l.air = l.air[1:]
	}
}

// receive hands what has arrived to the machine, as far as that has room.
func (s *simulation) receive(e *simSender) {
	for len(e.held) > 0 {
		p := e.held[0]
		if p.gen == e.gen && p.kind == "unit" && !s.m.Room(e.n) {
			return
		}
		e.held = e.held[1:]
		var err error
		switch {
		case p.gen < e.gen: // purged
		case p.kind == "unit":
			err = s.m.Unit(s.now, e.n, p.t, fmt.Appendf(s.m.Buffer(e.n), "%d:%d", e.n, p.t))
		case p.kind == "mark":
			err = s.m.Mark(s.now, e.n, p.t, s.now)
		case p.kind == "answer":
			err = s.m.Resynced(s.now, e.n, p.t, s.now, 0)
		}
		if err != nil {
			s.t.Errorf("at %v: stream %d: %+v: %v", s.now, e.n, p, err)
		}
	}
}

func (s *simulation) take(u Unit) {
	if want := fmt.Sprintf("%d:%d", u.Stream, u.Time); string(u.Data) != want {
		s.t.Errorf("at %v: got %q, want %q", s.now, u.Data, want)
	}
	if u.Seek == s.last.Seek && u.Time < s.last.Time {
		s.t.Errorf("at %v: stream %d at %d was handed up after stream %d at %d", s.now, u.Stream, u.Time, s.last.Stream, s.last.Time)
	}
	key := [3]int64{int64(u.Stream), u.Time, int64(u.Seek)}
	if s.got[key] {
		s.t.Errorf("at %v: stream %d at %d was handed up twice", s.now, u.Stream, u.Time)
	}
	s.got[key] = true
	s.last = u
}

func (s *simulation) check() {
	settled := s.now > faultsEnd+time.Second
	if !settled && s.now%(10*ms) != 0 {
		return
	}
	for _, st := range s.m.Stats(s.now).Streams {
		if st.Waiting > simBuffer+Overhead+16 {
			s.t.Errorf("at %v: stream %d: %d octets wait", s.now, st.Stream, st.Waiting)
		}
		if settled && st.Skew >= simSkew {
			s.t.Errorf("at %v: stream %d (%s, essential %v) is %v behind: %+v", s.now, st.Stream, s.ends[st.Stream].kind, st.Essential, st.Skew, st)
		}
	}
	if settled && s.now-ms <= faultsEnd+time.Second && !s.m.clock.running {
		s.t.Errorf("at %v: the clock does not run", s.now)
	}
}
