package tenuto

import (
	"testing"
)

// TestAnchors: what makes void what was sent before it does not withdraw what it is about, nor an answer.
func TestAnchors(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: HalfDuplex | MinorSync | MajorSync | Activity | Resync})
		a, b := open(t, ca, cb)
		all := DataToken | MinorToken | MajorToken
		try(t, a.StartActivity(bg, []byte("A"), nil), "start")
		try(t, a.Resynchronize(bg, Set, 7, TokenSettings{}, nil), "resynchronize")
		gets(t, b, ActivityStartInd{ID: []byte("A")}, ResyncInd{Type: Set, Serial: 7, Tokens: TokenSettings{There: all}})

		try(t, b.RespondResync(bg, 7, 0, nil), "answer")
		try(t, b.Resynchronize(bg, Set, 9, TokenSettings{}, nil), "resynchronize back")
		gets(t, a, ResyncCnf{7, all, nil}, ResyncInd{Type: Set, Serial: 9, Tokens: TokenSettings{Here: all}})
		try(t, a.RespondResync(bg, 9, 0, nil), "answer")
		gets(t, b, ResyncCnf{9, 0, nil})

		_, err := a.SyncMajor(bg, nil)
		try(t, err, "major point")
		gets(t, b, SyncMajorInd{9, nil})
		try(t, b.ConfirmSync(bg, 9, nil), "confirm")
		try(t, b.Resynchronize(bg, Set, 20, TokenSettings{}, nil), "resynchronize after the confirm")
		gets(t, a, SyncMajorCnf{9, nil}, ResyncInd{Type: Set, Serial: 20, Tokens: TokenSettings{Here: all}})
		try(t, a.RespondResync(bg, 20, 0, nil), "answer")
		gets(t, b, ResyncCnf{20, 0, nil})

		try(t, a.InterruptActivity(bg, NoSpecificReason, nil), "interrupt")
		gets(t, b, ActivityInterruptInd{})
		try(t, b.RespondInterrupt(bg, nil), "answer")
		gets(t, a, ActivityInterruptCnf{})
		try(t, a.ResumeActivity(bg, []byte("B"), Resume{ID: []byte("A"), Serial: 19}, nil), "resume")
		try(t, a.DiscardActivity(bg, NoSpecificReason, nil), "discard")
		gets(t, b, ActivityResumeInd{ID: []byte("B"), Resume: Resume{ID: []byte("A"), Serial: 19}}, ActivityDiscardInd{})
	})
}

// TestAnchoredAnswers: what a side sends right behind its answer does not withdraw that.
func TestAnchoredAnswers(t *testing.T) {
	transports(t, func(t *testing.T, open opener) {
		ca, cb := both(Config{Units: Duplex | MinorSync | Resync | NegotiatedRelease, Serial: 3})
		a, b := open(t, ca, cb)
		try(t, b.Resynchronize(bg, Set, 30, TokenSettings{}, nil), "resynchronize")
		gets(t, a, ResyncInd{Type: Set, Serial: 30, Tokens: TokenSettings{Here: MinorToken | ReleaseToken}})
		try(t, a.RespondResync(bg, 30, 0, nil), "answer")
		gets(t, b, ResyncCnf{30, 0, nil})

		try(t, a.Release(bg, nil), "release")
		gets(t, b, ReleaseInd{})
		try(t, b.RefuseRelease(bg, nil), "refusal")
		try(t, b.Resynchronize(bg, Set, 40, TokenSettings{}, nil), "resynchronize right behind NF")
		gets(t, a, ReleaseCnf{Refused: true}, ResyncInd{Type: Set, Serial: 40, Tokens: TokenSettings{Here: MinorToken | ReleaseToken}})
		try(t, a.RespondResync(bg, 40, 0, nil), "answer")
		gets(t, b, ResyncCnf{40, 0, nil})
	})
}
