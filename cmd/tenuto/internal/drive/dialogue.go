package drive

import (
	"context"
	"fmt"

	"github.com/tenuto-session/tenuto"
)

func (p *Player) syncMinor(ctx context.Context, l *line) error {
	if err := l.allow(2); err != nil {
		return err
	}
	var t tenuto.SyncType
	for _, w := range l.words {
		switch w {
		case "explicit":
		case "optional":
			t |= tenuto.Optional
		case "separated":
			t |= tenuto.Separated
		default:
			return fmt.Errorf("%q is none of explicit, optional and separated", w)
		}
	}
	return p.ask("S-SYNC-MINOR request", l, func() error {
		_, err := p.session.SyncMinor(ctx, t, l.data)
		return err
	})
}

func (p *Player) confirmSync(ctx context.Context, l *line) error {
	if err := l.allow(1); err != nil {
		return err
	}
	n, err := l.number32("confirm", l.word(0))
	if err != nil {
		return err
	}
	return p.ask("S-SYNC response", l, func() error { return p.session.ConfirmSync(ctx, n, l.data) })
}

func (p *Player) resync(ctx context.Context, l *line) error {
	if err := l.allow(2, "here", "there", "choose"); err != nil {
		return err
	}
	t, ok := map[string]tenuto.ResyncType{"restart": tenuto.Restart, "set": tenuto.Set, "abandon": tenuto.Abandon}[l.word(0)]
	if !ok {
		return fmt.Errorf("%q is none of restart, set and abandon", l.word(0))
	}
	var n uint32
	var err error
	if t != tenuto.Abandon {
		if n, err = l.number32(l.word(0), l.word(1)); err != nil {
			return err
		}
	}
	places, err := l.settings()
	if err != nil {
		return err
	}
	return p.ask("S-RESYNCHRONIZE request", l, func() error { return p.session.Resynchronize(ctx, t, n, places, l.data) })
}

func (p *Player) resyncResponse(ctx context.Context, l *line) error {
	if err := l.allow(1, "here"); err != nil {
		return err
	}
	var n uint32
	var err error
	if w := l.word(0); w != "" {
		if n, err = l.number32("resync-response", w); err != nil {
			return err
		}
	} else if i, ok := p.latest.(tenuto.ResyncInd); ok {
		n = i.Serial
	}
	take, err := tokens(l.set["here"])
	if err != nil {
		return err
	}
	return p.ask("S-RESYNCHRONIZE response", l, func() error { return p.session.RespondResync(ctx, n, take, l.data) })
}

// activityConfirm names the confirm of those activity services that have one.
func activityConfirm(l *line) string {
	switch w := l.word(0); w {
	case "interrupt", "discard", "end":
		return "activity-" + w
	}
	return ""
}

func (p *Player) activity(ctx context.Context, l *line) error {
	s := p.session
	id := []byte(l.word(1))
	switch w := l.word(0); w {
	case "start":
		if err := l.allow(2); err != nil {
			return err
		}
		return p.ask("S-ACTIVITY-START request", l, func() error { return s.StartActivity(ctx, id, l.data) })
	case "resume":
		return p.resume(ctx, l)
	case "interrupt", "discard":
		if err := l.allow(2); err != nil {
			return err
		}
		r, err := reason(l.word(1))
		if err != nil {
			return err
		}
		if w == "discard" {
			return p.ask("S-ACTIVITY-DISCARD request", l, func() error { return s.DiscardActivity(ctx, r, l.data) })
		}
		return p.ask("S-ACTIVITY-INTERRUPT request", l, func() error { return s.InterruptActivity(ctx, r, l.data) })
	case "end":
		if err := l.allow(1); err != nil {
			return err
		}
		return p.ask("S-ACTIVITY-END request", l, func() error {
			_, err := s.EndActivity(ctx, l.data)
			return err
		})
	default:
		return fmt.Errorf("%q is none of start, resume, interrupt, discard and end", w)
	}
}

func (p *Player) resume(ctx context.Context, l *line) error {
	if err := l.allow(2, "old", "serial", "calling", "called", "common", "additional"); err != nil {
		return err
	}
	var r tenuto.Resume
	var err error
	if r.Serial, err = l.number32("serial", l.set["serial"]); err != nil {
		return err
	}
	for key, v := range map[string]*[]byte{"old": &r.ID, "calling": &r.On.Calling, "called": &r.On.Called, "common": &r.On.Common, "additional": &r.On.Additional} {
		if *v, err = l.octets(key); err != nil {
			return err
		}
	}
	return p.ask("S-ACTIVITY-RESUME request", l, func() error { return p.session.ResumeActivity(ctx, []byte(l.word(1)), r, l.data) })
}

func (p *Player) activityResponse(ctx context.Context, l *line) error {
	if err := l.allow(0); err != nil {
		return err
	}
	s := p.session
	p.mu.Lock()
	latest := p.latest
	p.mu.Unlock()
	switch latest.(type) {
	case tenuto.ActivityInterruptInd:
		return p.ask("S-ACTIVITY-INTERRUPT response", l, func() error { return s.RespondInterrupt(ctx, l.data) })
	case tenuto.ActivityDiscardInd:
		return p.ask("S-ACTIVITY-DISCARD response", l, func() error { return s.RespondDiscard(ctx, l.data) })
	}
	return p.ask("S-ACTIVITY-END response", l, func() error { return s.RespondEnd(ctx, l.data) })
}

func (p *Player) exception(ctx context.Context, l *line) error {
	if err := l.allow(1); err != nil {
		return err
	}
	r, err := reason(l.word(0))
	if err != nil {
		return err
	}
	return p.ask("S-U-EXCEPTION-REPORT request", l, func() error { return p.session.ReportException(ctx, r, l.data) })
}
