package spm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// A chain is two users with a relay between them: near.a and far.b are the users' machines, near.b and far.a the relay's halves.
type chain struct {
	near, far *pair
}

// passing is what one half of a relay has indicated and is to be asked for at the other.
type passing struct {
	to      *side
	by      *pair // of to
	queue   []Event
	hand    *Event // taken from the queue: nothing withdraws it any more
	passed  int
	dropped int
}

// purge withdraws what was indicated and has not been taken, when the half begins to resynchronize, as a session does.
func (p *passing) purge(s *side, purged bool, out []Output) {
	if !purged && s.Discarding() && slices.ContainsFunc(out, func(o Output) bool {
		switch o {
		case SendRSa, SendRSr, SendRSs, SendAI, SendAD, SRSYNind, SACTIind, SACTDind:
			return true
		}
		return false
	}) {
		p.queue = nil
	}
}

// passedOn is the request or response that an indication or confirm becomes at the other half.
var passedOn = map[Output]Kind{SDTind: SDTreq, STDind: STDreq, SEXind: SEXreq, SCDind: SCDreq, SCDcnf: SCDrsp, SGTind: SGTreq, SPTind: SPTreq,
	SCGind: SCGreq, SSYNmind: SSYNmreq, SSYNmdind: SSYNmdreq, SSYNmcnf: SSYNmrsp, SSYNMind: SSYNMreq, SSYNMcnf: SSYNMrsp, SRSYNcnf: SRSYNrsp,
	SUERind: SUERreq, SPERind: SUERreq, SACTSind: SACTSreq, SACTRind: SACTRreq, SACTIind: SACTIreq, SACTIcnf: SACTIrsp, SACTDind: SACTDreq,
	SACTDcnf: SACTDrsp, SACTEind: SACTEreq, SACTEcnf: SACTErsp, SRELind: SRELreq, SRELcnfPos: SRELrspPos, SRELcnfNeg: SRELrspNeg,
	SUABind: SUABreq, SPABind: SUABreq}

// take queues what a half has indicated. An abort makes the rest void.
func (p *passing) take(o Output, ev Event) {
	k := passedOn[o]
	if o == SRSYNind {
		k = map[Kind]Kind{RSa: SRSYNreqA, RSr: SRSYNreqR, RSs: SRSYNreqS}[ev.Kind]
	}
	p.queue = append(p.queue, Event{Kind: k, Serial: ev.Serial, Tokens: ev.Tokens, Setting: ev.Setting})
	if k == SUABreq {
		p.queue = p.queue[len(p.queue)-1:]
	}
}

// pass takes one thing, or asks for what was taken. Only what a collision or an end has overtaken may be refused.
func (p *passing) pass() (did bool, wrong string) {
	if p.hand == nil {
		if len(p.queue) == 0 {
			return false, ""
		}
		ev := p.queue[0]
		p.hand, p.queue = &ev, p.queue[1:]
		return true, ""
	}
	ev := *p.hand
	p.hand = nil
	before := p.to.Next()
	err := p.by.step(p.to, ev)
	switch {
	case err == nil:
		p.passed++
		switch ev.Kind {
		case SSYNmreq, SSYNmdreq, SSYNMreq, SACTEreq:
			if p.to.Next() != before && before != ev.Serial {
				return true, fmt.Sprintf("%v %d passed on as %d", ev.Kind, ev.Serial, before)
			}
		}
	case p.to.Overtaken(ev.Kind):
		p.dropped++
	default:
		return true, fmt.Sprintf("%v in %v (%v): %v", ev.Kind, p.to.State(), p.to.Visible(), err)
	}
	return true, ""
}

// newChain is a chain in data transfer. The far transport connection may lack the near one's expedited flow, or have one that that lacks.
func newChain(c selection, farExpedited bool) *chain {
	ch := &chain{newPair(c.expedited), newPair(farExpedited)}
	ch.far.a.log, ch.far.b.log = ch.near.a.log, ch.near.a.log
	ch.near.a.name, ch.near.b.name, ch.far.a.name, ch.far.b.name = "I", "n", "f", "R"
	for i, s := range []*side{&ch.near.a, &ch.near.b, &ch.far.a, &ch.far.b} {
		m := &s.Machine
		m.state = sta713
		m.Relay = i == 1 || i == 2
		m.connect = connectVars{Vtca: i%2 == 1, TEXP: c.expedited, Units: c.units}
		if i > 1 {
			m.connect.TEXP = farExpedited
		}
		if !c.expedited || !farExpedited {
			m.connect.Units &^= spdu.Expedited
		}
		m.perform(act05, &Event{Units: m.connect.Units, Serial: 1})
		m.tokens = tokensOf(c.units, 0, i%2 == 0)
		if c.inside {
			m.perform(act12, &Event{})
			m.perform(act26, &Event{})
		}
	}
	ch.near.b.passes = &passing{to: &ch.far.a, by: ch.far}
	ch.far.a.passes = &passing{to: &ch.near.b, by: ch.near}
	return ch
}

