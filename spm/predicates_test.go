package spm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// predicateTexts are the predicates as the fact sheet prints them (x225 4.5), with its words for functions of tokens and of the
// activity. "sn" is the number in the event, RT and GT are its tokens, dom are all tokens. Those of symmetric synchronize stand for false.
var predicateTexts = map[predicate]string{
	p01: "¬Vtca", p03: "I(dk)", p04: "FD & ¬Vcoll", p05: "A(dk)", p06: "TD", p07: "TD & ¬Vcoll", p08: "EX", p09: "EX & ¬Vcoll", p10: "¬Vcoll",
	p11: "II(ma)", p12: "MA & in-act & A(dk) & A(mi) & AA(ma)", p13: "MA & in-act & I(dk) & I(mi) & II(ma)", p14: "in-act & A(dk) & AA(mi)",
	p15: "in-act & I(dk) & II(mi)", p16: "¬TEXP", p17: "in-act & SY & ¬Vsc", p18: "in-act & SY & Vsc", p19: "sn=V(M)", p20: "sn=V(M)-1",
	p21: "V(M)>sn & sn>=V(A)", p23: "ACT & ¬Vnextact", p25: "SY & RESYN | MA & RESYN", p26: "in-act", p27: "Vrsp=no", p28: "RESYN",
	p29: "in-act & RESYN", p30: "¬ACT | Vnextact", p33: "V(M)>=sn & sn>=V(R)", p34: "ACT", p35: "RESYN & ¬TEXP | RESYN & DS", p36: "RESYN & TEXP",
	p37: "ACT & TEXP", p38: "ACT & ¬TEXP", p39: "ACT & Vact & II(ma)", p40: "AA(ma)", p41: "Vrsp=dsc", p42: "Vrsp=int",
	p43: "Vrsp=r & sn=Vrspnb | Vrsp=a & sn=V(M) | Vrsp=s", p44: "out-act & A(dk) & A(mi) & A(ma)", p45: "out-act & I(dk) & I(mi) & I(ma)",
	p46: "CD & out-act & A(dk) & A(mi) & ¬OWNED(ma)", p47: "CD & out-act & I(dk) & I(mi) & OWNED(ma)", p48: "EXCEP & HD",
	p49: "Vrsp=r & sn=Vrspnb | Vrsp=a & sn>=V(M) | Vrsp=s", p50: "EXCEP & in-act & AA(dk)", p51: "EXCEP & in-act & II(dk)", p52: "EXCEP & ¬ACT & II(dk)",
	p53: "ALL(AV,RT)", p54: "ALL(II,GT)", p55: "out-act & ALL(I,dom)", p57: "ALL(II,GT) & ¬GIVESDATA", p58: "ALL(II,GT) & GIVESDATA", p59: "ALL(AA,GT)",
	p60: "ALL(AA,GT) & ¬GIVESDATA", p61: "ALL(AA,GT) & GIVESDATA", p62: "out-act & ALL(A,dom)", p63: "ALL(I,dom) & ¬ACT | ALL(I,dom) & ¬Vact",
	p65: "ANY(AV,dom)", p66: "Vtrr", p67: "NR", p68: "ALL(A,dom) & ¬ACT | ALL(A,dom) & ¬Vact", p69: "Vcoll", p70: "FD", p71: "ACT & Vact & I(dk) & I(mi) & II(ma)",
	p72: "ACT & Vact & A(dk) & A(mi) & AA(ma)", p75: "Vcoll & Vdnr | ¬Vcoll", p80: "¬DS | V(Adi)<V(A)", p81: "V(Ado)>=V(A)", p82: "DS",
	p185: "Discard & ¬V(Ado)>=V(A)",
}

// TestPredicates compares the predicates with the texts of the fact sheet.
func TestPredicates(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for p, text := range predicateTexts {
		var held [2]int
		for range 3000 {
			m, ev := valuation(r, sta713, GT)
			m.Relay = false // which p33 asks
			got, want := m.is(p, &ev), evaluate(m, &ev, text)
			if got != want {
				t.Fatalf("%v, %q: %v, want %v; %+v, event %+v", p, text, got, want, m, ev)
			}
			if got {
				held[1]++
			} else {
				held[0]++
			}
		}
		if held[0] == 0 || held[1] == 0 {
			t.Errorf("%v held %d times and not %d times: the valuations do not try it", p, held[1], held[0])
		}
	}
}

