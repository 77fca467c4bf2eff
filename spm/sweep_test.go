package spm

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// valuation makes a machine in a state, and an event, at random: small numbers, so that they meet.
func valuation(r *rand.Rand, s State, k Kind) (*Machine, Event) {
	flip := func() bool { return r.IntN(2) == 0 }
	number := func() int32 { return int32(r.IntN(4)) }
	u := spdu.Units(r.Uint32()) & (1<<13 - 1) &^ spdu.SymmetricSync
	if flip() { // most units, so that rows with many conditions fire too
		u |= spdu.Units(r.Uint32()) & (1<<13 - 1) &^ spdu.SymmetricSync
	}
	if u&(spdu.HalfDuplex|spdu.Duplex) != spdu.HalfDuplex {
		u = u&^spdu.HalfDuplex | spdu.Duplex
	}
	m := &Machine{Reuse: flip(), Relay: flip(), state: s, visible: sta713}
	if hidden.has(s) {
		for m.visible = State(r.IntN(int(numStates))); hidden.has(m.visible); m.visible = State(r.IntN(int(numStates))) {
		}
	}
	m.connect = connectVars{Vtca: flip(), TEXP: flip(), Overflow: flip(), Units: u}
	m.release = releaseVars{Vtrr: flip(), Vcoll: flip(), Vdnr: flip()}
	m.sync = syncVars{VA: number(), VM: number() + 1, VR: number(), VAdo: number() - 1, VAdi: number() - 1, Vsc: flip()}
	m.resync = resyncVars{Vrsp: resync(r.IntN(6)), Vrspnb: number(), DiscardRcv: flip()}
	m.activity = activityVars{Vact: flip(), Vnextact: flip()}
	m.tokens = tokensOf(u, spdu.TokenSetting(r.Uint32()), flip())
	if r.IntN(3) == 0 {
		m.tokens = tokensOf(u, 0, flip())
	}
	ev := Event{Kind: k, Units: u, Expedited: flip(), Refuse: flip(), More: flip(), Last: flip(), UserAbort: flip(), Keep: flip(),
		Setting: spdu.TokenSetting(r.Uint32()) & 0x55, Tokens: spdu.Tokens(r.Uint32()) & allTokens, Serial: uint32(number())}
	switch r.IntN(4) {
	case 0:
		ev.Len = 20000
	case 1:
		ev.Tokens &= m.tokens.Owned
	case 2:
		ev.Tokens &= m.tokens.Available &^ m.tokens.Owned
	}
	return m, ev
}

// TestSweep steps every state with every event under valuations that give the predicates of the cell all the values that they can
// have together, and checks each result against the table read by a second, simpler reader.
func TestSweep(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	assignments, inStates := 0, 0
	for s := range numStates {
		for k := noEvent + 1; k < numEvents; k++ {
			rows := slices.Concat(late[s][k], cells[s][k])
			named := predicatesOf(rows)
			seen := make(map[string]bool)
			fired := make(map[*row]bool)
			for n := 0; n < 200<<min(len(named), 4) || n < 50000 && len(fired) < len(rows); n++ {
				m, ev := valuation(r, s, k)
				seen[assignment(m, &ev, named)] = true
				sweep(t, m, ev, fired)
			}
			assignments += len(seen)
			inStates += len(fired)
			for _, row := range rows {
				if !fired[row] {
					t.Errorf("%v in %v: no valuation fires the row with %v", k, s, row.when)
				}
			}
		}
	}
	t.Logf("%d assignments of predicates, %d rows in their states", assignments, inStates)
}

