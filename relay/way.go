package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto"
)

// A way passes on what one session indicates to the other.
type way struct {
	from, to *tenuto.Session
	open     bool // an SSDU is being passed on
	torn     part // an SSDU was given up in its middle, and nothing has withdrawn it yet: how its next part would be sent
}

// A part is Session.SendPart or SendTypedPart.
type part func(ctx context.Context, b []byte, end bool) (n int, err error)

// run passes on until the session that it reads has ended, and ends the other one as that ended. The error says why, if that was an abort.
func (w *way) run() error {
	for {
		void := w.from.Overtaken(!w.to.HasExpedited()) // what cannot be cut there is finished
		ind, err := w.from.Receive(context.Background())
		if err != nil {
			return w.end(err)
		}
		if err := w.pass(void, ind); err != nil {
			w.from.Break()
			w.to.Break()
			return err
		}
	}
}

// end passes on how the session that is read has ended.
func (w *way) end(err error) error {
	ae, aborted := errors.AsType[*tenuto.AbortError](err)
	switch {
	case !aborted:
		return nil
	case ae.Remote && ae.By == tenuto.User:
		_ = w.to.Abort(ae.Data)
	default:
		w.to.Break()
	}
	if !ae.Remote {
		return nil // the other way says why
	}
	return err
}

// errVoid is the error of what is given up because something has made it void.
var errVoid = errors.New("relay: void")

// A voidable is a context that ends when what is passed on has become void.
type voidable <-chan struct{}

func (v voidable) Deadline() (t time.Time, ok bool) { return }
func (v voidable) Done() <-chan struct{}            { return v }
func (v voidable) Value(any) any                    { return nil }
func (v voidable) Err() error {
	select {
	case <-v:
		return errVoid
	default:
		return nil
	}
}

// pass asks for what was indicated. It gives up when void is closed, but for what withdraws other things, and the answers to that. What was
// overtaken, and what comes after the session's end, is dropped.
func (w *way) pass(void <-chan struct{}, ind tenuto.Indication) error {
	ctx := context.Context(voidable(void))
	if stays(ind) {
		ctx = context.Background()
	}
	w.open = w.open && !stays(ind)
	if w.torn != nil {
		if !stays(ind) {
			return nil // as void as the SSDU
		}
		if !withdraws(ind) {
			_, _ = w.torn(ctx, nil, true) // the peer's user has to hear of what follows; what withdraws both comes behind that
		}
		w.torn = nil
	}
	err := w.request(ctx, ind)
	_, aborted := errors.AsType[*tenuto.AbortError](err)
	_, unfinished := errors.AsType[*tenuto.UnfinishedError](err)
	switch {
	case err == nil, aborted, unfinished, errors.Is(err, tenuto.ErrPurged), errors.Is(err, errVoid), errors.Is(err, tenuto.ErrReleased), errors.Is(err, tenuto.ErrClosed):
		return nil
	}
	return fmt.Errorf("relay: %v could not be passed on: %w", ind, err)
}

// stays tells what nothing makes void: what a session does not withdraw itself.
func stays(ind tenuto.Indication) bool {
	switch ind.(type) {
	case tenuto.ActivityStartInd, tenuto.ActivityResumeInd, tenuto.SyncMajorCnf, tenuto.ActivityEndCnf:
		return true
	}
	return withdraws(ind)
}

// withdraws tells what withdraws other things, and the answers to that.
func withdraws(ind tenuto.Indication) bool {
	switch ind.(type) {
	case tenuto.ResyncInd, tenuto.ActivityInterruptInd, tenuto.ActivityDiscardInd, tenuto.ResyncCnf, tenuto.ActivityInterruptCnf, tenuto.ActivityDiscardCnf:
		return true
	}
	return false
}

