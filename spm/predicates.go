package spm

import "github.com/tenuto-session/tenuto/spdu"

// A predicate is one of the standard's numbered predicates (x225 4.5); a negative one is its negation.
type predicate int16

// The predicates that the tables use.
const (
	p01  predicate = 1   // this SPM did not receive the T-CONNECT indication
	p02  predicate = 2   // local choice to keep the transport connection, and no expedited flow
	p03  predicate = 3   // S-DATA
	p04  predicate = 4   // duplex, and no collision of FN
	p05  predicate = 5   // DT
	p06  predicate = 6   // typed data
	p07  predicate = 7   // typed data, and no collision of FN
	p08  predicate = 8   // expedited data
	p09  predicate = 9   // expedited data, and no collision of FN
	p10  predicate = 10  // no collision of FN
	p11  predicate = 11  // the major/activity token is here
	p12  predicate = 12  // MAP
	p13  predicate = 13  // S-SYNC-MAJOR
	p14  predicate = 14  // MIP
	p15  predicate = 15  // S-SYNC-MINOR
	p16  predicate = 16  // no expedited flow
	p17  predicate = 17  // MIA
	p18  predicate = 18  // S-SYNC-MINOR response
	p19  predicate = 19  // the number is the next one
	p20  predicate = 20  // the number is the last one
	p21  predicate = 21  // the number is one that waits for its confirmation
	p23  predicate = 23  // the activity is to end
	p24  predicate = 24  // the peer's resynchronization wins
	p25  predicate = 25  // S-RESYNCHRONIZE restart or set: there are serial numbers
	p26  predicate = 26  // in an activity, where there are activities
	p27  predicate = 27  // no resynchronization in progress
	p28  predicate = 28  // resynchronize
	p29  predicate = 29  // resynchronize, in an activity where there are activities
	p30  predicate = 30  // the activity goes on, where there are activities
	p32  predicate = 32  // RS: restart to a permitted number
	p33  predicate = 33  // S-RESYNCHRONIZE restart to a permitted number
	p34  predicate = 34  // activities
	p35  predicate = 35  // RS or RA without PREPARE
	p36  predicate = 36  // RA after PREPARE
	p37  predicate = 37  // activities, and an expedited flow
	p38  predicate = 38  // activities, and no expedited flow
	p39  predicate = 39  // S-ACTIVITY-INTERRUPT, S-ACTIVITY-DISCARD
	p40  predicate = 40  // AI, AD
	p41  predicate = 41  // ADA
	p42  predicate = 42  // AIA
	p43  predicate = 43  // S-RESYNCHRONIZE response
	p44  predicate = 44  // AS, AR
	p45  predicate = 45  // S-ACTIVITY-START, S-ACTIVITY-RESUME
	p46  predicate = 46  // CD
	p47  predicate = 47  // S-CAPABILITY-DATA
	p48  predicate = 48  // exceptions, and half-duplex
	p49  predicate = 49  // RA
	p50  predicate = 50  // S-U-EXCEPTION-REPORT
	p51  predicate = 51  // ED
	p52  predicate = 52  // ED before DN
	p53  predicate = 53  // S-TOKEN-PLEASE: the tokens are available
	p54  predicate = 54  // S-TOKEN-GIVE: the tokens are here
	p55  predicate = 55  // S-CONTROL-GIVE
	p57  predicate = 57  // p54, without the data token
	p58  predicate = 58  // p54, with the data token
	p59  predicate = 59  // GT: the tokens are at the peer
	p60  predicate = 60  // p59, without the data token
	p61  predicate = 61  // p59, with the data token
	p62  predicate = 62  // GTC
	p63  predicate = 63  // S-RELEASE
	p64  predicate = 64  // local choice to keep the transport connection, by the T-initiator, and no expedited flow
	p65  predicate = 65  // some token is available
	p66  predicate = 66  // the transport connection can be reused
	p67  predicate = 67  // negotiated release
	p68  predicate = 68  // FN
	p69  predicate = 69  // FN collided
	p70  predicate = 70  // duplex
	p71  predicate = 71  // S-ACTIVITY-END
	p72  predicate = 72  // AE
	p75  predicate = 75  // no collision of FN, or DN has been received
	p76  predicate = 76  // the CN is not acceptable to the SPM
	p80  predicate = 80  // no data separation protects what the peer goes on to send
	p81  predicate = 81  // data separation protects what arrives
	p82  predicate = 82  // data separation
	p178 predicate = 178 // symmetric synchronize
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

// Shorter names for the table of needs.
const (
	dk = spdu.DataToken
	mi = spdu.MinorToken
	ma = spdu.MajorToken
)

// needs are the predicates that ask for functional units, tokens and an activity, and nothing else.
var needs = [...]need{
	p03: {may: dk},
	p05: {other: dk},
	p06: {units: spdu.TypedData},
	p08: {units: spdu.Expedited},
	p11: {own: ma},
	p12: {units: spdu.MajorSync, activity: within, other: dk | mi, theirs: ma},
	p13: {units: spdu.MajorSync, activity: within, may: dk | mi, own: ma},
	p14: {activity: within, other: dk, theirs: mi},
	p15: {activity: within, may: dk, own: mi},
	p26: {activity: within},
	p28: {units: spdu.Resync},
	p29: {units: spdu.Resync, activity: within},
	p34: {units: spdu.Activity},
	p39: {activity: inProgress, own: ma},
	p40: {theirs: ma},
	p44: {activity: outside, other: dk | mi | ma},
	p45: {activity: outside, may: dk | mi | ma},
	p46: {units: spdu.CapabilityData, activity: outside, other: dk | mi | ma},
	p47: {units: spdu.CapabilityData, activity: outside, may: dk | mi, own: ma},
	p48: {units: spdu.Exceptions | spdu.HalfDuplex},
	p50: {units: spdu.Exceptions, activity: within, theirs: dk},
	p51: {units: spdu.Exceptions, activity: within, own: dk},
	p55: {activity: outside, may: allTokens},
	p62: {activity: outside, other: allTokens},
	p63: {activity: atRest, may: allTokens},
	p67: {units: spdu.NegotiatedRelease},
	p68: {activity: atRest, other: allTokens},
	p70: {units: spdu.Duplex},
	p71: {activity: inProgress, may: dk | mi, own: ma},
	p72: {activity: inProgress, other: dk | mi, theirs: ma},
	p82: {units: spdu.DataSeparation},

	p178: {units: spdu.SymmetricSync},
}

func (m *Machine) is(p predicate, ev *Event) bool {
	if int(p) < len(needs) && needs[p] != (need{}) {
		return m.meets(&needs[p])
	}
	y, r := &m.sync, &m.resync
	sn := int32(ev.Serial)
	switch p {
	case p01:
		return !m.connect.Vtca
	case p02:
		return m.Reuse && !m.connect.TEXP
	case p04:
		return m.fu(spdu.Duplex) && !m.release.Vcoll
	case p07:
		return m.fu(spdu.TypedData) && !m.release.Vcoll
	case p09:
		return m.fu(spdu.Expedited) && !m.release.Vcoll
	case p10:
		return !m.release.Vcoll
	case p16:
		return !m.connect.TEXP
	case p17:
		return m.inActivity() && m.fu(spdu.MinorSync) && !y.Vsc
	case p18:
		return m.inActivity() && m.fu(spdu.MinorSync) && y.Vsc
	case p19:
		return sn == y.VM
	case p20:
		return sn == y.VM-1
	case p21:
		return y.VM > sn && sn >= y.VA
	case p23:
		return m.fu(spdu.Activity) && !m.activity.Vnextact
	case p24:
		return !m.wins(ev)
	case p25:
		return m.fu(spdu.MinorSync|spdu.MajorSync) && m.fu(spdu.Resync)
	case p27:
		return r.Vrsp == noResync
	case p30:
		return !m.fu(spdu.Activity) || m.activity.Vnextact
	case p32:
		return ev.Kind != RSr || sn >= y.VR
	case p33:
		return (m.Relay || y.VM >= sn) && sn >= y.VR // the other half may have counted more
	case p35:
		return m.fu(spdu.Resync) && (!m.connect.TEXP || m.fu(spdu.DataSeparation))
	case p36:
		return m.fu(spdu.Resync) && m.connect.TEXP
	case p37:
		return m.fu(spdu.Activity) && m.connect.TEXP
	case p38:
		return m.fu(spdu.Activity) && !m.connect.TEXP
	case p41:
		return r.Vrsp == discard
	case p42:
		return r.Vrsp == interrupt
	case p43:
		return r.Vrsp == restart && sn == r.Vrspnb || r.Vrsp == abandon && sn == y.VM || r.Vrsp == set
	case p49:
		return r.Vrsp == restart && sn == r.Vrspnb || r.Vrsp == abandon && sn >= y.VM || r.Vrsp == set
	case p52:
		return m.fu(spdu.Exceptions) && !m.fu(spdu.Activity) && m.tokens.has(dk)
	case p53:
		return ev.Tokens&^m.tokens.Available == 0
	case p54:
		return m.tokens.has(ev.Tokens)
	case p57:
		return m.tokens.has(ev.Tokens) && ev.Tokens&dk == 0
	case p58:
		return m.tokens.has(ev.Tokens) && ev.Tokens&dk != 0
	case p59:
		return m.tokens.otherHas(ev.Tokens)
	case p60:
		return m.tokens.otherHas(ev.Tokens) && ev.Tokens&dk == 0
	case p61:
		return m.tokens.otherHas(ev.Tokens) && ev.Tokens&dk != 0
	case p64:
		return m.Reuse && !m.connect.Vtca && !m.connect.TEXP
	case p65:
		return m.tokens.Available != 0
	case p66:
		return m.release.Vtrr
	case p69:
		return m.release.Vcoll
	case p75:
		return !m.release.Vcoll || m.release.Vdnr
	case p76:
		return ev.Refuse
	case p80:
		return !m.fu(spdu.DataSeparation) || y.VAdi < y.VA
	case p81:
		return y.VAdo >= y.VA
	case p185:
		return r.DiscardRcv && y.VAdo < y.VA
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

// wins is SPMwinner: whether the own resynchronization prevails (x225 1.6). Of a request in 11A it asks whether it would.
func (m *Machine) wins(ev *Event) bool {
	own, number := m.resync.Vrsp, m.resync.Vrspnb
	peer, other := ev.Kind.resync(), int32(ev.Serial)
	if ev.Kind.FromUser() {
		own, number, peer, other = peer, other, own, number
	}
	switch {
	case own != peer:
		return own > peer
	case own == restart && number != other:
		return number < other
	}
	return !m.connect.Vtca
}

func (m *Machine) fu(u spdu.Units) bool { return m.connect.Units&u != 0 }
