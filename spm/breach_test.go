package spm

import (
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// TestBreach: what is wrong with an SPDU that has no row is said in words, the number's fault apart.
func TestBreach(t *testing.T) {
	const all = spdu.HalfDuplex | spdu.MinorSync | spdu.MajorSync | spdu.Resync | spdu.TypedData
	responder := func(units spdu.Units, expedited bool, setting spdu.TokenSetting) []Event {
		return []Event{{Kind: TCONind, Expedited: expedited}, {Kind: CN, Units: units}, {Kind: SCONrspPos, Units: units, Setting: setting, Serial: 1}}
	}
	there := spdu.TokenSetting(0x55) // all tokens at the responder
	for _, test := range []struct {
		name   string
		before []Event
		ev     Event
		want   string
		serial bool
	}{
		{"number too high", responder(all, false, 0), Event{Kind: MIP, Serial: 7}, "serial number 7 is not the next one, 1, in state 713", true},
		{"major number", responder(all, false, 0), Event{Kind: MAP, Serial: 0}, "serial number 0 is not the next one, 1, in state 713", true},
		{"token", responder(all, false, there), Event{Kind: MIP, Serial: 1}, "the data token, the minor token is here, in state 713", false},
		{"data without token", responder(all, false, there), Event{Kind: DT}, "the data token is here, in state 713", false},
		{"unit", responder(spdu.Duplex, false, 0), Event{Kind: MIP, Serial: 1}, "there is no minor token, in state 713", false},
		{"unit of typed data", responder(spdu.Duplex, false, 0), Event{Kind: TD}, "functional unit TD is not selected, in state 713", false},
		{"nothing to confirm", append(responder(all, false, there), Event{Kind: SSYNmreq}), Event{Kind: MIA, Serial: 4},
			"serial number 4 is none of 1 to 1, which wait for a confirmation, in state 713", true},
		{"confirmed", append(responder(all, false, there), Event{Kind: SSYNmreq}, Event{Kind: MIA, Serial: 1}), Event{Kind: MIA, Serial: 1},
			"serial number 1 waits for no confirmation, in state 713", true},
		{"not of this side", append(responder(all, false, 0), Event{Kind: MIP, Serial: 1}), Event{Kind: MIA, Serial: 1},
			"no minor synchronization point of this side waits for a confirmation, in state 713", false},
		{"restart too low", append(responder(all, false, 0), Event{Kind: MAP, Serial: 1}, Event{Kind: SSYNMrsp}), Event{Kind: RSr, Serial: 1},
			"serial number 1 is below 2, the lowest that a restart may go to, in state 713", true},
		{"without PREPARE", responder(all, true, 0), Event{Kind: RSa, Serial: 1}, "without its PREPARE, in state 713", false},
		{"answer to nothing", responder(all, false, 0), Event{Kind: RA, Serial: 1}, "not allowed in state 713", false},
		{"wrong answer", append(responder(all, false, there), Event{Kind: SRSYNreqR, Serial: 1}), Event{Kind: RA, Serial: 0},
			"serial number 0 does not answer the resynchronization, in state 05A", true},
		{"give what one has not", responder(all, false, there), Event{Kind: GT, Tokens: spdu.DataToken}, "the data token is here, in state 713", false},
		{"please what there is not", responder(all, false, 0), Event{Kind: PT, Tokens: spdu.ReleaseToken}, "there is no release token, in state 713", false},
		{"activity", responder(all, false, 0), Event{Kind: AS}, "functional unit ACT is not selected, in state 713", false},
		{"release", responder(all, false, there), Event{Kind: FNnr}, "the data token, the minor token, the major/activity token is here, in state 713", false},
		{"no release", responder(all, false, 0), Event{Kind: DN}, "not allowed in state 713", false},
		{"exception", responder(all, false, 0), Event{Kind: ED}, "functional unit EXCEP is not selected, in state 713", false},
		{"both", []Event{{Kind: SCONreq, Units: spdu.HalfDuplex | spdu.Duplex}, {Kind: TCONcnf}}, Event{Kind: AC, Units: spdu.MinorSync},
			"of half-duplex and duplex exactly one is to be selected", false},
		{"largest number", responder(all|spdu.Activity, false, 0), Event{Kind: AR, Serial: maxSerial}, "serial number 999999 is above the largest, 999999", true},
	} {
		var m Machine
		for _, ev := range test.before {
			if err := m.Step(ev); err != nil {
				t.Fatalf("%s: %v: %v", test.name, ev.Kind, err)
			}
		}
		m.Drain()
		from := m.State()
		if err := m.Step(test.ev); err != nil || m.State() != Leaving {
			t.Fatalf("%s: %v, state %v: it is not invalid", test.name, err, m.State())
		}
		if why, serial := m.Breach(test.ev, from); why != test.want || serial != test.serial {
			t.Errorf("%s: %q, %v; want %q, %v", test.name, why, serial, test.want, test.serial)
		}
	}
}
