package spm

import "github.com/tenuto-session/tenuto/spdu"

// maxQueue bounds the events that [10] queues: they come on the expedited flow while its peer waits for one SPDU.
const maxQueue = 64

// Machine is one session protocol machine. The zero Machine is in state 01 and ready.
type Machine struct {
	// Reuse is the local choice of p02 and p64: a transport connection is kept for the next session connection. It is set
	// before the first Step.
	Reuse bool
	// Relay says that the machine is half of a relay: its user passes on what the user of the other half asks for, who may not yet know
	// what this machine has said (table R). It is set before the first Step.
	Relay bool

	state    State
	visible  State // while state is hidden
	connect  connectVars
	sync     syncVars
	resync   resyncVars
	activity activityVars
	release  releaseVars
	tokens   tokenVars
	queue    []Event

	out []Output
}

// State returns the state.
func (m *Machine) State() State { return m.state }

// Units returns the functional units: those selected once the session is connected, before that those proposed.
func (m *Machine) Units() spdu.Units { return m.connect.Units }

// Expedited tells whether the session uses an expedited flow (TEXP).
func (m *Machine) Expedited() bool { return m.connect.TEXP }

// Tokens returns the tokens that are available, and those of them that are here.
func (m *Machine) Tokens() (available, owned spdu.Tokens) { return m.tokens.Available, m.tokens.Owned }

// Next is V(M), the serial number of the next synchronization point.
func (m *Machine) Next() uint32 { return uint32(m.sync.VM) }

// Activity tells whether an activity is in progress (Vact).
func (m *Machine) Activity() bool { return m.activity.Vact }

// Discarding tells whether what arrives belongs to what a resynchronization has cancelled (p185).
func (m *Machine) Discarding() bool { return m.is(p185, &Event{}) }

// Resynchronizing tells whether a resynchronization, interrupt or discard is in progress (Vrsp).
func (m *Machine) Resynchronizing() bool { return m.resync.Vrsp != noResync }

// Keeps tells whether a request whose SPDU may ask for the transport connection to be kept does so: S-RELEASE request (p64), or a negative S-CONNECT
// response or S-U-ABORT (p02).
func (m *Machine) Keeps(k Kind) bool {
	if k == SRELreq {
		return m.is(p64, &Event{})
	}
	return m.is(p02, &Event{})
}

// Protected tells whether data separation protects what this side has sent from a resynchronization (not p80).
func (m *Machine) Protected() bool { return !m.is(p80, &Event{}) }

// Collision tells whether both users have asked for release (Vcoll).
func (m *Machine) Collision() bool { return m.release.Vcoll }

// Step is the one door in. It returns an *InvalidError if the event is a user's and not allowed now; then nothing has changed.
// Everything else it may have to say is in the outputs.
func (m *Machine) Step(ev Event) error {
	if ev.Kind == noEvent || ev.Kind >= numEvents {
		panic("BUG: no such event")
	}
	if m.nonsense(&ev) != "" || ev.Kind.FromUser() && !m.seen(&ev) {
		return m.invalid(&ev)
	}
	return m.step(&ev)
}

func (m *Machine) step(ev *Event) error {
	saved, vm := m.connect, m.sync.VM
	m.learn(ev)
	if r := m.find(m.state, ev); r != nil {
		m.fire(r, ev)
		return nil
	}
	m.connect, m.sync.VM = saved, vm
	return m.invalid(ev)
}

// find returns the row of an event in a state that fires, or nil.
func (m *Machine) find(s State, ev *Event) *row {
	if m.Relay {
		for _, r := range late[s][ev.Kind] {
			if m.holds(&r.when, ev) {
				return r
			}
		}
	}
	for _, r := range cells[s][ev.Kind] {
		if m.holds(&r.when, ev) {
			return r
		}
	}
	return nil
}

// learn takes over what an event says before the rows' conditions are asked.
func (m *Machine) learn(ev *Event) {
	switch ev.Kind {
	case TCONind, TCONcnf:
		m.connect.TEXP = ev.Expedited
	case SCONreq:
		m.connect.Units = ev.Units
		m.connect.Overflow = ev.Len > spdu.MaxConnectData
	case CN:
		m.connect.Units = ev.Units
	case SRSYNreqA:
		if m.Relay { // what the other half has counted and this one has not is void as well
			m.sync.VM = max(m.sync.VM, int32(ev.Serial))
		}
	case SRSYNrsp:
		if m.resync.Vrsp == abandon {
			if m.Relay {
				m.sync.VM = max(m.sync.VM, int32(ev.Serial))
			}
			ev.Serial = uint32(m.sync.VM) // the SPM's own: the user gives none (x225 4.7)
		}
	}
}

func (m *Machine) fire(r *row, ev *Event) {
	replay := false
	tim := noOutput
	for _, a := range r.actions {
		switch a {
		case 0:
		case act03:
			tim = StopTIM
		case act04:
			tim = StartTIM
		case act06:
			replay = true
		case act10:
			if len(m.queue) == maxQueue {
				m.invalid(&Event{Kind: Invalid})
				return
			}
			m.perform(a, ev)
		default:
			m.perform(a, ev)
		}
	}
	for _, o := range r.outputs {
		switch o {
		case noOutput:
		case sxABind:
			if ev.UserAbort {
				m.out = append(m.out, SUABind)
			} else {
				m.out = append(m.out, SPABind)
			}
		case SendPRAB:
			if m.prepareAbort(ev) {
				m.out = append(m.out, o)
			}
		case SendPRMAA, SendPRRS, SendPRRA:
			if m.connect.TEXP {
				m.out = append(m.out, o)
			}
		default:
			m.out = append(m.out, o)
			m.reveal(ev, o)
		}
	}
	if tim != noOutput { // after the SPDU whose answer it waits for
		m.out = append(m.out, tim)
	}
	m.answered(ev)
	if r.next != stay {
		m.hide(r.next)
		m.state = r.next
	}
	if m.state == sta01 {
		m.queue = nil // E15: a new connection begins with none
	}
	if replay {
		m.replay()
	}
}

// prepareAbort tells whether PREPARE goes ahead of an AB: only where there is an expedited flow, and only if the AB itself does not
// fit there (x225 3.1).
func (m *Machine) prepareAbort(ev *Event) bool {
	return m.connect.TEXP && ev.Len > spdu.MaxAbortDataV1
}

// replay is [6]: each queued event once, in the new state. One that is queued again waits for the next [6] (E15).
func (m *Machine) replay() {
	queue := m.queue
	m.queue = nil
	for i := range queue {
		m.step(&queue[i])
	}
}

// Serial is the serial number of the SPDU that an output sends, after the Step of the event that led to it.
func (m *Machine) Serial(o Output, ev *Event) uint32 {
	switch o {
	case SendMIP, SendMIPd, SendMAP, SendAE, SendMAA, SendAEA:
		return uint32(m.sync.VM - 1)
	case SendRSa, SendRA:
		return uint32(m.sync.VM)
	}
	return ev.Serial
}

// Drain returns the outputs since the last Drain, in the order in which to perform them. They are valid until the next Step.
func (m *Machine) Drain() []Output {
	out := m.out
	m.out = m.out[:0]
	return out
}
