package spm

import (
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
)

// InvalidError says that a primitive is not allowed in the state that the session is in. Nothing has changed.
type InvalidError struct {
	Event Kind
	State State    // as the user sees it
	Lacks []string // what is missing, where that is known
}

func (e *InvalidError) Error() string {
	if len(e.Lacks) > 0 {
		return fmt.Sprintf("spm: %v: %s", e.Event, strings.Join(e.Lacks, ", "))
	}
	return fmt.Sprintf("spm: %v: invalid in state %v", e.Event, e.State)
}

// refuse makes the error of a request. What the first row of its cell wants is what it lacks.
func (m *Machine) refuse(ev *Event) error {
	e := &InvalidError{Event: ev.Kind, State: m.Visible()}
	if why := m.nonsense(ev); why != "" {
		e.Lacks = []string{why}
		return e
	}
	if len(cells[e.State][ev.Kind]) == 0 {
		// Not in this state at all. That a unit is not there is the better reason all the same.
		if cell := cells[sta713][ev.Kind]; len(cell) > 0 && m.connect.Units != 0 {
			e.Lacks = m.missing(&cell[0].when, ev, true)
		}
		return e
	}
	e.Lacks = m.missing(&cells[e.State][ev.Kind][0].when, ev, false)
	return e
}

func (m *Machine) missing(c *condition, ev *Event, onlyUnits bool) (list []string) {
	for _, p := range c {
		if p <= 0 || m.is(p, ev) {
			continue
		}
		n := needs[min(int(p), len(needs)-1)]
		switch p {
		case p18, p21:
			n, list = need{units: spdu.MinorSync, activity: within}, append(list, "no minor synchronization point of the peer waits under that number")
		case p25:
			n = need{units: spdu.Resync}
			if !m.fu(spdu.MinorSync | spdu.MajorSync) {
				list = append(list, "there are no serial numbers without functional unit SY or MA")
			}
		case p33:
			list = append(list, fmt.Sprintf("a restart may go to the numbers from %d to %d", m.sync.VR, m.sync.VM))
		case p43:
			list = append(list, fmt.Sprintf("the answer to a restart has its number, %d", m.resync.Vrspnb))
		case p53, p54, p57, p58:
			n = need{own: ev.Tokens}
			if p == p53 {
				n = need{own: ev.Tokens &^ m.tokens.Available}
			}
		}
		if onlyUnits {
			n = need{units: n.units}
			list = nil
		}
		list = append(list, m.lacks(&n)...)
	}
	return list
}

// invalid is the rule for an event without a row, or none of whose rows' conditions hold (x225 4.4).
//
// A user's primitive is refused. An SPDU is a protocol error of the peer, which the machine answers with S-P-ABORT indication and AB:
// the alternative, an exception report, nobody implements. Before a session exists the transport connection goes instead.
func (m *Machine) invalid(ev *Event) error {
	switch {
	case ev.Kind.FromUser(), ev.Kind == TCONind, ev.Kind == TCONcnf:
		return m.refuse(ev)
	case ev.Kind.fromTransport():
		return nil // TIM, which crossed its stop, and T-DISCONNECT when there is no connection
	}
	switch m.state {
	case sta01, sta01B, sta01A, sta16: // no connection, or nothing to be said any more
	case sta01C, sta01D:
		m.out = append(m.out, TDISreq)
		m.state = sta01
	default:
		m.out = append(m.out, SPABind, SendABnr, StartTIM) // this AB always fits: no PREPARE
		m.state = sta16
	}
	return nil
}

// nonsense checks what the tables leave to the sense of an event, and says what is wrong with it.
func (m *Machine) nonsense(ev *Event) string {
	switch ev.Kind {
	case AC, SCONrspPos:
		if ev.Kind == AC && m.state != sta02A || ev.Kind == SCONrspPos && m.Visible() != sta08 {
			break
		}
		const both = spdu.HalfDuplex | spdu.Duplex // "exactly one must remain" (x225 1.1)
		if u := m.connect.Units & ev.Units & both; u == 0 || u == both {
			return "of half-duplex and duplex exactly one is to be selected"
		}
	case SGTreq, SPTreq, GT, PT:
		if ev.Tokens == 0 || ev.Tokens&^allTokens != 0 {
			return "no tokens are named"
		}
	case SSYNmreq, SSYNmdreq, SSYNMreq, SACTEreq:
		// A later abandon carries V(M), which must be a number too. X.225 leaves to the user what comes after the last one.
		if m.sync.VM >= maxSerial {
			return "the serial numbers are used up: resynchronize to a lower one (set)"
		}
	case SRSYNreqA:
		if m.sync.VM > maxSerial {
			return "the peer has used the serial numbers up: resynchronize to a lower one (set)"
		}
	case SRSYNreqS, SRSYNrsp, SACTRreq, AR:
		if ev.Serial > maxSerial || ev.Serial == maxSerial && (ev.Kind == SACTRreq || ev.Kind == AR) {
			return fmt.Sprintf("serial number %d is above the largest, %d", ev.Serial, maxSerial)
		}
	}
	return ""
}
