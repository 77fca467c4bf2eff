package spm

import (
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
)

// Breach says in words why an SPDU that Step found invalid is that, from being the state it came in; serial tells that its serial number is what is
// wrong. The machine has not changed since but for its state.
func (m *Machine) Breach(ev Event, from State) (why string, serial bool) {
	c := *m // read alone
	c.state = from
	ev.Serial = uint32(min(int64(ev.Serial), maxSerial+1))
	if why := c.nonsense(&ev); why != "" {
		return why, strings.HasPrefix(why, "serial")
	}
	var list []string
	cell := cells[from][ev.Kind]
	if len(cell) == 0 {
		// Not in this state at all. That a unit is not there is the better reason all the same.
		if there := cells[sta713][ev.Kind]; len(there) > 0 && c.connect.Units != 0 {
			for _, p := range there[0].when {
				if p > 0 && int(p) < len(needs) && !c.is(p, &ev) {
					list = append(list, c.lacks(&need{units: needs[p].units})...)
				}
			}
		}
		return strings.Join(append(list, fmt.Sprintf("not allowed in state %v", from)), ", "), false
	}
	for _, p := range cell[0].when {
		if p == 0 || p > 0 && c.is(p, &ev) || p < 0 && !c.is(-p, &ev) {
			continue
		}
		words, number := c.breaks(p, &ev)
		list, serial = append(list, words...), serial || number
	}
	if len(list) == 0 {
		list = []string{fmt.Sprintf("not allowed in state %v", from)}
	} else {
		list = append(list, fmt.Sprintf("in state %v", from))
	}
	return strings.Join(list, ", "), serial
}

// breaks says what a condition of a received SPDU that does not hold means.
func (m *Machine) breaks(p predicate, ev *Event) (list []string, serial bool) {
	y := &m.sync
	number := func(format string, args ...any) ([]string, bool) {
		return []string{fmt.Sprintf("serial number %d ", ev.Serial) + fmt.Sprintf(format, args...)}, true
	}
	switch p {
	case p17:
		if n := (need{units: spdu.MinorSync, activity: within}); !m.meets(&n) {
			return m.lacks(&n), false
		}
		return []string{"no minor synchronization point of this side waits for a confirmation"}, false
	case p19:
		return number("is not the next one, %d", y.VM)
	case p20:
		return number("is not the last one, %d", y.VM-1)
	case p21:
		if y.VA >= y.VM {
			return number("waits for no confirmation")
		}
		return number("is none of %d to %d, which wait for a confirmation", y.VA, y.VM-1)
	case p32:
		return number("is below %d, the lowest that a restart may go to", y.VR)
	case p49:
		return number("does not answer the resynchronization")
	case p53:
		return m.lacks(&need{own: ev.Tokens &^ m.tokens.Available}), false
	case p59, p60, p61:
		return m.lacks(&need{theirs: ev.Tokens}), false
	case p35, p38:
		if m.connect.TEXP {
			return []string{"without its PREPARE"}, false
		}
	case p36, p37, p41, p42:
		return []string{"a PREPARE announced something else"}, false
	case p10, -p10:
		return []string{"both users have asked for the release"}, false
	}
	n := need{}
	switch {
	case p == p25, p == p35:
		n = need{units: spdu.Resync}
	case p == p38:
		n = need{units: spdu.Activity}
	case p > 0 && int(p) < len(needs):
		n = needs[p]
	}
	return m.lacks(&n), false
}
