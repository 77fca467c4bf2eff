package tenuto

import (
	"testing"

	"github.com/tenuto-session/tenuto/spm"
	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// TestLateExpedited: expedited data that overtake what they were sent behind are delivered after it, each as it was sent.
func TestLateExpedited(t *testing.T) {
	// AC arrives last.
	ta, tb := transporttest.Pipe(transporttest.Options{})
	done := make(chan *Session, 1)
	go func() {
		s, err := connect(bg, ta, &Config{Units: Duplex | Expedited})
		if err != nil {
			t.Errorf("connect: %v", err)
		}
		done <- s
	}()
	peer := &hostile{t, tb, bg}
	peer.hears()
	peer.says("!05 00 31; !05 00 32; 0E 0C 05 06 13 01 00 16 01 02 14 02 00 06")
	gets(t, <-done, ExpeditedInd{[]byte("1")}, ExpeditedInd{[]byte("2")})
	ta.Disconnect(transport.ReasonNormal)

	// MAA, AEA, AIA, ADA and RA do.
	c := &Config{Units: HalfDuplex | Expedited | MinorSync | MajorSync | Resync | Activity}
	for name, row := range map[string]struct {
		ask, answer func(s *Session) error
		first       Indication
	}{
		"MAA": {func(s *Session) error { _, err := s.SyncMajor(bg, nil); return err },
			func(s *Session) error { return s.ConfirmSync(bg, 1, nil) }, SyncMajorCnf{1, nil}},
		"AEA": {func(s *Session) error { _, err := s.EndActivity(bg, nil); return err },
			func(s *Session) error { return s.RespondEnd(bg, nil) }, ActivityEndCnf{1, nil}},
		"AIA": {func(s *Session) error { return s.InterruptActivity(bg, 0, nil) },
			func(s *Session) error { return s.RespondInterrupt(bg, nil) }, ActivityInterruptCnf{}},
		"ADA": {func(s *Session) error { return s.DiscardActivity(bg, 0, nil) },
			func(s *Session) error { return s.RespondDiscard(bg, nil) }, ActivityDiscardCnf{}},
		"RA": {func(s *Session) error { return s.Resynchronize(bg, Abandon, 0, TokenSettings{}, nil) },
			func(s *Session) error { return s.RespondResync(bg, 1, 0, nil) }, ResyncCnf{1, DataToken | MinorToken | MajorToken, nil}},
	} {
		l := open(t, transporttest.Options{}, c, c)
		try(t, l.a.StartActivity(bg, []byte("A"), nil), name)
		gets(t, l.b, ActivityStartInd{[]byte("A"), nil})
		try(t, row.ask(l.a), name)
		next(t, l.b)
		try(t, row.answer(l.b), name)
		for _, b := range []string{"one", "two"} {
			try(t, l.b.SendExpedited(bg, []byte(b)), name)
		}
		gets(t, l.a, row.first, ExpeditedInd{[]byte("one")}, ExpeditedInd{[]byte("two")})
		if len(l.a.expedited.late) > 0 || l.a.m.Queued(spm.EX) > 0 {
			t.Errorf("%s: %v stay", name, l.a.expedited.late)
		}
	}
}
