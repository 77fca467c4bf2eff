package group

import (
	"context"
	"errors"

	"github.com/tenuto-session/tenuto"
)

// claim keeps others from sending, ends what somebody sends, and waits until that has ended. What was cut short then is void. mu is held.
func (st *Stream) claim(ctx context.Context) error {
	st.busy = true
	if st.sending {
		st.stop()
	}
	err := st.await(ctx, func() bool { return !st.sending })
	if len(st.rest) > 0 && st.s.HasExpedited() {
		st.rest, st.torn = st.rest[:0], true
	}
	return err
}

// withdraw makes a request that withdraws what was sent. mu is held.
func (st *Stream) withdraw(ctx context.Context, request func() error) error {
	if err := st.await(ctx, func() bool { return !st.busy && !st.ending }); err != nil {
		return err
	}
	switch st.phase {
	case fresh, ended:
		return errNothing
	case paused:
		return errPaused
	}
	st.own, st.ignored = true, nil
	err := st.claim(ctx)
	if err == nil {
		st.mu.Unlock()
		if err = request(); errors.Is(err, tenuto.ErrUnfinished) { // the transport can not cut an SSDU
			if err = st.finish(ctx); err == nil {
				err = request()
			}
		}
		st.mu.Lock()
	}
	at := st.ignored
	if st.ignored = nil; err == nil {
		return nil
	}
	st.own = false
	if at != nil { // and so counts after all
		_ = st.respond(*at)
	}
	st.busy = false
	st.change()
	return err
}

var (
	errNothing = errors.New("no transmission is in progress")
	errPaused  = errors.New("the stream is paused")
)

// Skip has the stream go on at a time that is not before the last one, S-RESYNCHRONIZE: what was sent and has not arrived never does. It waits for the
// receiver's answer.
func (st *Stream) Skip(ctx context.Context, t int64) error {
	return st.failed("skip", st.skip(ctx, t))
}

func (st *Stream) skip(ctx context.Context, t int64) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case t < 0:
		return ErrNegative
	case st.err != nil:
		return st.err
	case st.moved:
		return st.hasMoved()
	case t < st.last:
		return ErrBackward
	}
	moves := st.moves
	err := st.withdraw(ctx, func() error {
		st.mu.Lock()
		st.skipTo = t
		serial := st.next()
		st.mu.Unlock()
		return st.s.Resynchronize(ctx, tenuto.Set, serial, tenuto.TokenSettings{}, st.mark(t))
	})
	if err != nil {
		return err
	}
	return st.await(ctx, func() bool { return st.moves != moves && !st.busy })
}

// next is the number from which points go on after a resynchronization: one that was not used, while there are enough. mu is held.
func (st *Stream) next() uint32 {
	if st.serial > lastPoint/2 {
		return 1
	}
	return st.serial
}

// Pause interrupts the transmission, S-ACTIVITY-INTERRUPT: what was sent and has not arrived never does. It returns where the receiver has come to, of what
// has arrived, and waits for that; no units of a later time have. Sends wait until Resume.
func (st *Stream) Pause(ctx context.Context) (reached int64, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	err = st.withdraw(ctx, func() error { return st.s.InterruptActivity(ctx, tenuto.NoSpecificReason, nil) })
	if err == nil {
		err = st.await(ctx, func() bool { return st.phase == paused })
	}
	return st.reached.time, st.failed("pause", err)
}

// Resume goes on with a paused stream, at a time: S-ACTIVITY-RESUME. Units before where the receiver has come to are dropped there. The next Send gets a
// *ResyncedError.
func (st *Stream) Resume(ctx context.Context, t int64) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case t < 0:
		return st.failed("resume", ErrNegative)
	case st.err != nil:
		return st.failed("resume", st.err)
	case st.phase != paused || st.busy:
		return st.failed("resume", errors.New("the stream is not paused"))
	}
	st.busy = true
	old, serial := activityID(st.id), st.serial-1
	st.id++
	id := activityID(st.id)
	st.mu.Unlock()
	err := st.s.ResumeActivity(ctx, id, tenuto.Resume{ID: old, Serial: serial}, st.mark(t))
	st.mu.Lock()
	st.busy = false
	if err == nil {
		st.phase = active
		st.move(t)
	}
	st.change()
	return st.failed("resume", err)
}

// move notes that the stream goes on at a time. mu is held.
func (st *Stream) move(t int64) {
	st.last, st.moved = t, true
	st.moves++
	st.busy, st.own, st.ending = false, false, false
	st.change()
}

