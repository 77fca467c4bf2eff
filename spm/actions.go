package spm

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
	act18 action = 18 // Vcoll = true
	act32 action = 32 // Vdnr = true
	act50 action = 50 // keep the user data for the S-CONNECT indication
	act51 action = 51 // send CDO after CDO
)

// perform does one action but [6], which Step does, and the timer's, which are outputs. [50] and [51] are about octets,
// which the driver has.
func (m *Machine) perform(a action, ev *Event) {
	switch a {
	case act01:
		m.connect.Vtca = true
	case act02:
		m.connect.Vtca = false
	case act05:
		m.connect.Units &= ev.Units
		m.sync = syncVars{VA: int32(ev.Serial), VM: int32(ev.Serial), VAdo: -1, VAdi: -1}
		m.release.Vcoll, m.release.Vdnr = false, false
		m.resync = resyncVars{} // E15: the discard flags too
		m.activity.Vact = false
	case act07:
		m.release.Vtrr = true
	case act08:
		m.release.Vtrr = false
	case act09:
		m.release.Vtrr = ev.Keep && m.Reuse
	case act10:
		m.queue = append(m.queue, *ev)
	case act11:
		m.tokens.set(m.connect.Units, ev.Setting, !m.connect.Vtca)
	case act18:
		m.release.Vcoll = true
	case act32:
		m.release.Vdnr = true
	case act03, act04, act06, act50, act51:
	default:
		panic("BUG: action without a meaning")
	}
}
