package spm

import (
	"math/rand/v2"
	"testing"
)

var userKinds = []Kind{SCONreq, SCONrspPos, SCONrspPos, SCONrspPos, SCONrspNeg, SDTreq, SDTreq, SDTreq, SRELreq, SRELrspPos, SRELrspPos, SUABreq}

// TestWalks lets two users who do what the machines allow, in any order, talk over a transport that delivers at any time: no
// machine may draw a protocol error, and neither side may be stuck.
func TestWalks(t *testing.T) {
	seeds := 4000
	if testing.Short() {
		seeds = 400
	}
	visited := make(map[State]bool)
	for seed := range seeds {
		walk(t, uint64(seed), visited)
	}
	for _, s := range []State{sta01, sta01A, sta01B, sta01C, sta01D, sta02A, sta02B, sta03, sta08, sta09, sta15D, sta16, sta713} {
		if !visited[s] {
			t.Errorf("no walk came to state %v", s)
		}
	}
}

func walk(t *testing.T, seed uint64, visited map[State]bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	p := newPair(seed%2 == 0)
	reuse := seed%3 == 0
	p.a.Reuse, p.b.Reuse = reuse, reuse
	abortRate := r.IntN(3) * 4
	for range 300 {
		s := &p.a
		if r.IntN(2) == 0 {
			s = &p.b
		}
		switch n := r.IntN(10); {
		case n < 5:
			p.deliver(s, r.IntN(2) == 0)
		case n < 9:
			k := userKinds[r.IntN(len(userKinds))]
			if k == SUABreq && r.IntN(10) >= abortRate {
				break
			}
			if k == SCONreq && (s != &p.a || p.b.State() != sta01 && s.State() == sta01) {
				break // b is the T-responder, and a new connection wants an idle one
			}
			ev := Event{Kind: k, Units: 2, Setting: 0}
			if r.IntN(4) == 0 {
				ev.Len = 20000
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
			t.Fatalf("seed %d: protocol error between legal users:\n%s", seed, p.a.log)
		}
	}
	settle(t, seed, p)
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
func settle(t *testing.T, seed uint64, p *pair) {
	for range 1000 {
		for _, s := range []*side{&p.a, &p.b} {
			switch s.State() {
			case sta08:
				p.step(s, Event{Kind: SCONrspPos, Units: 2})
			case sta09:
				if s.Step(Event{Kind: SRELrspPos}) == nil {
					for _, o := range s.Drain() {
						p.output(s, o, Event{Kind: SRELrspPos})
					}
				}
			}
		}
		if !p.deliverAny(&p.a) && !p.deliverAny(&p.b) {
			break
		}
		if p.a.errored || p.b.errored {
			t.Fatalf("seed %d: protocol error between legal users:\n%s", seed, p.a.log)
		}
	}
	for _, s := range []*side{&p.a, &p.b} {
		if s.tim {
			p.step(s, Event{Kind: TIM})
		}
	}
	for p.deliverAny(&p.a) || p.deliverAny(&p.b) {
	}
	for _, s := range []*side{&p.a, &p.b} {
		switch s.State() {
		case sta01, sta01C, sta713:
		default:
			t.Fatalf("seed %d: %s is stuck in %v:\n%s", seed, s.name, s.State(), s.log)
		}
	}
	if (p.a.State() == sta713) != (p.b.State() == sta713) {
		t.Fatalf("seed %d: a in %v, b in %v:\n%s", seed, p.a.State(), p.b.State(), p.a.log)
	}
}