// request makes the request or response that an indication or confirm becomes.
func (w *way) request(ctx context.Context, ind tenuto.Indication) error {
	to := w.to
	switch i := ind.(type) {
	case tenuto.Data:
		return w.data(ctx, i.B, i.End, to.SendPart)
	case tenuto.TypedDataInd:
		return w.data(ctx, i.B, i.End, to.SendTypedPart)
	case tenuto.ExpeditedInd:
		return to.SendExpedited(ctx, i.Data)
	case tenuto.CapabilityInd:
		return to.SendCapability(ctx, i.Data)
	case tenuto.CapabilityCnf:
		return to.RespondCapability(ctx, i.Data)
	case tenuto.TokenGiveInd:
		return to.GiveTokens(ctx, i.Tokens, i.Data)
	case tenuto.TokenPleaseInd:
		return to.PleaseTokens(ctx, i.Tokens, i.Data)
	case tenuto.ControlGiveInd:
		return to.GiveControl(ctx, i.Data)
	case tenuto.ReleaseInd:
		return to.Release(ctx, i.Data)
	case tenuto.ReleaseCnf:
		if i.Refused {
			return to.RefuseRelease(ctx, i.Data)
		}
		return to.RespondRelease(ctx, i.Data)
	}
	return w.dialogue(ctx, ind)
}

// dialogue is request for what structures the dialogue.
func (w *way) dialogue(ctx context.Context, ind tenuto.Indication) error {
	to := w.to
	switch i := ind.(type) {
	case tenuto.SyncMinorInd:
		n, err := to.SyncMinor(ctx, i.Type, i.Data)
		return same(n, i.Serial, err)
	case tenuto.SyncMajorInd:
		n, err := to.SyncMajor(ctx, i.Data)
		return same(n, i.Serial, err)
	case tenuto.SyncMinorCnf:
		return to.ConfirmSync(ctx, i.Serial, i.Data)
	case tenuto.SyncMajorCnf:
		return to.ConfirmSync(ctx, i.Serial, i.Data)
	case tenuto.ResyncInd:
		return to.Resynchronize(ctx, i.Type, i.Serial, across(i.Tokens), i.Data)
	case tenuto.ResyncCnf:
		available, _ := to.Tokens()
		return to.RespondResync(ctx, i.Serial, available&^i.Tokens, i.Data)
	case tenuto.ExceptionInd:
		return to.ReportException(ctx, i.Reason, i.Data)
	case tenuto.ActivityStartInd:
		return to.StartActivity(ctx, i.ID, i.Data)
	case tenuto.ActivityResumeInd:
		return to.ResumeActivity(ctx, i.ID, i.Resume, i.Data)
	case tenuto.ActivityInterruptInd:
		return to.InterruptActivity(ctx, i.Reason, i.Data)
	case tenuto.ActivityInterruptCnf:
		return to.RespondInterrupt(ctx, i.Data)
	case tenuto.ActivityDiscardInd:
		return to.DiscardActivity(ctx, i.Reason, i.Data)
	case tenuto.ActivityDiscardCnf:
		return to.RespondDiscard(ctx, i.Data)
	case tenuto.ActivityEndInd:
		n, err := to.EndActivity(ctx, i.Data)
		return same(n, i.Serial, err)
	case tenuto.ActivityEndCnf:
		return to.RespondEnd(ctx, i.Data)
	}
	panic(fmt.Sprintf("BUG: %T is no indication", ind))
}

// same wants a synchronization point to have one number in both sessions.
func same(n, want uint32, err error) error {
	if err == nil && n != want {
		return fmt.Errorf("its number is %d here", n)
	}
	return err
}

// data passes on a part of an SSDU. The first part of one is tried again, since the session tells with it that an earlier one was cut.
func (w *way) data(ctx context.Context, b []byte, end bool, send part) error {
	n, err := send(ctx, b, end)
	if errors.Is(err, tenuto.ErrPurged) && !w.open {
		n, err = send(ctx, b, end)
	}
	if errors.Is(err, errVoid) && (w.open || n > 0) {
		w.torn = send
	}
	w.open = err == nil && !end
	return err
}
