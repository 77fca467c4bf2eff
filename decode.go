package tenuto

import (
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// decode turns a TSDU without user information into an event. A nil in.pdu means that there is none: more segments are to come, or
// it is a header without tokens. mu is held.
func (s *Session) decode(tsdu []byte, expedited bool) (ev spm.Event, in input, err error) {
	pdus, _, err := spdu.Parse(tsdu)
	if err != nil {
		return ev, in, err
	}
	p := pdus[0]
	if len(pdus) > 1 {
		return ev, in, noUnit(pdus[1])
	}
	if err := spdu.CheckVersion(p, s.version); err != nil {
		return ev, in, err
	}
	if err := flow(p, expedited); err != nil {
		return ev, in, err
	}
	whole, err := s.rx.assembly.Add(p)
	if err != nil {
		return ev, in, err
	}
	switch p := p.(type) {
	case spdu.CN:
		in.pdu = p
		if s.m.State() != spm.Connected || s.start {
			return spm.Event{Kind: spm.CN}, in, nil // not now
		}
		ev = s.connectEvent(&p)
		in.tsdus, err = s.answerConnect(&p, ev.Refuse)
		return ev, in, err
	case spdu.CDO:
		ev = spm.Event{Kind: spm.CDO, Last: whole != nil}
		in.pdu = p
		if cn, ok := whole.(spdu.CN); ok {
			s.peerData = cn.UserData
		}
		return ev, in, nil
	}
	if whole == nil {
		return ev, in, nil
	}
	in.pdu = whole
	switch p := whole.(type) {
	case spdu.GT:
		in.pdu = nil
		if p.Tokens != 0 {
			err = errTokens
		}
	case spdu.PT:
		in.pdu = nil
		if p.Tokens != 0 {
			err = errTokens
		}
	case spdu.AC:
		ev = spm.Event{Kind: spm.AC, Units: p.Units, Setting: p.TokenSetting, Serial: p.Serial.N}
		err = s.accepted(&p)
	case spdu.OA:
		ev = spm.Event{Kind: spm.OA}
		in.tsdus, err = s.overflow(&p)
	case spdu.RF:
		ev = spm.Event{Kind: spm.RFnr}
		if p.Keep {
			ev.Kind = spm.RFr
		}
	case spdu.FN:
		ev = spm.Event{Kind: spm.FNnr}
		if p.Keep {
			ev.Kind = spm.FNr
		}
	case spdu.AB:
		ev = spm.Event{Kind: spm.ABnr, UserAbort: p.Reason&spdu.UserAbort != 0}
		if p.Keep {
			ev.Kind = spm.ABr
		}
	case spdu.DN:
		ev.Kind = spm.DN
	case spdu.NF:
		ev.Kind = spm.NF
	case spdu.AA:
		ev.Kind = spm.AA
	case spdu.PR:
		ev.Kind = spm.PRAB
		if p.Type != spdu.PrepareAB {
			err = noUnit(p)
		}
	default:
		err = noUnit(p)
	}
	return ev, in, err
}

// noUnit is the error of an SPDU whose functional unit is not selected.
func noUnit(p spdu.SPDU) error { return fmt.Errorf("tenuto: %v: no functional unit for it", p) }

// flow checks that an SPDU comes on a flow it may come on (x225 3.1). Some peers send RF on the expedited one.
func flow(p spdu.SPDU, expedited bool) error {
	switch p.(type) {
	case spdu.PR:
		if !expedited {
			return errors.New("tenuto: PR on the normal flow")
		}
	case spdu.AB, spdu.AA, spdu.RF:
	default:
		if expedited {
			return fmt.Errorf("tenuto: %v on the expedited flow", p)
		}
	}
	return nil
}
