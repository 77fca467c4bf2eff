package tenuto

import "unique"

// terms are the Parameters of a session but for those in own. Sessions that have the same ones share them, as most of an endpoint do.
type terms struct {
	calling, called, responding string
	units                       Units
	version                     Version
	serial                      uint32
	tokens                      TokenSettings
	pleaseTokens                Tokens
	sendSize, receiveSize       int
	concatenation, simplex      bool
}

// own are those Parameters of which no two sessions have the same.
type own struct {
	reference Reference
	userData  []byte
}

// agree takes over what was agreed on, or what the peer proposes.
func (s *Session) agree(p Parameters) {
	s.terms = unique.Make(terms{p.Calling, p.Called, p.Responding, p.Units, p.Version, p.Serial, p.Tokens, p.PleaseTokens, p.SendSize, p.ReceiveSize,
		p.Concatenation, p.Simplex})
	s.own = nil
	if r := &p.Reference; len(r.Calling)+len(r.Called)+len(r.Common)+len(r.Additional)+len(p.UserData) > 0 {
		s.own = &own{*r, p.UserData}
	}
}

// parameters returns what agree took over.
func (s *Session) parameters() Parameters {
	t := s.terms.Value()
	p := Parameters{Calling: t.calling, Called: t.called, Responding: t.responding, Units: t.units, Version: t.version, Serial: t.serial, Tokens: t.tokens,
		PleaseTokens: t.pleaseTokens, SendSize: t.sendSize, ReceiveSize: t.receiveSize, Concatenation: t.concatenation, Simplex: t.simplex}
	if s.own != nil {
		p.Reference, p.UserData = s.own.reference, s.own.userData
	}
	return p
}

func (s *Session) userData() []byte {
	if s.own == nil {
		return nil
	}
	return s.own.userData
}