func predicatesOf(rows []*row) (list []predicate) {
	for _, r := range rows {
		for _, p := range r.when {
			if p = max(p, -p); p != 0 && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

func assignment(m *Machine, ev *Event, named []predicate) string {
	b := make([]byte, len(named))
	for i, p := range named {
		b[i] = '0'
		if m.is(p, ev) {
			b[i] = '1'
		}
	}
	return string(b)
}

func sweep(t *testing.T, m *Machine, ev Event, rows map[*row]bool) {
	before := *m
	want, row := naive(m, ev)
	if row != nil {
		rows[row] = true
	}
	*m = before
	err := m.Step(ev)
	got := result{m.state, slices.Clone(m.Drain()), err != nil}
	if got.state != want.state || got.invalid != want.invalid || !slices.Equal(got.out, want.out) {
		t.Fatalf("%+v in %v: %+v, want %+v", ev, before.state, got, want)
	}
	if err == nil {
		return
	}
	var ie *InvalidError
	if !errors.As(err, &ie) || !ev.Kind.FromUser() && ev.Kind != TCONind && ev.Kind != TCONcnf {
		t.Fatalf("%+v in %v: error %v", ev, before.state, err)
	}
	if m.connect != before.connect || m.sync != before.sync || m.release != before.release || m.tokens != before.tokens ||
		m.resync != before.resync || m.activity != before.activity || m.visible != before.visible || len(m.queue) > 0 {
		t.Fatalf("%+v in %v: refused, but something has changed", ev, before.state)
	}
}

type result struct {
	state   State
	out     []Output
	invalid bool
}

// naive looks for the row in the tables themselves, in the order in which they are printed.
func naive(m *Machine, ev Event) (result, *row) {
	if m.nonsense(&ev) == "" && (!ev.Kind.FromUser() || m.seen(&ev)) {
		m.learn(&ev)
		for i, t := range append([]table{tableRelay}, tables[:]...) {
			if i == 0 && !m.Relay {
				continue
			}
			for j := range t.rows {
				r := &t.rows[j]
				if r.event != ev.Kind || !r.states.has(m.state) {
					continue
				}
				if !slices.ContainsFunc(r.when[:], func(p predicate) bool {
					return p > 0 && !m.is(p, &ev) || p < 0 && m.is(-p, &ev)
				}) {
					return fired(m, r, ev), r
				}
			}
		}
	}
	if ev.Kind.FromUser() || ev.Kind == TCONind || ev.Kind == TCONcnf {
		return result{m.state, nil, true}, nil
	}
	switch m.state {
	case sta01, sta01A, sta01B, sta16:
		return result{m.state, nil, false}, nil
	case sta01C, sta01D:
		if ev.Kind == TIM {
			return result{m.state, nil, false}, nil
		}
		return result{sta01, []Output{TDISreq}, false}, nil
	}
	if ev.Kind == TIM {
		return result{m.state, nil, false}, nil
	}
	return result{sta16, []Output{SPABind, SendABnr, StartTIM}, false}, nil
}

func fired(m *Machine, r *row, ev Event) result {
	res := result{state: r.next}
	if r.next == stay {
		res.state = m.state
	}
	for _, o := range r.outputs {
		switch {
		case o == sxABind && ev.UserAbort:
			o = SUABind
		case o == sxABind:
			o = SPABind
		case o == SendPRAB && (!m.connect.TEXP || ev.Len <= 9), !m.connect.TEXP && (o == SendPRMAA || o == SendPRRS || o == SendPRRA):
			continue
		}
		if o != noOutput {
			res.out = append(res.out, o)
		}
	}
	if slices.Contains(r.actions[:], act03) {
		res.out = append(res.out, StopTIM)
	}
	if slices.Contains(r.actions[:], act04) {
		res.out = append(res.out, StartTIM)
	}
	return res
}

// TestSelection: of half-duplex and duplex exactly one remains (x225 1.1).
func TestSelection(t *testing.T) {
	for _, row := range []struct {
		proposed, answer spdu.Units
		ok               bool
	}{
		{spdu.Duplex, spdu.Duplex, true},
		{spdu.Duplex | spdu.HalfDuplex, spdu.Duplex, true},
		{spdu.Duplex | spdu.HalfDuplex, spdu.HalfDuplex | spdu.TypedData, true},
		{spdu.Duplex | spdu.HalfDuplex, spdu.Duplex | spdu.HalfDuplex, false},
		{spdu.Duplex, spdu.HalfDuplex, false},
		{spdu.Duplex, 0, false},
	} {
		m := Machine{state: sta02A, connect: connectVars{Units: row.proposed}}
		if err := m.Step(Event{Kind: AC, Units: row.answer}); err != nil {
			t.Fatal(err)
		}
		if got := m.State() == DataTransfer; got != row.ok {
			t.Errorf("AC %v on %v: state %v", row.answer, row.proposed, m.State())
		}
		m = Machine{state: sta08, connect: connectVars{Vtca: true, Units: row.proposed}}
		if err := m.Step(Event{Kind: SCONrspPos, Units: row.answer}); (err == nil) != row.ok {
			t.Errorf("response %v on %v: %v", row.answer, row.proposed, err)
		}
		if row.ok && m.Units() != row.proposed&row.answer {
			t.Errorf("selected %v of %v and %v", m.Units(), row.proposed, row.answer)
		}
	}
}

// TestTokens: a token is where the setting puts it, and the two machines mirror each other.
func TestTokens(t *testing.T) {
	all := spdu.HalfDuplex | spdu.MinorSync | spdu.Activity | spdu.NegotiatedRelease
	for setting := range 256 {
		s := spdu.TokenSetting(setting) & 0x55
		i, r := tokensOf(all, s, true), tokensOf(all, s, false)
		if i.Available != allTokens || r.Available != allTokens || i.Owned^r.Owned != allTokens {
			t.Fatalf("setting %#x: %v and %v", s, i, r)
		}
		if i.mayAct(spdu.DataToken) != (s&3 == 0) || i.otherMayAct(spdu.DataToken) == i.mayAct(spdu.DataToken) {
			t.Fatalf("setting %#x: data token of %v", s, i)
		}
	}
}

// TestQueue: what [10] has queued is replayed once, after the change of state, and a full queue is a protocol error (E15).
func TestQueue(t *testing.T) {
	m := Machine{state: sta02A, connect: connectVars{Units: spdu.Duplex}}
	m.queue = []Event{{Kind: DT}, {Kind: DT}}
	if err := m.Step(Event{Kind: AC, Units: spdu.Duplex}); err != nil {
		t.Fatal(err)
	}
	if got, want := m.Drain(), []Output{SCONcnfPos, SDTind, SDTind}; !slices.Equal(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
	m = Machine{state: sta713, queue: make([]Event, maxQueue)}
	m.fire(&row{actions: act(10), next: stay}, &Event{Kind: DT})
	if m.state != sta16 {
		t.Errorf("state %v after a full queue", m.state)
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	m := Machine{state: sta713, connect: connectVars{Units: spdu.Duplex}}
	m.out = make([]Output, 0, 4)
	if n := testing.AllocsPerRun(1000, func() {
		if m.Step(Event{Kind: SDTreq}) != nil || m.Step(Event{Kind: DT}) != nil || len(m.Drain()) != 2 {
			t.Fatal("wrong outputs")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStep(b *testing.B) {
	for _, ev := range []Event{{Kind: SDTreq}, {Kind: DT}} {
		b.Run(ev.Kind.String(), func(b *testing.B) {
			m := Machine{state: sta713, connect: connectVars{Units: spdu.Duplex}}
			b.ReportAllocs()
			for b.Loop() {
				m.Step(ev)
				m.Drain()
			}
		})
	}
}
