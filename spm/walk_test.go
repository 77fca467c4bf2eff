package spm

import (
	"math/rand/v2"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// TestWalks lets two users who do what the machines allow, in any order, talk over a transport that delivers at any time: no
// machine may draw a protocol error, neither side may be stuck, and S3 holds in the end.
func TestWalks(t *testing.T) {
	seeds := 6000
	if testing.Short() {
		seeds = 600
	}
	visited := make(map[State]bool)
	all := selections()
	for seed := range seeds {
		walk(t, uint64(seed), all[seed%len(all)], visited)
	}
	for s := range numStates {
		if !visited[s] {
			t.Errorf("no walk came to state %v", s)
		}
	}
}

func walk(t *testing.T, seed uint64, c selection, visited map[State]bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	p := newPair(c.expedited)
	p.a.Reuse, p.b.Reuse = c.reuse, c.reuse
	abortRate, releaseRate := r.IntN(4), r.IntN(8)
	for range 300 {
		s := &p.a
		if r.IntN(2) == 0 {
			s = &p.b
		}
		switch n := r.IntN(10); {
		case n < 5:
			p.deliver(s, r.IntN(2) == 0)
		case n < 9:
			ev, ok := choose(r, p, s, c)
			if !ok || ev.Kind == SUABreq && r.IntN(40) >= abortRate || ev.Kind == SRELreq && r.IntN(8) >= releaseRate {
				break
			}
			if s.Step(ev) != nil {
				break
			}
			*s = restore(t, p, s, ev)
		default:
			if s.tim && r.IntN(10) == 0 {
				s.tim = false
				p.step(s, Event{Kind: TIM})
			}
		}
		visited[s.State()] = true
		if p.a.errored || p.b.errored {
			t.Fatalf("seed %d, %v: protocol error between legal users:\n%s", seed, c, p.a.log)
		}
	}
	settle(t, seed, c, p)
}

// choose picks something that the user of a side might do.
func choose(r *rand.Rand, p *pair, s *side, c selection) (Event, bool) {
	any := func(list []Event) Event { return list[r.IntN(len(list))] }
	long := 0
	if r.IntN(4) == 0 {
		long = 20000
	}
	switch s.State() {
	case sta01, sta01C:
		// b is the T-responder, and a new connection wants an idle one
		return Event{Kind: SCONreq, Units: c.units, Len: long}, s == &p.a && (s.State() == sta01C || p.b.State() == sta01)
	case sta08:
		return any([]Event{{Kind: SCONrspPos, Units: c.units, Setting: spdu.TokenSetting(r.IntN(256)) & 0x55, Serial: uint32(r.IntN(3))},
			{Kind: SCONrspPos, Units: c.units}, {Kind: SCONrspPos, Units: c.units}, {Kind: SCONrspNeg}}), true
	}
	answers, requests := s.moves()
	if requests == nil {
		return Event{}, false
	}
	if r.IntN(3) == 0 {
		return any(answers), true
	}
	ev := any(requests)
	if ev.Kind == SUABreq && long > 0 {
		ev.Len = long
	}
	return ev, true
}

// restore undoes the trial Step of a user's event and does it again by way of pair, from a machine that was marshalled before.
func restore(t *testing.T, p *pair, s *side, ev Event) side {
	t.Helper()
	for _, o := range s.Drain() {
		p.output(s, o, ev)
	}
	b, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	next := *s
	next.Machine = Machine{}
	if err := next.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	return next
}

// settle answers what is to be answered and delivers what is in flight: both sides come to rest, idle or connected.
func settle(t *testing.T, seed uint64, c selection, p *pair) {
	for again := true; again; {
		again = false
		for _, s := range []*side{&p.a, &p.b} {
			answers, _ := s.moves()
			if s.State() == sta08 {
				answers = []Event{{Kind: SCONrspPos, Units: c.units}}
			}
			for _, ev := range answers {
				if ev.Kind != SSYNmrsp && s.Step(ev) == nil {
					for _, o := range s.Drain() {
						p.output(s, o, ev)
					}
					again = true
				}
			}
		}
		for p.deliverAny(&p.a) || p.deliverAny(&p.b) {
			again = true
		}
		for _, s := range []*side{&p.a, &p.b} {
			if s.tim && !again {
				s.tim, again = false, true
				p.step(s, Event{Kind: TIM})
			}
		}
		if p.a.errored || p.b.errored {
			t.Fatalf("seed %d, %v: protocol error between legal users:\n%s", seed, c, p.a.log)
		}
	}
	a, b := p.a.State(), p.b.State()
	if wrong := checkRest(&p.a.Machine, &p.b.Machine, false); wrong != "" || (a == sta713) != (b == sta713) && !exception(a) && !exception(b) {
		t.Fatalf("seed %d, %v: a in %v, b in %v: %s\n%s", seed, c, a, b, wrong, p.a.log)
	}
}

func exception(s State) bool { return s == sta19 || s == sta20 }
