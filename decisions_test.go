package tenuto

import (
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// accepted meets a hostile who dials, and accepts it with all units.
func accepted(t *testing.T, over string, units Units, says ...string) (*hostile, *Session, string) {
	t.Helper()
	h, tc := meet(t, over, true)
	first := cn(t, func(p *spdu.CN) {
		p.Units = units
		p.Serial = spdu.Serial{N: 1, Present: numbered(units)}
	})
	if len(says) > 0 {
		first = says[0]
	}
	h.says(first)
	in, err := readConnect(h.c, tc, &Config{Units: allUnits})
	try(t, err, "the S-CONNECT indication")
	s, err := in.Accept(bg, &Config{Units: allUnits})
	try(t, err, "Accept")
	return h, s, h.hears()
}

// TestReservedUnits: bits of the requirements that X.225 (11/95) reserves are no units, and symmetric synchronize is not selected.
func TestReservedUnits(t *testing.T) {
	_, s, ac := accepted(t, "pipe", 0, "0D 0C 05 06 13 01 00 16 01 02 14 02 E8 0A")
	if s.Units() != Duplex|MinorSync || !strings.Contains(ac, "14 02 00 0A") {
		t.Errorf("units %v, AC %s", s.Units(), ac)
	}
}

// TestUpperLimit: an upper limit serial number and large initial serial numbers are read and not heeded: AC has none, and the numbers go to 999999.
func TestUpperLimit(t *testing.T) {
	h, s, ac := accepted(t, "pipe", 0, "0D 17 05 11 13 01 00 16 01 02 17 01 37 38 01 03 39 03 01 02 03 14 02 00 0A")
	if strings.Contains(ac, "38 01") || strings.Contains(ac, "39 03") || s.m.Next() != 7 {
		t.Errorf("AC %s, next number %d", ac, s.m.Next())
	}
	h.says("01 00 31 03 2A 01 37")
	gets(t, s, SyncMinorInd{0, 7, nil})
}

// TestFlows: of SPDUs that are not for the expedited flow alone, ABORT, ABORT ACCEPT and REFUSE are taken there too.
func TestFlows(t *testing.T) {
	for _, over := range []string{"pipe/expedited", "osi/expedited"} {
		for says, err := range map[string]string{
			"!0A 00":                 "spdu: DN: on the expedited flow, at octet 0 (x225 3.1)",
			"!01 00 01 00":           "spdu: DT: on the expedited flow, at octet 2 (x225 3.1)",
			"!16 00":                 "spdu: GTA: on the expedited flow, at octet 0 (x225 3.1)",
			"!1A 00":                 "spdu: AA: not allowed in state 713, at octet 0 (X.225 Annex A)",
			"!0C 00":                 "spdu: RF: not allowed in state 713, at octet 0 (X.225 Annex A)",
			"!07 03 18 01 02; 0A 00": "spdu: DN: not allowed in state 15B, at octet 0 (X.225 Annex A)",
		} {
			h, s, _ := accepted(t, over, Duplex)
			h.says(says)
			if _, got := s.Receive(h.c); got == nil || got.Error() != aborted+err {
				t.Errorf("%s: %v", says, got)
			}
		}
		h, tc := meet(t, over, false)
		go func() {
			h.hears()
			h.says("!0C 03 32 01 81")
		}()
		if _, err := connect(bg, tc, nil); err == nil || !strings.Contains(err.Error(), "selector unknown") {
			t.Errorf("RF on the expedited flow: %v", err)
		}
	}
}

// TestRAWithoutSetting: tokens that RS leaves to the peer stay where they are if RA does not say; where RS says, RA need not.
func TestRAWithoutSetting(t *testing.T) {
	h, s, _ := accepted(t, "pipe", HalfDuplex|MinorSync|Resync)
	h.says("01 03 10 01 01") // the data token comes here, the minor token stays there
	gets(t, s, TokenGiveInd{DataToken, nil})
	try(t, s.Resynchronize(bg, Restart, 1, TokenSettings{Choose: DataToken | MinorToken}, nil), "Resynchronize")
	h.hears()
	h.says("02 00 22 03 2A 01 31")
	gets(t, s, ResyncCnf{1, DataToken, nil})
	try(t, s.Resynchronize(bg, Restart, 1, TokenSettings{Here: MinorToken, There: DataToken}, nil), "Resynchronize")
	h.hears()
	h.says("02 00 22 03 2A 01 31")
	gets(t, s, ResyncCnf{1, MinorToken, nil})
}

// TestRSWithoutSetting: an RS that does not say where the tokens go leaves them where they are.
func TestRSWithoutSetting(t *testing.T) {
	h, s, _ := accepted(t, "pipe", HalfDuplex|MinorSync|Resync)
	h.says("01 03 10 01 01; 01 00 35 06 1B 01 01 2A 01 31")
	gets(t, s, TokenGiveInd{DataToken, nil}, ResyncInd{Abandon, 1, TokenSettings{Here: DataToken, There: MinorToken}, nil})
}

// TestNoRestart: who waits for the confirm of a major synchronization point may abandon it or set another number, and not restart.
func TestNoRestart(t *testing.T) {
	c := &Config{Units: Duplex | MajorSync | Resync}
	l := open(t, pipes["normal"], c, c)
	_, err := l.a.SyncMajor(bg, nil)
	try(t, err, "SyncMajor")
	refused(t, l.a.Resynchronize(bg, Restart, 0, TokenSettings{}, nil), "S-RESYNCHRONIZE request (restart): not allowed now: spm: SRSYNreq(r): invalid in state 04A")
	try(t, l.a.Resynchronize(bg, Set, 5, TokenSettings{}, nil), "set")
}

// TestProviderException: ER is the S-P-EXCEPTION-REPORT indication, and what the indicated user has to clear. This side sends none.
func TestProviderException(t *testing.T) {
	h, s, _ := accepted(t, "pipe", HalfDuplex|Exceptions)
	h.says("01 03 10 01 01; 02 00 00 04 31 02 01 00")
	gets(t, s, TokenGiveInd{DataToken, nil}, ExceptionInd{Provider: true})
	refused(t, s.Send(bg, []byte("x")), "S-DATA request: not allowed now: spm: SDTreq: invalid in state 20")
	try(t, s.GiveTokens(bg, DataToken, nil), "GiveTokens")
	if got := h.hears(); got != "01 03 10 01 01" {
		t.Errorf("the peer hears %s", got)
	}
}

// TestDataSeparation: who has set a minor synchronization point with data separation gets what the peer sent before it heard of the
// resynchronization; without, it is dropped.
func TestDataSeparation(t *testing.T) {
	c := &Config{Units: Duplex | MinorSync | Resync | DataSeparation}
	for name, o := range pipes {
		for _, kind := range []SyncType{Separated, 0} {
			l := open(t, o, c, c)
			_, err := l.a.SyncMinor(bg, kind, nil)
			try(t, err, name)
			gets(t, l.b, SyncMinorInd{kind, 0, nil})
			try(t, l.b.Send(bg, []byte("kept")), name)
			try(t, l.a.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil), name)
			if kind == Separated {
				gets(t, l.a, Data{[]byte("kept"), true})
			}
			next(t, l.b)
			try(t, l.b.RespondResync(bg, 0, 0, nil), name)
			gets(t, l.a, ResyncCnf{1, MinorToken, nil})
		}
	}
}

// TestBeforeResponse: a session is not read from before the user has responded. What a peer says too soon is looked at then, as if it had come later.
func TestBeforeResponse(t *testing.T) {
	for over := range hostiles {
		h, tc := meet(t, over, true)
		h.says(cn(t, nil) + "; 01 00 01 00 61; 0A 00")
		in, err := readConnect(h.c, tc, nil)
		try(t, err, "the S-CONNECT indication")
		s, err := in.Accept(bg, nil)
		try(t, err, "Accept")
		gets(t, s, Data{[]byte("a"), true})
		wantAbort(t, s, Provider, false, ReasonProtocolError, over)
	}
}