// evaluate reads a text: "|" binds less than "&", "¬" most.
func evaluate(m *Machine, ev *Event, text string) bool {
	for _, term := range strings.Split(text, " | ") {
		all := true
		for _, f := range strings.Split(term, " & ") {
			atom, negative := strings.CutPrefix(f, "¬")
			all = all && value(m, ev, atom) != negative
		}
		if all {
			return true
		}
	}
	return false
}

func value(m *Machine, ev *Event, atom string) bool {
	for i, name := range []string{"HD", "FD", "EX", "SY", "MA", "RESYN", "ACT", "NR", "CD", "EXCEP", "TD", "SS", "DS"} {
		if atom == name {
			return m.connect.Units&(1<<i) != 0
		}
	}
	act := m.connect.Units&spdu.Activity != 0
	switch atom {
	case "in-act":
		return !act || m.activity.Vact
	case "out-act":
		return act && !m.activity.Vact
	case "GIVESDATA":
		return ev.Tokens&spdu.DataToken != 0
	}
	if flag, ok := map[string]bool{"Vtca": m.connect.Vtca, "Vcoll": m.release.Vcoll, "TEXP": m.connect.TEXP, "Vsc": m.sync.Vsc, "Vact": m.activity.Vact,
		"Vnextact": m.activity.Vnextact, "Vtrr": m.release.Vtrr, "Vdnr": m.release.Vdnr, "Discard": m.resync.DiscardRcv}[atom]; ok {
		return flag
	}
	if kind, ok := strings.CutPrefix(atom, "Vrsp="); ok {
		return m.resync.Vrsp == map[string]resync{"no": noResync, "r": restart, "s": set, "a": abandon, "int": interrupt, "dsc": discard}[kind]
	}
	for _, op := range []string{">=", "=", ">", "<"} {
		if a, b, ok := strings.Cut(atom, op); ok {
			x, y := number(m, ev, a), number(m, ev, b)
			return map[string]bool{">=": x >= y, "=": x == y, ">": x > y, "<": x < y}[op]
		}
	}
	return tokensValue(m, ev, atom)
}

func number(m *Machine, ev *Event, name string) int32 {
	if n, ok := strings.CutSuffix(name, "-1"); ok {
		return number(m, ev, n) - 1
	}
	n, ok := map[string]int32{"sn": int32(ev.Serial), "V(A)": m.sync.VA, "V(M)": m.sync.VM, "V(R)": m.sync.VR, "V(Ado)": m.sync.VAdo,
		"V(Adi)": m.sync.VAdi, "Vrspnb": m.resync.Vrspnb}[name]
	if !ok {
		panic("no number " + name)
	}
	return n
}

// tokensValue reads f(token), ALL(f,set) and ANY(f,set).
func tokensValue(m *Machine, ev *Event, atom string) bool {
	f, arg, ok := strings.Cut(strings.TrimSuffix(atom, ")"), "(")
	if !ok {
		panic(fmt.Sprintf("no atom %q", atom))
	}
	one := func(f string, t spdu.Tokens) bool {
		av, owned := m.tokens.Available&t != 0, m.tokens.Owned&t != 0
		return map[string]bool{"AV": av, "OWNED": owned, "I": !av || owned, "A": !av || !owned, "II": av && owned, "AA": av && !owned}[f]
	}
	if f != "ALL" && f != "ANY" {
		return one(f, map[string]spdu.Tokens{"dk": spdu.DataToken, "mi": spdu.MinorToken, "ma": spdu.MajorToken}[arg])
	}
	inner, name, _ := strings.Cut(arg, ",")
	set := ev.Tokens
	if name == "dom" {
		set = allTokens
	}
	all, some := true, false
	for i := range 4 {
		if t := spdu.Tokens(1) << (2 * i); set&t != 0 {
			all = all && one(inner, t)
			some = some || one(inner, t)
		}
	}
	if f == "ALL" {
		return all
	}
	return some
}

