package drive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto"
)

// A verb is what a line can do.
type verb struct {
	usage   string
	what    string
	needs   bool // a session
	answers bool // an indication
	run     func(p *Player, ctx context.Context, l *line) error
	confirm func(l *line) string // of a confirmed service: the name of the confirm
}

func always(name string) func(*line) string { return func(*line) string { return name } }

// verbs is filled by init, since what it runs refers back to it.
var verbs map[string]verb

// Verbs lists the words that a line may begin with.
func Verbs() []string { return slices.Sorted(maps.Keys(verbs)) }

// usageWidth is how wide the first column of Usage is; what is wider has a line of its own.
const usageWidth = 40

// Usage says what lines there are.
func Usage() string {
	var b strings.Builder
	for _, name := range Verbs() {
		v := verbs[name]
		usage := strings.TrimSpace(name + " " + v.usage)
		if len(usage) > usageWidth {
			usage += fmt.Sprintf("\n  %-*s", usageWidth, "")
		}
		fmt.Fprintf(&b, "  %-*s %s\n", usageWidth, usage, v.what)
	}
	return b.String()
}

// check finds what is wrong with a line before anything is done.
func check(l *line) error {
	if _, ok := verbs[l.verb]; !ok {
		return fmt.Errorf("%q is no request, response or other line that there is; help lists them", l.verb)
	}
	if l.verb == "expect" && len(l.words) == 0 {
		return errors.New("expect what?")
	}
	return nil
}

const placesUsage = "[here=TOKENS] [there=TOKENS] [choose=TOKENS]"

func init() {
	verbs = map[string]verb{
		"connect": {usage: "[simplex] [fu=UNITS] [KEY=VALUE...] [\"DATA\"]", what: "S-CONNECT request", run: (*Player).connect},
		"accept":  {usage: "[fu=UNITS] [KEY=VALUE...] [\"DATA\"]", what: "S-CONNECT response", run: (*Player).accept},
		"refuse":  {usage: "[REASON] [\"DATA\"]", what: "S-CONNECT response, negative", run: (*Player).refuse},

		"data":      {usage: "\"DATA\"", what: "S-DATA request", needs: true, run: simple("S-DATA request", (*tenuto.Session).Send)},
		"typed":     {usage: "\"DATA\"", what: "S-TYPED-DATA request", needs: true, run: simple("S-TYPED-DATA request", (*tenuto.Session).SendTyped)},
		"expedited": {usage: "\"DATA\"", what: "S-EXPEDITED-DATA request", needs: true, run: simple("S-EXPEDITED-DATA request", (*tenuto.Session).SendExpedited)},
		"capability": {usage: "[\"DATA\"]", what: "S-CAPABILITY-DATA request", needs: true, confirm: always("capability-data"),
			run: simple("S-CAPABILITY-DATA request", (*tenuto.Session).SendCapability)},
		"capability-response": {usage: "[\"DATA\"]", what: "S-CAPABILITY-DATA response", needs: true, answers: true,
			run: simple("S-CAPABILITY-DATA response", (*tenuto.Session).RespondCapability)},

		"give":         {usage: "TOKENS [\"DATA\"]", what: "S-TOKEN-GIVE request", needs: true, run: withTokens("S-TOKEN-GIVE", (*tenuto.Session).GiveTokens)},
		"please":       {usage: "TOKENS [\"DATA\"]", what: "S-TOKEN-PLEASE request", needs: true, run: withTokens("S-TOKEN-PLEASE", (*tenuto.Session).PleaseTokens)},
		"give-control": {usage: "[\"DATA\"]", what: "S-CONTROL-GIVE request", needs: true, run: simple("S-CONTROL-GIVE request", (*tenuto.Session).GiveControl)},

		"sync-minor": {usage: "[optional] [separated] [\"DATA\"]", what: "S-SYNC-MINOR request", needs: true, run: (*Player).syncMinor},
		"sync-major": {usage: "[\"DATA\"]", what: "S-SYNC-MAJOR request", needs: true, run: numbered("S-SYNC-MAJOR", (*tenuto.Session).SyncMajor), confirm: always("sync-major")},
		"confirm":    {usage: "SERIAL [\"DATA\"]", what: "S-SYNC-MINOR or S-SYNC-MAJOR response", needs: true, answers: true, run: (*Player).confirmSync},

		"resync": {usage: "restart N | set N | abandon " + placesUsage + " [\"DATA\"]", what: "S-RESYNCHRONIZE request", needs: true, run: (*Player).resync,
			confirm: always("resynchronize")},
		"resync-response": {usage: "[SERIAL] [here=TOKENS] [\"DATA\"]", what: "S-RESYNCHRONIZE response", needs: true, answers: true, run: (*Player).resyncResponse},

		"activity": {usage: "start ID | resume ID old=ID serial=N | interrupt | discard | end", what: "S-ACTIVITY-START request, and so on", needs: true,
			run: (*Player).activity, confirm: activityConfirm},
		"activity-response": {usage: "[\"DATA\"]", what: "S-ACTIVITY-INTERRUPT, -DISCARD or -END response", needs: true, answers: true, run: (*Player).activityResponse},
		"exception":         {usage: "[REASON] [\"DATA\"]", what: "S-U-EXCEPTION-REPORT request", needs: true, run: (*Player).exception},

		"release":          {usage: "[\"DATA\"]", what: "S-RELEASE request", needs: true, run: simple("S-RELEASE request", (*tenuto.Session).Release), confirm: always("release")},
		"release-response": {usage: "[\"DATA\"]", what: "S-RELEASE response", needs: true, answers: true, run: simple("S-RELEASE response", (*tenuto.Session).RespondRelease)},
		"release-refuse":   {usage: "[\"DATA\"]", what: "S-RELEASE response, negative", needs: true, answers: true, run: simple("S-RELEASE response, negative", (*tenuto.Session).RefuseRelease)},
		"abort":            {usage: "[\"DATA\"]", what: "S-U-ABORT request", needs: true, run: (*Player).abort},

		"cork":   {what: "let SPDUs wait to share a TSDU", needs: true, run: (*Player).cork},
		"uncork": {what: "send what waits, and let nothing wait any more", needs: true, run: (*Player).uncork},

		"expect": {usage: "PRIMITIVE [indication|confirm] [PART...]", what: "what must come in next", run: func(p *Player, ctx context.Context, l *line) error { return p.expectAny(ctx, l) }},
		"wait":   {usage: "TIME", what: "wait so long", run: (*Player).wait},
	}
}

