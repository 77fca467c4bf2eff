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

func (t *tokenVars) set(u spdu.Units, s spdu.TokenSetting, initiator bool) {
	*t = tokenVars{}
	for _, k := range [...]struct {
		token spdu.Tokens
		units spdu.Units
	}{
		{spdu.DataToken, spdu.HalfDuplex},
		{spdu.MinorToken, spdu.MinorSync},
		{spdu.MajorToken, spdu.MajorSync | spdu.Activity},
		{spdu.ReleaseToken, spdu.NegotiatedRelease},
	} {
		if u&k.units == 0 {
			continue
		}
		t.Available |= k.token
		if (s.Of(k.token) == spdu.AtInitiator) == initiator {
			t.Owned |= k.token
		}
	}
}
