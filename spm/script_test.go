package spm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/tenuto-session/tenuto/spdu"
)

// TestScripts runs testdata/scripts. With -rewrite the outputs are written.
//
//	new [expedited] [reuse] [units=HD,SY]    two machines in state 01, or with units in data transfer, all tokens at a and number 1
//	SIDE EVENT [len=N] [refuse] [sn=N] [tokens=data,minor] [setting=N]
//	                              an event at side a or b, by its name in the tables: a SCONreq, b invalid
//	deliver [SIDE [FLOW]]         all that is in flight, to one side, of one flow: deliver b expedited; one=true takes a single one
//	state                         the two states
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		p := newPair(false)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			p.a.log.Reset()
			switch d.Cmd {
			case "new":
				p = newPair(d.HasArg("expedited"))
				p.a.Reuse, p.b.Reuse = d.HasArg("reuse"), d.HasArg("reuse")
				if d.HasArg("units") {
					p.connect(scriptUnits(t, d))
				}
				return ""
			case "a":
				script(t, p, &p.a, d)
			case "b":
				script(t, p, &p.b, d)
			case "deliver":
				deliver(t, p, d)
			case "state":
				return fmt.Sprintf("a %v, b %v\n", p.a.State(), p.b.State())
			default:
				d.Fatalf(t, "no such command")
			}
			return p.a.log.String()
		})
	})
}

// scriptUnits reads units=(HD,SY).
func scriptUnits(t *testing.T, d *datadriven.TestData) (u spdu.Units) {
	arg, _ := d.Arg("units")
	for _, name := range arg.Vals {
		i := 0
		for spdu.Units(1<<i).String() != name {
			if i++; i == 16 {
				d.Fatalf(t, "no such unit: %s", name)
			}
		}
		u |= 1 << i
	}
	return u
}

// connect takes both machines to data transfer.
func (p *pair) connect(u spdu.Units) {
	if p.expedited {
		u |= spdu.Expedited
	}
	p.step(&p.a, Event{Kind: SCONreq, Units: u})
	for p.deliverAny(&p.a) || p.deliverAny(&p.b) {
	}
	p.step(&p.b, Event{Kind: SCONrspPos, Units: u, Serial: 1})
	for p.deliverAny(&p.a) || p.deliverAny(&p.b) {
	}
}

func script(t *testing.T, p *pair, s *side, d *datadriven.TestData) {
	ev := Event{Units: spdu.Duplex, Refuse: d.HasArg("refuse")}
	d.MaybeScanArgs(t, "len", &ev.Len)
	var serial, setting int
	d.MaybeScanArgs(t, "sn", &serial)
	d.MaybeScanArgs(t, "setting", &setting)
	ev.Serial, ev.Setting = uint32(serial), spdu.TokenSetting(setting)
	if arg, ok := d.Arg("tokens"); ok {
		for i := range 4 {
			if k := spdu.Tokens(1) << (2 * i); slices.Contains(arg.Vals, k.String()) {
				ev.Tokens |= k
			}
		}
	}
	for k := noEvent + 1; k < numEvents; k++ {
		if d.CmdArgs[0].Key == k.String() {
			ev.Kind = k
		}
	}
	if ev.Kind == noEvent {
		d.Fatalf(t, "no such event")
	}
	p.step(s, ev)
}

func deliver(t *testing.T, p *pair, d *datadriven.TestData) {
	one := d.HasArg("one")
	sides := []*side{&p.a, &p.b}
	if d.HasArg("a") {
		sides = sides[:1]
	} else if d.HasArg("b") {
		sides = sides[1:]
	}
	flow := p.deliverAny
	if d.HasArg("expedited") {
		flow = func(s *side) bool { return p.deliver(s, true) }
	} else if d.HasArg("normal") {
		flow = func(s *side) bool { return p.deliver(s, false) }
	}
	for again := true; again; {
		again = false
		for _, s := range sides {
			if flow(s) {
				again = true
				if one {
					return
				}
			}
		}
	}
}
