package spm

import (
	"fmt"

	"github.com/tenuto-session/tenuto/spdu"
)

// InvalidError says that a primitive is not allowed in the state that the session is in. Nothing has changed.
type InvalidError struct {
	Event Kind
	State State
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("spm: %v: invalid in state %v", e.Event, e.State)
}

// invalid is the rule for an event without a row, or none of whose rows' conditions hold (x225 4.4).
//
// A user's primitive is refused. An SPDU is a protocol error of the peer, which the machine answers with S-P-ABORT indication and AB:
// the alternative, an exception report, nobody implements. Before a session exists the transport connection goes instead.
func (m *Machine) invalid(ev *Event) error {
	switch {
	case ev.Kind.fromUser(), ev.Kind == TCONind, ev.Kind == TCONcnf:
		return &InvalidError{ev.Kind, m.state}
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

// acceptable checks what the tables leave to the sense of an event: of half-duplex and duplex exactly one is selected
// (x225 1.1).
func (m *Machine) acceptable(ev *Event) bool {
	if ev.Kind == AC && m.state == sta02A || ev.Kind == SCONrspPos && m.state == sta08 {
		const both = spdu.HalfDuplex | spdu.Duplex
		u := m.connect.Units & ev.Units & both
		return u != 0 && u != both
	}
	return true
}
