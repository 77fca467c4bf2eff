package spdu

import "testing"

func TestTokenSetting(t *testing.T) {
	s := TokenSetting(0).With(DataToken|ReleaseToken, AtResponder).With(MinorToken, CalledChooses)
	if s != 0x49 || s.Of(DataToken) != AtResponder || s.Of(MinorToken) != CalledChooses || s.Of(MajorToken) != AtInitiator {
		t.Errorf("setting %#02x", uint8(s))
	}
	if s := s.With(allTokens, AtInitiator); s != 0 {
		t.Errorf("setting %#02x, want 0", uint8(s))
	}
	for s, want := range map[TokenSetting]string{
		0: "all:initiator", 0x55: "all:responder", 0xaa: "all:chooses", 0xff: "all:reserved",
		0xc9: "data:responder,minor:chooses,major:initiator,release:reserved",
	} {
		if got := s.String(); got != want {
			t.Errorf("%#02x: %s, want %s", uint8(s), got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{ExceptionReason(128).String(), "demand data token"},
		{ExceptionReason(4).String(), "reason 4"},
		{ResyncType(2).String(), "set"},
		{ResyncType(3).String(), "type 3"},
		{SyncType(2).String(), "type 2"},
		{BadSequence.String(), "bad sequence"},
	} {
		if row.got != row.want {
			t.Errorf("%s, want %s", row.got, row.want)
		}
	}
}
