package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
)

// outbound is an activity that is being sent.
type outbound struct {
	snd   *Sender
	o     *Outgoing
	fresh bool // the receiver can not know it yet
	start bool // S-ACTIVITY-START was the last request that made it the session's
	again bool // it was, because the receiver did not know the activity; what was said on sessions before may still come to it
	gone  bool // it has been discarded
	pump  pump

	t      *talk     // on the present session
	tally  *tally    //
	serial uint32    // of the next point
	marked time.Time // when the last one was set
	over   bool      // the receiver has committed the end
	unsent []byte    // of an SSDU that was cut short

	// Guarded by t.mu while t is heard.
	pending  []pending // points that are not confirmed
	rec      checkpoint.Record
	recorded time.Time
	progress Progress
}

type pending struct {
	serial uint32
	point
}

var (
	errIdle  = errors.New("durable: nothing to send for too long")
	errAgain = errors.New("durable: to be begun again")
)

// send sends the activity on the present session.
func (a *outbound) send(ctx context.Context) error { return a.on(ctx, a.stream) }

// discard discards it there.
func (a *outbound) discard(ctx context.Context) error {
	return a.on(ctx, func(ctx context.Context) error { return a.leave(ctx, tenuto.NoSpecificReason, true) })
}

// on begins or resumes the activity on the present session, and does something with it.
func (a *outbound) on(ctx context.Context, do func(context.Context) error) error {
	err := errAgain
	for err == errAgain {
		err = a.attempt(ctx, do)
	}
	return err
}

// attempt is on once. If it fails and the session lives, the activity is interrupted or discarded on it.
func (a *outbound) attempt(ctx context.Context, do func(context.Context) error) error {
	a.t = listen(ctx, a.snd.s, a.confirmed)
	defer a.t.hangUp()
	err := a.begin(a.t.ctx)
	if err == nil {
		err = do(a.t.ctx)
	}
	if err != nil {
		return a.settle(ctx, err)
	}
	return nil
}

// begin makes this activity the session's, and comes to know where the receiver is.
func (a *outbound) begin(ctx context.Context) error {
	a.pending, a.unsent, a.marked, a.over = nil, nil, time.Now(), false
	a.progress.Sessions++
	id, header := []byte(a.o.ID), appendHeader(a.o.Header)
	on := parseLink([]byte(a.rec.Link))
	a.rec.Link = string(appendLink(nil, &a.snd.ref))
	if a.start = a.fresh; a.start {
		a.fresh = false // it may arrive, whatever is returned
		a.tally, a.serial = newTally(point{}), 1
		return a.t.s.StartActivity(ctx, id, header)
	}
	if err := a.t.s.ResumeActivity(ctx, id, tenuto.Resume{ID: id, Serial: a.rec.Serial, On: on}, header); err != nil {
		return err
	}
	if err := a.t.wait(ctx, func() bool { return a.t.resync != nil }); err != nil {
		return err
	}
	serial := a.t.resync.Serial
	p, err := parsePoint(a.t.resync.Data)
	if err != nil {
		return err
	}
	a.tally, a.serial, a.over = newTally(p), serial, p.over
	a.t.mu.Lock()
	a.committed(pending{serial - 1, p})
	a.t.mu.Unlock()
	return a.t.s.RespondResync(ctx, serial, 0, nil)
}

// committed notes how far the receiver is. t.mu is held.
func (a *outbound) committed(p pending) {
	a.rec.Serial, a.rec.Offset, a.rec.Digest = p.serial, p.offset, p.digest
	a.progress.Committed = p.offset
	a.tell(max(a.progress.Sent, p.offset))
}

// tell tells the user that octets before sent are on their way. t.mu is held.
func (a *outbound) tell(sent int64) {
	a.progress.Sent = sent
	if a.o.Progress != nil {
		a.o.Progress(a.progress)
	}
}

// confirmed takes the confirmation of a point and all before it.
func (a *outbound) confirmed(serial uint32) error {
	a.t.mu.Lock()
	for len(a.pending) > 0 && a.pending[0].serial <= serial {
		a.committed(a.pending[0])
		a.pending = a.pending[1:]
	}
	rec, first := a.rec, a.recorded.IsZero()
	a.t.mu.Unlock()
	a.snd.logger().Debug("confirmed", "activity", rec.Key.String(), "to", rec.Offset, "serial", serial)
	if !first && time.Since(a.recorded) < recordEvery {
		return nil
	}
	a.recorded = time.Now()
	return a.snd.still(context.Background(), &rec)
}