// TestRelayWalks lets two users who do what their machines allow talk through a relay, whose halves pass on at any time: no machine may draw
// a protocol error, nothing is refused but what a collision has overtaken, and all come to rest in agreement.
func TestRelayWalks(t *testing.T) {
	seeds := 20000
	if testing.Short() {
		seeds = 2000
	}
	all := selections()
	passed, dropped := 0, 0
	for seed := range seeds {
		c := all[seed%len(all)]
		c.reuse = false
		ch := newChain(c, c.expedited == (seed/len(all)%2 == 0))
		if wrong := ch.walk(uint64(seed), c); wrong != "" {
			t.Fatalf("seed %d, %v: %s\n%s", seed, c, wrong, ch.near.a.log)
		}
		for _, p := range []*passing{ch.near.b.passes, ch.far.a.passes} {
			passed, dropped = passed+p.passed, dropped+p.dropped
		}
	}
	if passed == 0 || dropped == 0 {
		t.Errorf("%d passed on, %d dropped", passed, dropped)
	}
	t.Logf("%d passed on, %d dropped", passed, dropped)
}

func (ch *chain) walk(seed uint64, c selection) (wrong string) {
	r := rand.New(rand.NewPCG(seed, 3))
	abortRate, releaseRate := r.IntN(4), r.IntN(8)
	for range 20 + r.IntN(280) {
		if wrong := ch.move(r, c, abortRate, releaseRate); wrong != "" {
			return wrong
		}
	}
	return ch.settle()
}

// at is a machine and its pair.
type at struct {
	p *pair
	s *side
}

func (ch *chain) users() []at { return []at{{ch.near, &ch.near.a}, {ch.far, &ch.far.b}} }

func (ch *chain) sides() []at {
	return []at{{ch.near, &ch.near.a}, {ch.near, &ch.near.b}, {ch.far, &ch.far.a}, {ch.far, &ch.far.b}}
}

// move lets something happen: something arrives, a user does something, or a half passes something on.
func (ch *chain) move(r *rand.Rand, c selection, abortRate, releaseRate int) string {
	users, sides := ch.users(), ch.sides()
	switch n := r.IntN(14); {
	case n < 6:
		x := sides[r.IntN(4)]
		x.p.deliver(x.s, r.IntN(2) == 0)
	case n < 10:
		x := users[r.IntN(2)]
		if x.s.State() == sta01 || x.s.State() == sta01C {
			break
		}
		ev, ok := choose(r, x.p, x.s, c)
		if !ok || ev.Kind == SUABreq && r.IntN(40) >= abortRate || ev.Kind == SRELreq && r.IntN(8) >= releaseRate {
			break
		}
		probe := x.s.Machine
		probe.queue, probe.out = slices.Clone(probe.queue), nil
		if probe.Step(ev) == nil {
			x.p.step(x.s, ev)
		}
	default:
		ps := []*passing{ch.near.b.passes, ch.far.a.passes}
		if _, wrong := ps[r.IntN(2)].pass(); wrong != "" {
			return wrong
		}
	}
	return ch.errored()
}

func (ch *chain) errored() string {
	for _, x := range ch.sides() {
		if x.s.errored {
			return "protocol error at " + x.s.name
		}
	}
	return ""
}

// settle answers what is to be answered, and lets everything arrive: then all four machines agree.
func (ch *chain) settle() string {
	for again := true; again; {
		again = false
		for _, x := range ch.users() {
			answers, _ := x.s.moves()
			for _, ev := range answers {
				if ev.Kind == SSYNmrsp {
					continue
				}
				probe := x.s.Machine
				probe.queue, probe.out = slices.Clone(probe.queue), nil
				if probe.Step(ev) == nil && (probe.state != x.s.state || len(probe.out) > 0) {
					x.p.step(x.s, ev)
					again = true
				}
			}
		}
		for _, p := range []*pair{ch.near, ch.far} {
			for p.deliverAny(&p.a) || p.deliverAny(&p.b) {
				again = true
			}
		}
		for _, p := range []*passing{ch.near.b.passes, ch.far.a.passes} {
			did, wrong := p.pass()
			if wrong != "" {
				return wrong
			}
			again = again || did
		}
		if !again {
			for _, x := range ch.sides() {
				if x.s.tim {
					x.s.tim, again = false, true
					x.p.step(x.s, Event{Kind: TIM})
				}
			}
		}
		if wrong := ch.errored(); wrong != "" {
			return wrong
		}
	}
	for _, p := range []*pair{ch.near, ch.far} {
		if wrong := checkRest(&p.a.Machine, &p.b.Machine, false); wrong != "" {
			return p.a.name + p.b.name + ": " + wrong
		}
	}
	a, b := &ch.near.a.Machine, &ch.far.b.Machine
	if wrong := checkRest(a, b, false); wrong != "" {
		return "users: " + wrong
	}
	if (a.state == sta713) != (b.state == sta713) && !exception(a.state) && !exception(b.state) {
		return fmt.Sprintf("users in %v and %v", a.state, b.state)
	}
	if exception(a.state) != exception(b.state) {
		return fmt.Sprintf("users in %v and %v", a.state, b.state)
	}
	return ""
}
