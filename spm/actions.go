package spm

import "github.com/tenuto-session/tenuto/spdu"

// An action is one of the standard's numbered actions (x225 4.5).
type action uint8

// actions is the actions column of a row.
type actions [4]action

func act(list ...action) (a actions) {
	copy(a[:], list)
	return a
}

var nothing actions

// The actions that the tables use. [6] comes last, after the change of state (E15).
const (
	act01 action = 1  // Vtca = true
	act02 action = 2  // Vtca = false
	act03 action = 3  // stop TIM
	act04 action = 4  // start TIM
	act05 action = 5  // the variables of a new session connection
	act06 action = 6  // replay the queue
	act07 action = 7  // Vtrr = true
	act08 action = 8  // Vtrr = false
	act09 action = 9  // Vtrr as PI 17 and the local choice say
	act10 action = 10 // append the event to the queue
	act11 action = 11 // token positions
	act12 action = 12 // Vact = true
	act13 action = 13 // Vnextact: true for MAP, false for AE
	act14 action = 14 // Vact = Vnextact
	act16 action = 16 // what resynchronization is in progress
	act18 action = 18 // Vcoll = true
	act19 action = 19 // V(M) = max(V(M), number received)
	act22 action = 22 // V(R) = V(A) = V(M)
	act23 action = 23 // MIP received
	act24 action = 24 // own synchronization point
	act25 action = 25 // V(A) = number + 1
	act26 action = 26 // V(A) = V(M) = V(R) = 1
	act27 action = 27 // V(A) = V(M) = number + 1, V(R) = 1
	act28 action = 28 // the end of a resynchronization
	act29 action = 29 // the end of an activity by the own interrupt or discard
	act30 action = 30 // and by the peer's
	act31 action = 31 // MAP or AE received
	act32 action = 32 // Vdnr = true
	act41 action = 41 // V(Ado) = V(M)
	act43 action = 43 // V(Ado) = V(Adi) = -1
	act44 action = 44 // V(Adi) = V(M)
	act50 action = 50 // keep the user data for the S-CONNECT indication
	act51 action = 51 // send CDO after CDO
)

// perform does one action but [6], which Step does, and the timer's, which are outputs. [50] and [51] are about octets,
// which the driver has.
func (m *Machine) perform(a action, ev *Event) {
	y := &m.sync
	switch a {
	case act01:
		m.connect.Vtca = true
	case act02:
		m.connect.Vtca = false
	case act05:
		m.connect.Units &= ev.Units
		*y = syncVars{VA: int32(ev.Serial), VM: int32(ev.Serial), VAdo: -1, VAdi: -1}
		m.release.Vcoll, m.release.Vdnr = false, false
		m.resync = resyncVars{} // E15: the discard flags too
		m.activity = activityVars{}
	case act07:
		m.release.Vtrr = true
	case act08:
		m.release.Vtrr = false
	case act09:
		m.release.Vtrr = ev.Keep && m.Reuse
	case act10:
		m.queue = append(m.queue, *ev)
	case act11:
		m.moveTokens(ev)
	case act12:
		m.activity.Vact = true
	case act13:
		m.activity.Vnextact = ev.Kind == MAP || ev.Kind == SSYNMreq
	case act14:
		m.activity.Vact = m.activity.Vnextact && m.fu(spdu.Activity) // without activities it has no meaning
	case act16:
		m.resync = resyncVars{Vrsp: ev.Kind.resync(), DiscardRcv: true, DiscardSnd: true}
		switch m.resync.Vrsp {
		case restart:
			m.resync.Vrspnb = int32(ev.Serial)
		case interrupt, discard:
			y.VAdo, y.VAdi = -1, -1 // E15
		}
	case act18:
		m.release.Vcoll = true
	case act19:
		y.VM = max(y.VM, int32(ev.Serial))
	case act22:
		y.VA, y.VR = y.VM, y.VM
	case act23:
		if !y.Vsc {
			y.VA = y.VM
		}
		y.Vsc = true
		y.VM++
	case act24:
		if y.Vsc {
			y.VA = y.VM
		}
		y.Vsc = false
		y.VM++
	case act25:
		y.VA = int32(ev.Serial) + 1
	case act26:
		*y = syncVars{VA: 1, VM: 1, VR: 1, VAdo: -1, VAdi: -1, Vsc: y.Vsc} // E15: V(Ado) and V(Adi) too
	case act27:
		n := int32(ev.Serial) + 1
		*y = syncVars{VA: n, VM: n, VR: 1, VAdo: -1, VAdi: -1, Vsc: y.Vsc}
	case act28:
		y.VA, y.VM = int32(ev.Serial), int32(ev.Serial)
		if m.resync.Vrsp != restart {
			y.VR = 0
		}
		y.VAdo, y.VAdi = -1, -1
		m.resync = resyncVars{}
	case act29, act30:
		m.tokens.Owned = 0
		if a == act29 {
			m.tokens.Owned = m.tokens.Available
		}
		m.activity.Vact = false
		m.resync = resyncVars{} // E15
	case act31:
		if !y.Vsc {
			y.VA = y.VM
		}
		y.VM++
	case act32:
		m.release.Vdnr = true
	case act41:
		y.VAdo = y.VM
	case act43:
		y.VAdo, y.VAdi = -1, -1
	case act44:
		y.VAdi = y.VM
	case act03, act04, act06, act50, act51:
	default:
		panic("BUG: action without a meaning")
	}
}

// resync is the kind of resynchronization that an event begins.
func (k Kind) resync() resync {
	switch k {
	case SRSYNreqR, RSr:
		return restart
	case SRSYNreqS, RSs:
		return set
	case SRSYNreqA, RSa:
		return abandon
	case SACTIreq, AI:
		return interrupt
	case SACTDreq, AD:
		return discard
	}
	panic("BUG: no resynchronization")
}

// moveTokens is [11].
func (m *Machine) moveTokens(ev *Event) {
	t := &m.tokens
	switch ev.Kind {
	case SGTreq:
		t.Owned &^= ev.Tokens
	case GT:
		t.Owned |= ev.Tokens
	case SCGreq:
		t.Owned = 0
	case GTC:
		t.Owned = t.Available
	case SCONrspPos, AC, SRSYNrsp, RA:
		*t = tokensOf(m.connect.Units, ev.Setting, !m.connect.Vtca)
	default:
		panic("BUG: no tokens")
	}
}

// Setting is the token setting item of the present position, which RS carries for tokens that are to stay where they are (E16).
func (m *Machine) Setting() (s spdu.TokenSetting) {
	for i := range 4 {
		t := spdu.Tokens(1) << (2 * i)
		if m.tokens.Available&t != 0 && (m.tokens.Owned&t != 0) == m.connect.Vtca {
			s |= spdu.AtResponder << (2 * i)
		}
	}
	return s
}
