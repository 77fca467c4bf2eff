package spm

import (
	"errors"
	"slices"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// valuations calls f with machines and events that give the predicates of the tables every combination of values.
func valuations(s State, k Kind, f func(m *Machine, ev Event)) {
	units := []spdu.Units{spdu.Duplex, spdu.HalfDuplex, spdu.Duplex | spdu.NegotiatedRelease, spdu.HalfDuplex | spdu.Activity}
	for v := range 1 << 11 {
		bit := func(i int) bool { return v&(1<<i) != 0 }
		for _, u := range units {
			m := &Machine{Reuse: bit(0), state: s}
			m.connect = connectVars{Vtca: bit(1), TEXP: bit(2), Overflow: bit(3), Units: u}
			m.release = releaseVars{Vtrr: bit(4), Vcoll: bit(5), Vdnr: bit(6)}
			m.resync.DiscardRcv = bit(7)
			m.sync.VAdo = -1
			m.activity.Vact = bit(9)
			m.tokens.set(u, 0, bit(8))
			ev := Event{Kind: k, Units: u, Expedited: bit(2), Refuse: bit(9), More: bit(10), Last: bit(10), UserAbort: bit(10), Keep: bit(10)}
			if bit(10) {
				ev.Len = 20000
			}
			f(m, ev)
		}
	}
}

// TestSweep steps every state with every event under every valuation, and checks each result against the table read by a second,
// simpler reader.
func TestSweep(t *testing.T) {
	for s := range numStates {
		for k := noEvent + 1; k < numEvents; k++ {
			valuations(s, k, func(m *Machine, ev Event) {
				before := *m
				want := naive(m, ev)
				*m = before
				err := m.Step(ev)
				got := result{m.state, slices.Clone(m.Drain()), err != nil}
				if got.state != want.state || got.invalid != want.invalid || !slices.Equal(got.out, want.out) {
					t.Fatalf("%v in %v: %+v, want %+v", ev, s, got, want)
				}
				if err != nil {
					var ie *InvalidError
					if !errors.As(err, &ie) || !ev.Kind.fromUser() && ev.Kind != TCONind && ev.Kind != TCONcnf {
						t.Fatalf("%v in %v: error %v", ev, s, err)
					}
					if m.connect != before.connect || m.sync != before.sync || m.release != before.release || m.tokens != before.tokens {
						t.Fatalf("%v in %v: refused, but something has changed", ev, s)
					}
				}
			})
		}
	}
}

type result struct {
	state   State
	out     []Output
	invalid bool
}

// naive looks for the row in the tables themselves, in the order in which they are printed.
func naive(m *Machine, ev Event) result {
	if m.acceptable(&ev) {
		m.learn(&ev)
		for i := range tables {
			for j := range tables[i].rows {
				r := &tables[i].rows[j]
				if r.event != ev.Kind || !r.states.has(m.state) {
					continue
				}
				if !slices.ContainsFunc(r.when[:], func(p predicate) bool {
					return p > 0 && !m.is(p, &ev) || p < 0 && m.is(-p, &ev)
				}) {
					return fired(m, r, ev)
				}
			}
		}
	}
	if ev.Kind.fromUser() || ev.Kind == TCONind || ev.Kind == TCONcnf {
		return result{m.state, nil, true}
	}
	switch m.state {
	case sta01, sta01A, sta01B, sta16:
		return result{m.state, nil, false}
	case sta01C, sta01D:
		if ev.Kind == TIM {
			return result{m.state, nil, false}
		}
		return result{sta01, []Output{TDISreq}, false}
	}
	if ev.Kind == TIM {
		return result{m.state, nil, false}
	}
	return result{sta16, []Output{SPABind, SendABnr, StartTIM}, false}
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
		case o == SendPRAB && (!m.connect.TEXP || ev.Len <= 9):
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
		var i, r tokenVars
		i.set(all, s, true)
		r.set(all, s, false)
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
	m := Machine{state: sta713, connect: connectVars{Units: spdu.Duplex}}
	for b.Loop() {
		m.Step(Event{Kind: SDTreq})
		m.Drain()
	}
}
