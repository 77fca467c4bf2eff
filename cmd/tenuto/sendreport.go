package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/outbox"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/transfer"
)

// progressEvery is how often a line of JSON tells of an activity's progress.
const progressEvery = time.Second

// A sendReport tells a person, by bars, or a program, by lines of JSON, what tenuto send does. It is an outbox.Watcher.
type sendReport struct {
	ep      *tenuto.Endpoint
	out     io.Writer // lines
	errs    io.Writer // bars and warnings
	asJSON  bool
	started time.Time
	skipped bool // something was not sent

	mu    sync.Mutex
	parts map[*outbox.Activity]*part
	total part
	bars  *mpb.Progress // nil if nobody looks
}

// A part is what the report knows of an activity, or of all.
type part struct {
	bar       *mpb.Bar
	octets    int64     // to be sent
	committed int64     // at the server
	sessions  int       //
	moved     time.Time // zero until something has been committed here
	told      time.Time // of, last
}

func newSendReport(plan *transfer.Plan, ep *tenuto.Endpoint, asJSON bool, out, errs io.Writer) *sendReport {
	r := &sendReport{ep: ep, out: out, errs: errs, asJSON: asJSON, started: time.Now(), parts: map[*outbox.Activity]*part{}}
	r.total.octets = plan.Octets
	if !asJSON && isTerminal(errs) {
		r.bars = mpb.New(mpb.WithOutput(errs), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
		r.total.bar = r.addBar("total", plan.Octets, 1<<20)
	}
	return r
}

// addBar adds a bar; those of lower priority are above.
func (r *sendReport) addBar(name string, octets int64, priority int) *mpb.Bar {
	const most = 28
	if r := []rune(name); len(r) > most {
		name = "…" + string(r[len(r)-most+1:])
	}
	return r.bars.AddBar(octets, mpb.BarPriority(priority), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name, decor.WC{W: most + 1, C: decor.DindentRight}), decor.CountersKibiByte("% .1f / % .1f", decor.WC{W: 22})),
		mpb.AppendDecorators(
			decor.EwmaSpeed(decor.SizeB1024(0), "% .1f", 30, decor.WC{W: 11}),
			decor.EwmaETA(decor.ET_STYLE_GO, 30, decor.WC{W: 8}),
			decor.Any(func(decor.Statistics) string { return fmt.Sprintf("  %d cuts", r.cuts()) })))
}

// cuts is how often the connection was lost.
func (r *sendReport) cuts() (n int) {
	for _, b := range r.ep.Bridges() {
		n += b.Info().Resumes
	}
	return n
}

// An event is a line of JSON. docs/send.md
type event struct {
	Event     string  `json:"event"`
	Activity  string  `json:"activity,omitempty"`
	Name      string  `json:"name,omitempty"`
	Entries   int64   `json:"entries,omitempty"`
	Octets    int64   `json:"octets"`
	Committed int64   `json:"committed"`
	Resumed   int64   `json:"resumed,omitempty"`  // octets that were committed before
	Sessions  int     `json:"sessions,omitempty"` // that it took
	Cuts      int     `json:"cuts"`               // of connections, of all activities
	Seconds   float64 `json:"seconds"`            // since the command began
	Note      string  `json:"note,omitempty"`     // of the receiver
	Resumable bool    `json:"resumable,omitempty"`
	Error     string  `json:"error,omitempty"`
}

// line prints an event. mu is held.
func (r *sendReport) line(e event) {
	if !r.asJSON {
		return
	}
	e.Seconds, e.Cuts = time.Since(r.started).Seconds(), r.cuts()
	b, err := json.Marshal(e)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	fmt.Fprintf(r.out, "%s\n", b)
}

// of is an event about an activity. mu is held.
func (r *sendReport) of(kind string, a *outbox.Activity, p *part) event {
	h := &a.Job.Header
	return event{Event: kind, Activity: fmt.Sprintf("%x", a.ID), Name: h.Name, Entries: h.Entries, Octets: h.Octets, Committed: p.committed,
		Resumed: a.Resumed, Sessions: p.sessions}
}

func (r *sendReport) warn(w transfer.Warning) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = r.skipped || w.Skipped
	if r.asJSON {
		r.line(event{Event: "warning", Name: w.Path, Error: w.String()})
		return
	}
	r.say("warning: %v", w)
}

// say prints a line for people, above the bars. mu is held.
func (r *sendReport) say(format string, args ...any) {
	text := fmt.Sprintf("tenuto: "+format+"\n", args...)
	if r.bars == nil || !r.written(text) {
		io.WriteString(r.errs, text)
	}
}

func (r *sendReport) written(text string) bool {
	_, err := io.WriteString(r.bars, text)
	return err == nil
}

// Began implements outbox.Watcher.
func (r *sendReport) Began(a *outbox.Activity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &part{octets: a.Job.Header.Octets, told: time.Now()}
	r.parts[a] = p
	if a.Done {
		return
	}
	if r.bars != nil {
		p.bar = r.addBar(a.Job.Header.Name, p.octets, len(r.parts))
	}
	r.line(r.of("began", a, p))
}

// Moved implements outbox.Watcher.
func (r *sendReport) Moved(a *outbox.Activity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parts[a]
	p.sessions = a.Progress.Sessions
	r.move(p, a.Progress.Committed)
	if now := time.Now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		r.line(r.of("progress", a, p))
	}
}

// move brings a part to what is committed. mu is held.
func (r *sendReport) move(p *part, committed int64) {
	more := committed - p.committed
	if more == 0 {
		return
	}
	p.committed += more
	r.total.committed += more
	now := time.Now()
	for _, p := range []*part{p, &r.total} {
		switch {
		case p.bar == nil:
		case p.moved.IsZero(): // an earlier command may have sent that
			p.bar.SetCurrent(p.committed)
		default:
			p.bar.EwmaSetCurrent(p.committed, now.Sub(p.moved))
		}
		p.moved = now
	}
}

// Ended implements outbox.Watcher.
func (r *sendReport) Ended(a *outbox.Activity, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parts[a]
	if err == nil {
		r.move(p, p.octets)
		e := r.of("ended", a, p)
		if e.Note = a.Progress.Note; e.Note != "" && !r.asJSON {
			r.say("%s: the receiver says: %q", a.Job.Header.Name, e.Note)
		}
		r.line(e)
	} else {
		e := r.of("failed", a, p)
		e.Error = err.Error()
		pe, ok := errors.AsType[*durable.PeerError](err)
		e.Resumable = !ok || !pe.Discarded
		r.line(e)
	}
	if p.bar != nil {
		p.bar.Abort(true)
	}
}

// end tells how all went.
func (r *sendReport) end(err error) {
	if r.bars != nil {
		r.total.bar.Abort(true)
		r.bars.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := event{Event: "done", Octets: r.total.octets, Committed: r.total.committed}
	if err != nil {
		e.Error = err.Error()
	}
	r.line(e)
	if r.bars == nil || err != nil {
		return
	}
	d := time.Since(r.started)
	fmt.Fprintf(r.errs, "sent % .1f in %.1f s (% .1f/s), %d cuts\n", decor.SizeB1024(r.total.octets), d.Seconds(), decor.SizeB1024(float64(r.total.octets)/d.Seconds()), r.cuts())
}