// Close ends the stream in order: the receiver hands up what has come.
func (st *Stream) Close(ctx context.Context) error {
	err := st.end(ctx)
	if err == nil {
		err = st.s.Release(ctx, nil)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if err == nil {
		err = st.await(ctx, func() bool { return false })
	}
	if errors.Is(err, tenuto.ErrReleased) {
		err = nil
	}
	return st.failed("close", err)
}

// end ends the activity, whatever the receiver has it do meanwhile. A paused one stays so.
func (st *Stream) end(ctx context.Context) error {
	for {
		st.mu.Lock()
		err := st.await(ctx, st.idle)
		if err == nil {
			err = st.err
		}
		if err == nil && st.phase != active {
			st.phase = ended
		}
		if err != nil || st.phase != active {
			st.mu.Unlock()
			return err
		}
		st.moved, st.sending = false, true
		moves, t := st.moves, st.last
		var call context.Context
		call, st.stop = context.WithCancel(ctx)
		st.mu.Unlock()
		err = st.endActivity(ctx, call, moves, t)
		if _, again := errors.AsType[*ResyncedError](err); !again {
			return err
		}
	}
}

// endActivity ends the activity for who is sending, and waits for the answer. Nobody is sending any more then.
func (st *Stream) endActivity(ctx, call context.Context, moves int, t int64) error {
	err := st.finish(call)
	if err == nil {
		st.mu.Lock()
		st.ending = true
		st.mu.Unlock()
		_, err = st.s.EndActivity(call, st.mark(t))
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sending = false
	st.stop()
	st.ending = st.ending && err == nil
	st.change()
	if err != nil {
		return st.outcome(ctx, moves, err)
	}
	if err := st.await(ctx, func() bool { return st.phase != active || st.moves != moves }); err != nil {
		return err
	}
	if st.moves != moves {
		return st.outcome(ctx, moves, errMoved)
	}
	return nil
}

// renew ends the activity and starts another one, whose points have numbers from 1 on, for who is sending.
func (st *Stream) renew(ctx, call context.Context, moves int, t int64) error {
	if err := st.endActivity(ctx, call, moves, t); err != nil {
		return err
	}
	st.mu.Lock()
	st.phase = fresh
	st.change()
	st.mu.Unlock()
	call, moves, err := st.enter(ctx, t)
	if err != nil {
		return err
	}
	return st.leave(ctx, moves, t, st.begin(call, t))
}

// hear takes what the receiver says until the session ends.
func (st *Stream) hear() {
	var err error
	for err == nil {
		var ind tenuto.Indication
		if ind, err = st.s.Receive(st.snd.ctx); err == nil {
			err = st.heard(ind)
		}
	}
	st.snd.take(st.m.Stream, st)
	if _, over := errors.AsType[*tenuto.AbortError](err); !over && !errors.Is(err, tenuto.ErrReleased) {
		_ = st.s.Abort(cut(err.Error()))
		if st.snd.ctx.Err() != nil {
			err = ErrClosed
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.err = said(err)
	st.change()
}

func (st *Stream) heard(ind tenuto.Indication) error {
	if i, ok := ind.(tenuto.ResyncInd); ok {
		return st.resync(i)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	defer st.change()
	switch i := ind.(type) {
	case tenuto.ResyncCnf:
		st.serial = i.Serial
		told := st.moved
		st.move(st.skipTo)
		st.moved = told // who skips knows
	case tenuto.ActivityInterruptCnf:
		p, err := parsePosition(i.Data)
		if err != nil {
			return err
		}
		st.phase, st.reached, st.busy, st.own = paused, p, false, false
	case tenuto.ActivityEndCnf:
		st.phase, st.ending = ended, false
	case tenuto.ReleaseCnf, tenuto.SyncMinorCnf, tenuto.TokenPleaseInd:
	default:
		return errors.New("group: the receiver made an indication that has no place here: " + ind.String())
	}
	return nil
}

// resync does what the receiver asks for, unless a request of this side's makes that void.
func (st *Stream) resync(i tenuto.ResyncInd) error {
	p, err := parsePosition(i.Data)
	if err != nil {
		return err
	}
	from := p.time
	if st.m.Seek != nil {
		from = max(0, st.m.Seek(p.time))
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.own {
		st.ignored = &from
		return nil
	}
	if err := st.claim(st.snd.ctx); err != nil {
		return err
	}
	return st.respond(from)
}

// respond goes on where the receiver wants it, for who has claimed. mu is held.
func (st *Stream) respond(from int64) error {
	serial := st.next()
	st.mu.Unlock()
	err := st.s.RespondResync(st.snd.ctx, serial, 0, st.mark(from))
	st.mu.Lock()
	st.serial = serial
	st.move(from)
	return err
}