// settle ends the activity on the session after an error, and returns what there is to say.
func (a *outbound) settle(ctx context.Context, err error) error {
	if _, refused := errors.AsType[*tenuto.NotAllowedError](err); refused { // as it is by an exception that has yet to be heard
		hearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		_ = a.t.wait(hearing, func() bool { return a.t.exception != nil })
		cancel()
	}
	a.t.mu.Lock()
	ended, exception := a.t.err, a.t.exception
	a.t.mu.Unlock()
	switch {
	case ended != nil:
		a.snd.drop()
		a.again = false
		return ended
	case lost(err):
		a.again = false
		return err
	case exception != nil:
		return a.excepted(ctx, exception)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	if a.leave(ctx, tenuto.NoSpecificReason, false) != nil {
		a.snd.drop()
	}
	return err
}

// excepted answers an exception that the receiver has reported.
func (a *outbound) excepted(ctx context.Context, e *tenuto.ExceptionInd) error {
	sequence := e.Reason == tenuto.UserSequenceError
	discard := sequence || e.Reason == tenuto.UnrecoverableError
	err := a.leave(ctx, e.Reason, discard)
	if err != nil {
		a.snd.drop()
	}
	switch {
	case !sequence || a.again != a.start || err != nil && !lost(err):
	case a.start: // so that the request of before, on a session that was lost, has arrived after all
		a.gone = false
		return cmp.Or(err, errAgain)
	case a.rec.Serial == 0 && a.o.Source != nil: // nothing of it has ever been committed
		a.fresh, a.again, a.gone = true, true, false
		return cmp.Or(err, errAgain)
	}
	return &PeerError{Reason: e.Reason, Text: string(e.Data), Discarded: discard}
}

// leave interrupts or discards the activity, and waits for the answer.
func (a *outbound) leave(ctx context.Context, r tenuto.ExceptionReason, discard bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	request := a.t.s.InterruptActivity
	if discard {
		request = a.t.s.DiscardActivity
	}
	err := request(ctx, r, nil)
	if errors.Is(err, tenuto.ErrUnfinished) { // the transport can not cut an SSDU
		if _, err = a.t.s.SendPart(ctx, a.unsent, true); err == nil {
			err = request(ctx, r, nil)
		}
	}
	if err != nil {
		return err
	}
	a.gone = discard
	return a.t.wait(ctx, func() bool { return a.t.cleared })
}

// rest releases the session until there is something to send.
func (a *outbound) rest(ctx context.Context) error {
	_ = a.snd.Close()
	return a.pump.await(ctx)
}

// record brings the record to what has become of the activity, and returns err.
func (a *outbound) record(ctx context.Context, err error) error {
	a.rec.State = checkpoint.Interrupted
	refused, isRefused := errors.AsType[*PeerError](err)
	switch {
	case errors.Is(err, checkpoint.ErrFenced):
		return err
	case isRefused && refused.Discarded, err == nil && a.gone:
		a.rec.State = checkpoint.Discarded
	case err == nil:
		a.rec.State = checkpoint.Ended
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if failed := a.snd.Store.Commit(ctx, a.rec); failed != nil && err == nil {
		return fmt.Errorf("durable: the activity is %v, but that could not be recorded: %w", a.rec.State, failed)
	}
	return err
}

// appendLink encodes a session connection identifier: each part with its length before it.
func appendLink(b []byte, r *tenuto.Reference) []byte {
	for _, part := range [][]byte{r.Calling, r.Called, r.Common, r.Additional} {
		b = append(append(b, byte(len(part))), part...)
	}
	return b
}

// parseLink is empty for what is none: it comes from the sender's own store.
func parseLink(b []byte) (r tenuto.Reference) {
	for _, part := range []*[]byte{&r.Calling, &r.Called, &r.Common, &r.Additional} {
		if len(b) == 0 || len(b)-1 < int(b[0]) {
			return tenuto.Reference{}
		}
		n := 1 + int(b[0])
		*part, b = b[1:n], b[n:]
	}
	return r
}
