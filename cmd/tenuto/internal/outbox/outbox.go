// Package outbox sends a plan of files and folders as activities, side by side, and remembers them until they have ended: the same plan sent again goes on
// where it was.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/transfer"
)

// keep is how long the records of activities that are over are kept.
const keep = 30 * 24 * time.Hour

// An Outbox sends plans to one URL. Its fields are not changed once it is in use.
type Outbox struct {
	Dial      func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error)
	Store     checkpoint.Store
	Initiator string // the fingerprint of this endpoint's key
	URL       string
	Paths     []string      // of the plan, absolute
	Parallel  int           // activities at a time, at least 1
	Limit     *rate.Limiter // octets a second, of all together; nil is no limit
	Distance  int64         // as durable.Sender has it
	Interval  time.Duration // likewise
	Window    time.Duration // how long to try without a session
	Logger    *slog.Logger
	Watch     Watcher
}

// A Watcher hears of what an Outbox does. It is called from several goroutines, and must not wait.
type Watcher interface {
	Began(a *Activity)
	Moved(a *Activity) // Progress has changed
	Ended(a *Activity, err error)
}

// An Activity is a job that is being sent.
type Activity struct {
	Job      *transfer.Job
	ID       string
	Resumed  int64 // octets that an earlier command has committed, as far as it knew
	Done     bool  // by an earlier command: nothing is sent
	Progress durable.Progress
}

// ErrChanged is in the error of an activity that was begun by an earlier command, when the files are not those that they were.
var ErrChanged = errors.New("it has changed since")

// Send sends a plan, and returns when all its activities have ended, or failed, or the context has ended. The error joins those of activities.
func (o *Outbox) Send(ctx context.Context, plan *transfer.Plan) error {
	if _, err := o.Store.Expire(ctx, time.Now().Add(-keep), false); err != nil {
		return err
	}
	activities, run, err := o.match(ctx, plan)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *Activity)
	var (
		sending sync.WaitGroup
		mu      sync.Mutex
		failed  []error
		fatal   error // of all
	)
	for range min(o.Parallel, len(activities)) {
		sending.Go(func() {
			snd := &durable.Sender{Dial: o.Dial, Store: o.Store, Initiator: o.Initiator, Peer: o.URL, Distance: o.Distance, Interval: o.Interval, Patience: o.Window, Logger: o.Logger}
			defer snd.Close()
			for a := range next {
				o.Watch.Began(a)
				err := o.send(ctx, snd, a, run)
				o.Watch.Ended(a, err)
				mu.Lock()
				switch {
				case err == nil:
				case alone(err):
					failed = append(failed, fmt.Errorf("%s: %w", a.Job.Header.Name, err))
				case fatal == nil:
					fatal = err
					cancel(err)
				}
				mu.Unlock()
			}
		})
	}
	for _, a := range activities {
		select {
		case next <- a:
		case <-ctx.Done():
		}
	}
	close(next)
	sending.Wait()
	if fatal == nil && ctx.Err() != nil {
		fatal = context.Cause(ctx)
	}
	return errors.Join(append(failed, fatal)...)
}

// alone tells whether an activity's error says nothing of the others.
func alone(err error) bool {
	_, peer := errors.AsType[*durable.PeerError](err)
	_, source := errors.AsType[*durable.SourceError](err)
	return peer || source || errors.Is(err, checkpoint.ErrFenced)
}

// match finds what an earlier command has begun of the plan. If it has not come to its end, what has is not sent again.
func (o *Outbox) match(ctx context.Context, plan *transfer.Plan) (activities []*Activity, run string, err error) {
	type known struct {
		checkpoint.Record
		Memo
	}
	records := map[string][]known{} // by names
	open := map[string]bool{}       // by run
	for r, err := range o.Store.List(ctx) {
		if err != nil {
			return nil, "", err
		}
		if r.Role != checkpoint.Sender || r.Initiator != o.Initiator {
			continue
		}
		m, err := ParseMemo(&r)
		if err != nil || m.URL != o.URL {
			continue
		}
		records[m.Names] = append(records[m.Names], known{r, m})
		open[m.Run] = open[m.Run] || !r.State.Over()
	}
	run = fmt.Sprintf("%x", durable.NewID())
	var stale []error
	for _, job := range plan.Jobs {
		a := &Activity{Job: job, ID: durable.NewID()}
		want := memoOf(job, "", "", nil)
		for _, k := range records[want.Names] {
			switch same := k.Memo.Digest == want.Digest; {
			case k.State.Over() && k.State == checkpoint.Ended && same && open[k.Run]:
				a.Done, a.ID, run = true, k.ID, k.Run
			case !k.State.Over() && same:
				a.Done, a.ID, a.Resumed, run = false, k.ID, k.Offset, k.Run
			case !k.State.Over():
				stale = append(stale, fmt.Errorf("%s: activity %x was interrupted, and %w: discard that, and send it again", job.Header.Name, k.ID, ErrChanged))
			}
		}
		activities = append(activities, a)
	}
	return activities, run, errors.Join(stale...)
}

// send sends one activity.
func (o *Outbox) send(ctx context.Context, snd *durable.Sender, a *Activity, run string) error {
	if a.Done {
		return nil
	}
	src, err := a.Job.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	header, err := a.Job.Header.AppendBinary(nil)
	if err != nil {
		return err
	}
	return snd.Send(ctx, durable.Outgoing{
		ID:     a.ID,
		Header: header,
		Cookie: memoOf(a.Job, o.URL, run, o.Paths).marshal(),
		Source: &limited{src, ctx, o.Limit},
		Progress: func(p durable.Progress) {
			a.Progress = p
			o.Watch.Moved(a)
		},
	})
}

// limited is a Source that keeps to a rate.
type limited struct {
	durable.Source
	ctx   context.Context
	limit *rate.Limiter
}

func (l *limited) Read(b []byte) (int, error) {
	if l.limit != nil {
		b = b[:min(len(b), l.limit.Burst())]
	}
	n, err := l.Source.Read(b)
	if l.limit == nil || n == 0 {
		return n, err
	}
	if waited := l.limit.WaitN(l.ctx, n); waited != nil {
		return 0, context.Cause(l.ctx)
	}
	return n, err
}
