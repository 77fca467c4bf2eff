package tenuto

import (
	"fmt"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// event turns an SPDU into an event; one of kind 0 is none, because more segments are to come, or it is a header without tokens. mu is held.
func (s *Session) event(p spdu.SPDU, expedited bool, at place) (ev spm.Event, in input, err error) {
	if err := onFlow(p, expedited); err != nil {
		return ev, in, err
	}
	whole, err := s.assemble(p)
	if err != nil {
		return ev, in, err
	}
	in.pdu = p
	switch p := p.(type) {
	case spdu.CN:
		if s.m.State() != spm.Connected || s.start {
			return spm.Event{Kind: spm.CN}, in, nil // not now
		}
		ev = s.connectEvent(&p)
		r, against := s.against(&p)
		ev.Refuse = against != nil
		in.tsdus, err = s.answerConnect(&p, r, spdu.Locate(against, at.tsdu, at.index))
		return ev, in, err
	case spdu.CDO:
		if cn, ok := whole.(spdu.CN); ok {
			p := s.parameters()
			p.UserData = cn.UserData
			s.agree(p)
		}
		return spm.Event{Kind: spm.CDO, Last: whole != nil}, in, nil
	}
	if whole == nil {
		return ev, in, nil
	}
	in.pdu = whole
	ev, err = s.kindOf(whole, &in)
	return ev, in, err
}

// assemble takes the next SPDU and returns the whole one, or nil while segments are outstanding. mu is held.
func (s *Session) assemble(p spdu.SPDU) (whole spdu.SPDU, err error) {
	a := s.segments
	if a == nil {
		a = &spdu.Assembly{Limit: MaxUserData}
	}
	whole, err = a.Add(p)
	if s.segments = nil; a.Pending() {
		s.segments = a
	}
	return whole, err
}

// kindOf is event for a whole SPDU other than those of the S-CONNECT request. mu is held.
func (s *Session) kindOf(p spdu.SPDU, in *input) (ev spm.Event, err error) {
	switch p := p.(type) {
	case spdu.AC:
		ev = spm.Event{Kind: spm.AC, Units: p.Units, Serial: p.Serial.N}
		if s.m.State() == spm.WaitAccept {
			ev.Setting, err = s.accepted(&p)
		}
	case spdu.OA:
		ev.Kind = spm.OA
		if s.m.State() == spm.WaitOverflowAccept {
			in.tsdus, err = s.overflow(&p)
		}
	case spdu.RF:
		ev.Kind = either(p.Keep, spm.RFr, spm.RFnr)
	case spdu.FN:
		ev = spm.Event{Kind: either(p.Keep, spm.FNr, spm.FNnr), Keep: p.Keep}
		s.declined = p.Keep && !s.m.Reuse
	case spdu.AB:
		ev = spm.Event{Kind: either(p.Keep, spm.ABr, spm.ABnr), UserAbort: p.Reason&spdu.UserAbort != 0}
	case spdu.PR:
		ev.Kind = map[spdu.PrepareType]spm.Kind{spdu.PrepareMAA: spm.PRMAA, spdu.PrepareRS: spm.PRRS, spdu.PrepareRA: spm.PRRA,
			spdu.PrepareAB: spm.PRAB}[p.Type]
	case spdu.GT:
		if p.Tokens != 0 {
			ev = spm.Event{Kind: spm.GT, Tokens: p.Tokens}
		}
	case spdu.PT:
		if p.Tokens != 0 {
			ev = spm.Event{Kind: spm.PT, Tokens: p.Tokens}
		}
	case spdu.MIP:
		ev = spm.Event{Kind: either(p.DataSeparation, spm.MIPd, spm.MIP), Serial: p.Serial}
	case spdu.MIA:
		ev = spm.Event{Kind: spm.MIA, Serial: p.Serial}
	case spdu.MAP:
		ev = spm.Event{Kind: spm.MAP, Serial: p.Serial}
	case spdu.AE:
		ev = spm.Event{Kind: spm.AE, Serial: p.Serial}
	case spdu.MAA:
		ev = spm.Event{Kind: spm.MAA, Serial: p.Serial}
	case spdu.RS:
		if !p.HasTokens {
			p.Tokens, in.pdu = s.m.Setting(), p
		}
		in.pdu = p
		ev = spm.Event{Kind: map[ResyncType]spm.Kind{Restart: spm.RSr, Abandon: spm.RSa, Set: spm.RSs}[p.Type], Serial: p.Serial, Setting: p.Tokens}
	case spdu.RA:
		ev = spm.Event{Kind: spm.RA, Serial: p.Serial}
		ev.Setting, err = s.resynchronized(&p)
	case spdu.AR:
		ev = spm.Event{Kind: spm.AR, Serial: p.Linking.Serial}
	default:
		ev.Kind = plainKind(p)
	}
	return ev, err
}

// plainKind is the event of an SPDU without parameters that the machine looks at.
func plainKind(p spdu.SPDU) spm.Kind {
	switch p.(type) {
	case spdu.DN:
		return spm.DN
	case spdu.NF:
		return spm.NF
	case spdu.AA:
		return spm.AA
	case spdu.EX:
		return spm.EX
	case spdu.CD:
		return spm.CD
	case spdu.CDA:
		return spm.CDA
	case spdu.GTC:
		return spm.GTC
	case spdu.GTA:
		return spm.GTA
	case spdu.ED:
		return spm.ED
	case spdu.ER:
		return spm.ER
	case spdu.AS:
		return spm.AS
	case spdu.AI:
		return spm.AI
	case spdu.AIA:
		return spm.AIA
	case spdu.AD:
		return spm.AD
	case spdu.ADA:
		return spm.ADA
	}
	panic(fmt.Sprintf("BUG: no event for %v", p))
}

func either(b bool, yes, no spm.Kind) spm.Kind {
	if b {
		return yes
	}
	return no
}

// resynchronized is the token setting that follows from the own RS and the peer's answer. An RA without a setting leaves tokens whose place was to
// be chosen where they are.
func (s *Session) resynchronized(p *spdu.RA) (setting spdu.TokenSetting, err error) {
	answer := s.m.Setting()
	if p.HasTokens {
		answer = p.Tokens
	}
	available, _ := s.m.Tokens()
	for i := range 4 {
		k := Tokens(1) << (2 * i)
		at := s.resync.tokens.Of(k)
		if at != spdu.AtInitiator && at != spdu.AtResponder {
			at = answer.Of(k)
		}
		if available&k != 0 && at != spdu.AtInitiator && at != spdu.AtResponder {
			return 0, misfit(p, piTokenSetting, clauseSetting, "it does not say where the %v token is", k)
		}
		setting = setting.With(k, at)
	}
	return setting, nil
}

// onFlow checks that an SPDU comes on a flow it may come on (x225 3.1). Some peers send RF on the expedited one.
func onFlow(p spdu.SPDU, expedited bool) error {
	switch p.(type) {
	case spdu.PR, spdu.EX:
		if !expedited {
			return misfit(p, 0, clauseFlow, "on the normal flow")
		}
	case spdu.AB, spdu.AA, spdu.RF:
	default:
		if expedited {
			return misfit(p, 0, clauseFlow, "on the expedited flow")
		}
	}
	return nil
}
