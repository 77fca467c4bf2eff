package spm

import "github.com/tenuto-session/tenuto/spdu"

// A predicate is one of the standard's numbered predicates (x225 4.5); a negative one is its negation.
type predicate int16

// The predicates that the tables use.
const (
	p01  predicate = 1   // this SPM did not receive the T-CONNECT indication
	p02  predicate = 2   // local choice to keep the transport connection, and no expedited flow
	p03  predicate = 3   // I(dk): the user may act as far as the data token goes
	p04  predicate = 4   // duplex, and no collision of FN
	p05  predicate = 5   // A(dk): the other user may act
	p10  predicate = 10  // no collision of FN
	p16  predicate = 16  // no expedited flow
	p63  predicate = 63  // I(all tokens), and no activity in progress
	p64  predicate = 64  // local choice to keep the transport connection, by the T-initiator, and no expedited flow
	p65  predicate = 65  // some token is available
	p66  predicate = 66  // the transport connection can be reused
	p67  predicate = 67  // negotiated release
	p68  predicate = 68  // A(all tokens), and no activity in progress
	p69  predicate = 69  // FN collided
	p70  predicate = 70  // duplex
	p75  predicate = 75  // no collision of FN, or DN has been received
	p76  predicate = 76  // the CN is not acceptable to the SPM
	p185 predicate = 185 // what arrives is being discarded, unless data separation protects it
	p202 predicate = 202 // this CDO is the last
	p204 predicate = 204 // more than 10240 octets of user data in S-CONNECT
)

// condition is the predicate column of a row: all of them must hold. An empty one always does.
type condition [4]predicate

var always condition

func when(list ...predicate) (c condition) {
	copy(c[:], list)
	return c
}

func not(p predicate) predicate { return -p }

// holds evaluates a condition before any action.
func (m *Machine) holds(c *condition, ev *Event) bool {
	for _, p := range c {
		switch {
		case p == 0:
			return true
		case p > 0 && !m.is(p, ev), p < 0 && m.is(-p, ev):
			return false
		}
	}
	return true
}

func (m *Machine) is(p predicate, ev *Event) bool {
	switch p {
	case p01:
		return !m.connect.Vtca
	case p02:
		return m.Reuse && !m.connect.TEXP
	case p03:
		return m.tokens.mayAct(spdu.DataToken)
	case p04:
		return m.fu(spdu.Duplex) && !m.release.Vcoll
	case p05:
		return m.tokens.otherMayAct(spdu.DataToken)
	case p10:
		return !m.release.Vcoll
	case p16:
		return !m.connect.TEXP
	case p63:
		return m.tokens.mayAct(allTokens) && !(m.fu(spdu.Activity) && m.activity.Vact)
	case p64:
		return m.Reuse && !m.connect.Vtca && !m.connect.TEXP
	case p65:
		return m.tokens.Available != 0
	case p66:
		return m.release.Vtrr
	case p67:
		return m.fu(spdu.NegotiatedRelease)
	case p68:
		return m.tokens.otherMayAct(allTokens) && !(m.fu(spdu.Activity) && m.activity.Vact)
	case p69:
		return m.release.Vcoll
	case p70:
		return m.fu(spdu.Duplex)
	case p75:
		return !m.release.Vcoll || m.release.Vdnr
	case p76:
		return ev.Refuse
	case p185:
		protected := m.sync.VAdo >= m.sync.VA // p81 without symmetric synchronize
		return m.resync.DiscardRcv && !protected
	case p202:
		return ev.Last
	case p204:
		if ev.Kind == CN {
			return ev.More
		}
		return m.connect.Overflow
	}
	panic("BUG: predicate without a meaning")
}

func (m *Machine) fu(u spdu.Units) bool { return m.connect.Units&u != 0 }
