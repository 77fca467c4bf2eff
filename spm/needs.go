package spm

import (
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
)

// activity is what a predicate asks of the activity.
type activity uint8

const (
	anyActivity activity = iota
	within               // there are no activities, or one is in progress
	inProgress           // there are activities, and one is in progress
	outside              // there are activities, and none is in progress
	atRest               // none is in progress
)

// A need is what most predicates consist of; a predicate of this kind can also say what is missing.
type need struct {
	units    spdu.Units // all of them selected
	activity activity
	may      spdu.Tokens // I: here or not available
	own      spdu.Tokens // II: here
	other    spdu.Tokens // A: at the peer or not available
	theirs   spdu.Tokens // AA: at the peer
}

func (m *Machine) meets(n *need) bool {
	return m.connect.Units&n.units == n.units && m.fits(n.activity) &&
		m.tokens.mayAct(n.may) && m.tokens.has(n.own) && m.tokens.otherMayAct(n.other) && m.tokens.otherHas(n.theirs)
}

func (m *Machine) fits(a activity) bool {
	act, run := m.fu(spdu.Activity), m.activity.Vact
	switch a {
	case within:
		return !act || run
	case inProgress:
		return act && run
	case outside:
		return act && !run
	case atRest:
		return !act || !run
	}
	return true
}

func (m *Machine) inActivity() bool { return m.fits(within) }

// lacks says in words which parts of a need are not met.
func (m *Machine) lacks(n *need) (list []string) {
	if u := n.units &^ m.connect.Units; u != 0 {
		list = append(list, "functional unit "+u.String()+" is not selected")
	}
	switch {
	case m.fits(n.activity):
	case n.activity == outside && !m.fu(spdu.Activity):
		list = append(list, "functional unit ACT is not selected")
	case n.activity == within, n.activity == inProgress:
		list = append(list, "no activity is in progress")
	default:
		list = append(list, "an activity is in progress")
	}
	if t := (n.own | n.may&m.tokens.Available) &^ m.tokens.Owned; t&m.tokens.Available != 0 {
		list = append(list, "the peer has the "+names(t&m.tokens.Available))
	}
	if t := (n.own | n.theirs) &^ m.tokens.Available; t != 0 {
		list = append(list, "there is no "+names(t))
	}
	if t := (n.other | n.theirs) & m.tokens.Available & m.tokens.Owned; t != 0 {
		list = append(list, "the "+names(t)+" is here")
	}
	return list
}

func names(t spdu.Tokens) string {
	return strings.ReplaceAll(strings.ReplaceAll(t.String(), "major", "major/activity"), "+", " token, the ") + " token"
}