// expectAny is expect; an S-CONNECT indication is waited for, and not answered.
func (p *Player) expectAny(ctx context.Context, l *line) error {
	if l.word(0) == "connect" && p.o.Next != nil {
		if err := p.incoming(ctx); err != nil {
			return err
		}
		if e := newEvent(connectText("indication", p.in.Parameters())); !e.matches(l) {
			return fmt.Errorf("got %s", e.text)
		}
		return nil
	}
	if !slices.ContainsFunc(p.queue, func(e event) bool { return !e.passed }) { // nothing is left of a session that has ended
		if err := p.connected(); err != nil && len(p.queue) == 0 {
			return err
		}
	}
	return p.expect(ctx, l)
}

// requestText shows a request as the line has it.
func requestText(name string, l *line) string {
	parts := slices.Clone(l.words)
	for _, key := range slices.Sorted(maps.Keys(l.set)) {
		parts = append(parts, key+"="+l.set[key])
	}
	if d := dataPart(l.data); d != "" {
		parts = append(parts, d)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// simple runs a primitive that has user data alone.
func simple(name string, f func(*tenuto.Session, context.Context, []byte) error) func(*Player, context.Context, *line) error {
	return func(p *Player, ctx context.Context, l *line) error {
		if err := l.allow(0); err != nil {
			return err
		}
		return p.ask(name, l, func() error { return f(p.session, ctx, l.data) })
	}
}

// ask shows a request, and makes it.
func (p *Player) ask(name string, l *line, f func() error) error {
	p.show(true, requestText(name, l))
	return f()
}

func withTokens(name string, f func(*tenuto.Session, context.Context, tenuto.Tokens, []byte) error) func(*Player, context.Context, *line) error {
	return func(p *Player, ctx context.Context, l *line) error {
		if err := l.allow(1); err != nil {
			return err
		}
		t, err := tokens(l.word(0))
		if err != nil {
			return err
		}
		return p.ask(name+" request", l, func() error { return f(p.session, ctx, t, l.data) })
	}
}

// numbered runs a primitive that returns a serial number.
func numbered(name string, f func(*tenuto.Session, context.Context, []byte) (uint32, error)) func(*Player, context.Context, *line) error {
	return simple(name+" request", func(s *tenuto.Session, ctx context.Context, data []byte) error {
		_, err := f(s, ctx, data)
		return err
	})
}

func (p *Player) cork(_ context.Context, l *line) error {
	if err := l.allow(0); err != nil {
		return err
	}
	p.session.Cork()
	return nil
}

func (p *Player) uncork(ctx context.Context, l *line) error {
	if err := l.allow(0); err != nil {
		return err
	}
	return p.session.Uncork(ctx)
}

func (p *Player) abort(ctx context.Context, l *line) error {
	if err := l.allow(0); err != nil {
		return err
	}
	if err := p.ask("S-U-ABORT request", l, func() error { return p.session.Abort(l.data) }); err != nil {
		return err
	}
	p.untilEnd(ctx)
	return nil
}

func (p *Player) wait(ctx context.Context, l *line) error {
	d, err := time.ParseDuration(l.word(0))
	if err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
	return nil
}
