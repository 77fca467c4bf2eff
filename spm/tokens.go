package spm

import "github.com/tenuto-session/tenuto/spdu"

// tokenVars is the token position (x225 1.4).
type tokenVars struct {
	Available, Owned spdu.Tokens
}

const allTokens = spdu.DataToken | spdu.MinorToken | spdu.MajorToken | spdu.ReleaseToken

// mayAct is I(t): each token is not available or owned.
func (t *tokenVars) mayAct(set spdu.Tokens) bool { return set&t.Available&^t.Owned == 0 }

// otherMayAct is A(t): each token is not available or not owned.
func (t *tokenVars) otherMayAct(set spdu.Tokens) bool { return set&t.Available&t.Owned == 0 }

// has is II(t): each token is available and owned.
func (t *tokenVars) has(set spdu.Tokens) bool { return set&^(t.Available&t.Owned) == 0 }

// otherHas is AA(t): each token is available and not owned.
func (t *tokenVars) otherHas(set spdu.Tokens) bool { return set&^(t.Available&^t.Owned) == 0 }

// TokensOf returns the tokens that functional units make available (x225 1.4).
func TokensOf(u spdu.Units) (t spdu.Tokens) {
	for _, k := range [...]struct {
		token spdu.Tokens
		units spdu.Units
	}{
		{spdu.DataToken, spdu.HalfDuplex},
		{spdu.MinorToken, spdu.MinorSync},
		{spdu.MajorToken, spdu.MajorSync | spdu.Activity},
		{spdu.ReleaseToken, spdu.NegotiatedRelease},
	} {
		if u&k.units != 0 {
			t |= k.token
		}
	}
	return t
}

// tokensOf is the position that a setting gives to the initiator of the session connection, or to the responder.
func tokensOf(u spdu.Units, s spdu.TokenSetting, initiator bool) (t tokenVars) {
	t.Available = TokensOf(u)
	for i := range 4 {
		if k := spdu.Tokens(1) << (2 * i); (s.Of(k) == spdu.AtInitiator) == initiator {
			t.Owned |= k & t.Available
		}
	}
	return t
}