// TestNumbers follows the worked example of the fact sheet (x225 4.7).
func TestNumbers(t *testing.T) {
	p := newPair(false)
	units := spdu.HalfDuplex | spdu.MinorSync | spdu.MajorSync
	step := func(s *side, ev Event) {
		t.Helper()
		if err := p.step(s, ev); err != nil {
			t.Fatal(err)
		}
		for p.deliverAny(&p.a) || p.deliverAny(&p.b) {
		}
	}
	check := func(when string, a, b syncVars) {
		t.Helper()
		for _, x := range []struct{ got, want syncVars }{{p.a.sync, a}, {p.b.sync, b}} {
			x.want.VAdo, x.want.VAdi = -1, -1
			if x.got != x.want {
				t.Errorf("%s: %+v, want %+v", when, x.got, x.want)
			}
		}
	}
	step(&p.a, Event{Kind: SCONreq, Units: units})
	step(&p.b, Event{Kind: SCONrspPos, Units: units, Serial: 1})
	check("AC", syncVars{VA: 1, VM: 1}, syncVars{VA: 1, VM: 1})
	step(&p.a, Event{Kind: SSYNmreq})
	check("MIP 1", syncVars{VA: 1, VM: 2}, syncVars{VA: 1, VM: 2, Vsc: true})
	step(&p.a, Event{Kind: SSYNmreq})
	check("MIP 2", syncVars{VA: 1, VM: 3}, syncVars{VA: 1, VM: 3, Vsc: true})
	step(&p.b, Event{Kind: SSYNmrsp, Serial: 2})
	check("MIA 2", syncVars{VA: 3, VM: 3}, syncVars{VA: 3, VM: 3, Vsc: true})
	step(&p.a, Event{Kind: SSYNMreq})
	check("MAP 3", syncVars{VA: 3, VM: 4}, syncVars{VA: 3, VM: 4, Vsc: true})
	step(&p.b, Event{Kind: SSYNMrsp})
	check("MAA 3", syncVars{VA: 4, VM: 4, VR: 4}, syncVars{VA: 4, VM: 4, VR: 4, Vsc: true})
	step(&p.a, Event{Kind: SGTreq, Tokens: spdu.MinorToken | spdu.DataToken})
	step(&p.b, Event{Kind: SSYNmreq})
	check("MIP 4", syncVars{VA: 4, VM: 5, VR: 4, Vsc: true}, syncVars{VA: 4, VM: 5, VR: 4})
}

// TestCollisions: abandon goes before set and set before restart, discard and interrupt before all; of restarts the lower number wins, and
// else the initiator (x225 1.6).
func TestCollisions(t *testing.T) {
	kinds := []Kind{RSr, RSs, RSa, AI, AD} // in the order of precedence
	requests := []Kind{SRSYNreqR, SRSYNreqS, SRSYNreqA, SACTIreq, SACTDreq}
	for i, own := range requests {
		for j, peer := range kinds {
			for _, numbers := range [][2]uint32{{1, 2}, {2, 1}, {2, 2}} {
				for _, initiator := range []bool{true, false} {
					want := i > j
					if i == j {
						want = initiator
						if own == SRSYNreqR && numbers[0] != numbers[1] {
							want = numbers[0] < numbers[1]
						}
					}
					m := Machine{connect: connectVars{Vtca: !initiator}}
					m.perform(act16, &Event{Kind: own, Serial: numbers[0]})
					if got := m.wins(&Event{Kind: peer, Serial: numbers[1]}); got != want {
						t.Errorf("%v %d against %v %d, initiator %v: wins is %v", own, numbers[0], peer, numbers[1], initiator, got)
					}
					// The same as a request on top of the peer's.
					m = Machine{connect: connectVars{Vtca: !initiator}}
					m.perform(act16, &Event{Kind: peer, Serial: numbers[1]})
					if got := m.wins(&Event{Kind: own, Serial: numbers[0]}); got != want {
						t.Errorf("request %v %d upon %v %d, initiator %v: wins is %v", own, numbers[0], peer, numbers[1], initiator, got)
					}
				}
			}
		}
	}
}
