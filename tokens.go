package tenuto

import (
	"context"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
	"github.com/tenuto-session/tenuto/spm"
)

// Tokens is a set of tokens. Which there are follows from the functional units: the data token from HalfDuplex, the minor token from
// MinorSync, the major token from MajorSync or Activity, the release token from NegotiatedRelease.
type Tokens = spdu.Tokens

// The tokens (X.215).
const (
	DataToken    = spdu.DataToken
	MinorToken   = spdu.MinorToken   // synchronize-minor
	MajorToken   = spdu.MajorToken   // major/activity
	ReleaseToken = spdu.ReleaseToken // release
)

// TokenSettings says where tokens are to be, as seen from this side. Those that are in none of the sets are at the initiator, when a
// session is connected, and stay where they are in a resynchronization.
type TokenSettings struct {
	Here   Tokens
	There  Tokens
	Choose Tokens // at the side that the peer chooses in its answer
}

func (t TokenSettings) String() string {
	var parts []string
	for _, p := range []struct {
		name string
		set  Tokens
	}{{"here", t.Here}, {"there", t.There}, {"choose", t.Choose}} {
		if p.set != 0 {
			parts = append(parts, p.name+"="+strings.ReplaceAll(p.set.String(), "+", ","))
		}
	}
	return strings.Join(parts, ", ")
}

// over puts the settings over others; initiator tells which side of the session connection this is.
func (t TokenSettings) over(s spdu.TokenSetting, initiator bool) spdu.TokenSetting {
	here, there := spdu.AtInitiator, spdu.AtResponder
	if !initiator {
		here, there = there, here
	}
	return s.With(t.Here, here).With(t.There, there).With(t.Choose, spdu.CalledChooses)
}

// settingsOf shows the settings of those tokens that there are.
func settingsOf(s spdu.TokenSetting, available Tokens, initiator bool) (t TokenSettings) {
	for i := range 4 {
		k := Tokens(1) << (2 * i)
		switch at := s.Of(k); {
		case available&k == 0:
		case at == spdu.CalledChooses:
			t.Choose |= k
		case (at == spdu.AtInitiator) == initiator:
			t.Here |= k
		default:
			t.There |= k
		}
	}
	return t
}

// choose answers what a setting leaves to this side: the tokens in take are here, the others at the peer.
func choose(s spdu.TokenSetting, take Tokens, initiator bool) spdu.TokenSetting {
	for i := range 4 {
		k := Tokens(1) << (2 * i)
		if at := s.Of(k); at != spdu.AtInitiator && at != spdu.AtResponder {
			t := TokenSettings{There: k}
			if take&k != 0 {
				t = TokenSettings{Here: k}
			}
			s = t.over(s, initiator)
		}
	}
	return s
}

// Tokens returns the tokens that there are, and those of them that are here.
func (s *Session) Tokens() (available, owned Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Tokens()
}

// GiveTokens is the S-TOKEN-GIVE request: the tokens, which are here, go to the peer. data, at most MaxUserData octets, want protocol version 2.
func (s *Session) GiveTokens(ctx context.Context, t Tokens, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SGTreq, Tokens: t}, spdu.GT{Tokens: t, UserData: data}))
	return err
}

// PleaseTokens is the S-TOKEN-PLEASE request: the peer is asked for the tokens.
func (s *Session) PleaseTokens(ctx context.Context, t Tokens, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SPTreq, Tokens: t}, spdu.PT{Tokens: t, UserData: data}))
	return err
}

// GiveControl is the S-CONTROL-GIVE request: all tokens, which are here, go to the peer. It wants Activity, and no activity in progress. data
// want protocol version 2.
func (s *Session) GiveControl(ctx context.Context, data []byte) error {
	_, err := s.request(ctx, data, as(spm.Event{Kind: spm.SCGreq}, spdu.GTC{UserData: data}))
	return err
}
