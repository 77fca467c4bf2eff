package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group/playout"
)

// A member is a stream as its receiver sees it.
type member struct {
	r    *Receiver
	d    Description
	s    *tenuto.Session
	room chan struct{} // there is some again, for who waits for it: see Receiver.full

	// Of the goroutine.
	active bool   // an activity is in progress
	unit   []byte // what has come of one
	big    bool   // and it is larger than units are

	last uint32 // the number of the synchronization point before the next; guarded by Receiver.mu
}

// run receives until the session ends.
func (mb *member) run() {
	defer mb.r.work.Done()
	var err error
	for err == nil {
		var ind tenuto.Indication
		if ind, err = mb.s.Receive(mb.r.ctx); err == nil {
			err = mb.handle(ind)
		}
	}
	mb.end(err)
}

// end tells of what has ended the session, or ends it.
func (mb *member) end(err error) {
	if errors.Is(err, tenuto.ErrReleased) {
		mb.r.leave(mb, nil)
		return
	}
	if _, over := errors.AsType[*tenuto.AbortError](err); !over {
		if mb.r.ctx.Err() != nil {
			_ = mb.s.Abort(nil)
			err = ErrClosed
		} else {
			_ = mb.s.Abort(cut(err.Error()))
			mb.r.tell(Event{Kind: Failed, Stream: mb.d.Stream, Err: err})
		}
	}
	mb.r.leave(mb, said(err))
}

// handle does what an indication asks for. An error ends the session.
func (mb *member) handle(ind tenuto.Indication) error {
	ctx := mb.r.ctx
	if i, ok := ind.(tenuto.Data); ok {
		return mb.data(i)
	}
	mb.unit, mb.big = mb.unit[:0], false // one that was cut never ends
	switch i := ind.(type) {
	case tenuto.SyncMinorInd:
		return mb.mark("mark", i.Data, i.Serial, mb.r.m.Mark)
	case tenuto.ActivityStartInd:
		mb.active = true
		return mb.mark("start", i.Data, 0, mb.r.m.Start)
	case tenuto.ActivityResumeInd:
		mb.active = true
		return mb.mark("resumption", i.Data, i.Resume.Serial, mb.r.m.Start)
	case tenuto.ActivityInterruptInd:
		return mb.s.RespondInterrupt(ctx, mb.pause())
	case tenuto.ActivityDiscardInd:
		mb.pause()
		return mb.s.RespondDiscard(ctx, nil)
	case tenuto.ActivityEndInd:
		mb.active = false
		return mb.s.RespondEnd(ctx, nil)
	case tenuto.ResyncInd:
		if err := mb.mark("resynchronization", i.Data, max(i.Serial, 1)-1, mb.r.m.Moved); err != nil {
			return err
		}
		return mb.s.RespondResync(ctx, i.Serial, 0, nil)
	case tenuto.ResyncCnf:
		return mb.resynced(i)
	case tenuto.ReleaseInd:
		return mb.s.RespondRelease(ctx, nil)
	}
	return fmt.Errorf("the sender made an indication that has no place here: %v", ind)
}

// data takes a part of a unit.
func (mb *member) data(d tenuto.Data) error {
	if !mb.active {
		return errors.New("the sender has sent a unit outside of an activity")
	}
	if len(mb.unit) == 0 {
		mb.r.mu.Lock()
		mb.unit = mb.r.m.Buffer(mb.d.Stream)
		mb.r.mu.Unlock()
	}
	if len(mb.unit)+len(d.B) > unitHead+mb.r.most() {
		return fmt.Errorf("unit: %w: it takes %d octets", ErrSize, mb.r.most())
	}
	mb.unit = append(mb.unit, d.B...)
	if !d.End {
		return nil
	}
	if len(mb.unit) < unitHead {
		return fmt.Errorf("a unit of %d octets has no time", len(mb.unit))
	}
	t, err := parseTime("unit", mb.unit)
	if err != nil {
		return err
	}
	u := mb.unit
	mb.unit = nil
	return mb.deliver(t, u)
}

// deliver brings a unit to the machine when that has room. What makes it void meanwhile drops it.
func (mb *member) deliver(t int64, u []byte) error {
	r, n := mb.r, mb.d.Stream
	for {
		r.mu.Lock()
		if r.m.Room(n) {
			err := r.m.Unit(r.now(), n, t, u)
			r.flush()
			return about("unit", t, err)
		}
		r.full |= 1 << n
		r.mu.Unlock()
		if stay, err := mb.awaitRoom(); !stay || err != nil {
			return err
		}
	}
}

// awaitRoom waits for room; stay is false if the unit is void.
func (mb *member) awaitRoom() (stay bool, err error) {
	select {
	case <-mb.room:
		return true, nil
	case <-mb.s.Overtaken(false):
	case <-mb.r.ctx.Done():
		err = context.Cause(mb.r.ctx)
	}
	mb.r.mu.Lock()
	defer mb.r.mu.Unlock()
	mb.r.full &^= 1 << mb.d.Stream
	select {
	case <-mb.room: // it has come meanwhile
	default:
	}
	return false, err
}

// about says which time an error of the machine is about.
func about(what string, t int64, err error) error {
	if err != nil {
		return fmt.Errorf("%s at time %d: %w", what, t, err)
	}
	return nil
}

// mark takes a mark, and does with it what f does.
func (mb *member) mark(what string, data []byte, serial uint32, f func(now time.Duration, n int, t int64, clock time.Duration) error) error {
	k, err := parseMark(data)
	if err != nil {
		return err
	}
	mb.r.mu.Lock()
	mb.last = serial
	err = f(mb.r.now(), mb.d.Stream, k.time, k.clock)
	mb.r.flush()
	return about(what, k.time, err)
}

// resynced takes the answer to ask.
func (mb *member) resynced(i tenuto.ResyncCnf) error {
	mb.r.mu.Lock()
	skipped := int(i.Serial) - int(mb.last) - 1
	mb.r.mu.Unlock()
	return mb.mark("resynchronization", i.Data, max(i.Serial, 1)-1, func(now time.Duration, n int, t int64, clock time.Duration) error {
		return mb.r.m.Resynced(now, n, t, clock, max(0, skipped)) // numbers may begin anew
	})
}

// pause takes the interrupt of the activity, and says where the stream has come to.
func (mb *member) pause() []byte {
	mb.active = false
	mb.r.mu.Lock()
	t, known := mb.r.m.Paused(mb.r.now(), mb.d.Stream)
	mb.r.flush()
	return position{!known, t}.append(nil)
}

// ask asks the sender to go on elsewhere.
func (mb *member) ask(a playout.Ask) {
	mb.r.mu.Lock()
	serial := mb.last + 1
	mb.r.mu.Unlock()
	err := mb.s.Resynchronize(mb.r.ctx, tenuto.Set, min(serial, tenuto.MaxSerial), tenuto.TokenSettings{}, position{a.Seek, a.Time}.append(nil))
	if err == nil {
		return // the answer is an indication, or a confirm
	}
	mb.r.mu.Lock()
	if mb.r.members[a.Stream] == mb {
		mb.r.m.Missed(mb.r.now(), a.Stream, a)
	}
	mb.r.flush()
}
