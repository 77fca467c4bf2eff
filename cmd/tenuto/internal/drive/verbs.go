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

func (p *Player) connect(ctx context.Context, l *line) error {
	if p.o.Dial == nil {
		return errors.New("a listener does not connect")
	}
	p.untilEnd(ctx)
	if p.session != nil {
		return errors.New("there is a session already")
	}
	c, err := l.config()
	if err != nil {
		return err
	}
	c.Trace = p.trace
	p.show(true, requestText("S-CONNECT request", l))
	s, err := p.o.Dial(ctx, c)
	var refused *tenuto.RefusedError
	if errors.As(err, &refused) {
		e := newEvent(fmt.Sprintf("S-CONNECT confirm(refused=%q%s)", refused.Reason, comma(dataPart(refused.Data))))
		p.show(false, e.text)
		p.queue, p.began = append(p.queue, e), true
		return p.failUnlessExpected(e)
	}
	if err != nil {
		return err
	}
	e := newEvent(connectText("confirm", s.Parameters()))
	e.passed = true
	p.show(false, e.text)
	p.queue = append(p.queue, e)
	p.start(s)
	return nil
}

// failUnlessExpected makes a refusal an error, unless the next line of the script expects a confirm of S-CONNECT.
func (p *Player) failUnlessExpected(e event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next := p.at + 1; next < len(p.script) && p.script[next].verb == "expect" && p.script[next].word(0) == "connect" {
		return nil
	}
	return errors.New(e.text)
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

// connectText is the notation of an S-CONNECT indication or confirm.
func connectText(kind string, c tenuto.Parameters) string {
	parts := []string{"fu=" + strings.ReplaceAll(c.Units.String(), "+", ","), fmt.Sprintf("version=%d", uint8(c.Version))}
	for _, sel := range []struct{ name, v string }{{"called", c.Called}, {"calling", c.Calling}} {
		if sel.v != "" {
			parts = append(parts, fmt.Sprintf("%s=%q", sel.name, sel.v))
		}
	}
	if s := c.Tokens.String(); s != "" {
		parts = append(parts, s)
	}
	if c.Simplex {
		parts = append(parts, "simplex")
	}
	if c.Serial != 0 {
		parts = append(parts, fmt.Sprintf("serial=%d", c.Serial))
	}
	if d := dataPart(c.UserData); d != "" {
		parts = append(parts, d)
	}
	return fmt.Sprintf("S-CONNECT %s(%s)", kind, strings.Join(parts, ", "))
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

// incoming waits for an S-CONNECT indication.
func (p *Player) incoming(ctx context.Context) error {
	switch {
	case p.o.Next == nil:
		return errors.New("only a listener is connected to")
	case p.in != nil:
		return nil
	}
	p.untilEnd(ctx)
	if p.session != nil {
		return errors.New("there is a session already")
	}
	if p.o.Terminal || !p.began {
		ctx = p.ctx // a listener waits for its first peer as long as it takes
	}
	in, err := p.o.Next(ctx)
	if err != nil {
		return err
	}
	p.in = in
	p.show(false, connectText("indication", in.Parameters()))
	return nil
}

func (p *Player) accept(ctx context.Context, l *line) error {
	c, err := l.config()
	if err != nil {
		return err
	}
	if err := p.incoming(ctx); err != nil {
		return err
	}
	if c.Units == 0 {
		c.Units = p.in.Parameters().Units
	}
	if l.set["concatenation"] == "" {
		c.Concatenation = p.in.Parameters().Concatenation
	}
	c.Trace = p.trace
	p.show(true, requestText("S-CONNECT response", l))
	s, err := p.in.Accept(ctx, c)
	if err != nil {
		return err
	}
	p.in = nil
	p.start(s)
	return nil
}

var refusals = map[string]tenuto.RefuseReason{"": tenuto.RefusedByUser, "congestion": tenuto.RefusedCongestion, "unknown": tenuto.RefusedServiceUnknown,
	"not-there": tenuto.RefusedServiceNotThere}

func (p *Player) refuse(ctx context.Context, l *line) error {
	if err := l.allow(1); err != nil {
		return err
	}
	r, ok := refusals[l.word(0)]
	if !ok {
		return fmt.Errorf("no reason %q (there are congestion, unknown and not-there)", l.word(0))
	}
	if err := p.incoming(ctx); err != nil {
		return err
	}
	p.show(true, requestText("S-CONNECT response, negative", l))
	err := p.in.Refuse(r, l.data)
	p.in, p.began = nil, true
	return err
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
