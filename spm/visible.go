package spm

// hidden are the states into which PREPARE takes the machine without the user's knowledge.
var hidden = in(sta06, sta15A, sta15B, sta15C, sta15D)

// hide keeps the state that the user sees when the machine goes into one that it does not. The user may do there what it may do in the
// state that it sees, and nothing else: the standard's tables leave that to the user.
func (m *Machine) hide(next State) {
	switch {
	case !hidden.has(next):
	case !hidden.has(m.state):
		m.visible = m.state
	case next == sta06:
		m.visible = sta05A // the user's own resynchronization
	}
}

// reveal is for the two indications in 15B by which the user takes another state to be in.
func (m *Machine) reveal(ev *Event, o Output) {
	if m.state == sta15B && (o == SRELcnfNeg || o == SGTind && ev.Tokens&dk != 0 && m.visible == sta19) {
		m.visible = sta713
	}
}

// Visible is the state that the user sees, as far as indications and confirms tell.
func (m *Machine) Visible() State {
	if hidden.has(m.state) {
		return m.visible
	}
	return m.state
}

// seen tells whether a request is one that the state which the user sees allows.
func (m *Machine) seen(ev *Event) bool {
	if !hidden.has(m.state) {
		return true
	}
	return m.find(m.visible, ev) != nil
}

// answered is for the responses that 15B takes without effect: their user is in data transfer then.
func (m *Machine) answered(ev *Event) {
	if m.state == sta15B && (ev.Kind == SSYNMrsp || ev.Kind == SACTErsp) {
		m.visible = sta713
	}
}
