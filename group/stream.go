package group

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto"
)

// lastPoint is the largest number of a synchronization point of a transmission: after it an activity ends, and another one starts. The numbers of
// the end and of a few resynchronizations have room behind it.
var lastPoint uint32 = tenuto.MaxSerial - 100

// A Stream is one of a group, as its sender sees it. Send, Mark and Skip have one caller at a time, the one who has the units; Pause, Resume and Close
// may be called by others meanwhile.
//
//	        Send, Mark             Pause
//	fresh ─────────────▶ active ──────────▶ paused
//	  │                   ▲  │ Close           │ │
//	  │                   └──│─────────────────┘ │
//	  │ Close                ▼  Resume           │ Close
//	  └───────────────────▶ ended ◀──────────────┘
type Stream struct {
	snd  *Sender
	m    Member
	s    *tenuto.Session
	most int // octets of a unit

	buf  []byte // for who is sending
	rest []byte // of a unit whose Send was cancelled; for who is sending, or has claimed
	torn bool   // such a unit has been purged

	mu      sync.Mutex
	waiting int
	changed chan struct{} // closed when something below has changed and somebody waits
	phase   phase
	sending bool               // somebody is making a request
	stop    context.CancelFunc // ends that
	busy    bool               // what is sent is being made void: nobody begins to send
	own     bool               // by a request of this side's, which prevails over the receiver's
	ending  bool               // the activity is: nobody else begins to send
	ignored *int64             // where the receiver would have had the stream go on, if own were not
	moves   int                // how often the stream has been moved
	moved   bool               // and its sender has not heard
	last    int64              // no time before it may follow
	skipTo  int64              // where Skip goes
	serial  uint32             // of the next synchronization point
	id      uint32             // of the activity
	reached position           // where the receiver is, of a paused stream
	err     error              // how the session ended
}

type phase uint8

const (
	fresh  phase = iota // nothing has been sent
	active              // the activity is in progress
	paused              // it is interrupted
	ended               // it has ended in order
)

// errMoved says that a request was overtaken by what moves the stream.
var errMoved = errors.New("moved")

// wait lets go of mu until something has changed. mu is held.
func (st *Stream) wait(ctx context.Context) error {
	st.waiting++
	changed := st.changed
	st.mu.Unlock()
	var err error
	select {
	case <-changed:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	st.mu.Lock()
	st.waiting--
	return err
}

// change wakes who waits. mu is held.
func (st *Stream) change() {
	if st.waiting > 0 {
		close(st.changed)
		st.changed = make(chan struct{})
	}
}

// await waits until cond holds; the session's end ends it. mu is held.
func (st *Stream) await(ctx context.Context, cond func() bool) error {
	for !cond() {
		if st.err != nil {
			return st.err
		}
		if err := st.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enter makes the caller the one who sends, for a request at time t. moves is what leave wants.
func (st *Stream) enter(ctx context.Context, t int64) (call context.Context, moves int, err error) {
	if t < 0 {
		return nil, 0, ErrNegative
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	err = st.await(ctx, func() bool { return st.idle() && st.phase != paused })
	switch {
	case err != nil:
	case st.err != nil:
		err = st.err
	case st.moved:
		err = st.hasMoved()
	case st.phase == ended:
		err = ErrClosed
	case t < st.last:
		err = ErrBackward
	}
	if err != nil {
		return nil, 0, err
	}
	st.sending = true
	call, st.stop = context.WithCancel(ctx)
	return call, st.moves, nil
}

// idle tells whether a request may be made. mu is held.
func (st *Stream) idle() bool { return !st.sending && !st.busy && !st.ending }

// hasMoved tells the sender. mu is held.
func (st *Stream) hasMoved() error {
	st.moved = false
	return &ResyncedError{st.last}
}

// leave ends what enter began, with a request's error.
func (st *Stream) leave(ctx context.Context, moves int, t int64, err error) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sending = false
	st.stop()
	if err == nil {
		st.last = t
	}
	st.change()
	return st.outcome(ctx, moves, err)
}

// outcome is what a request's error means. mu is held.
func (st *Stream) outcome(ctx context.Context, moves int, err error) error {
	_, refused := errors.AsType[*tenuto.NotAllowedError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return err
	case errors.Is(err, context.Canceled): // by a claim, which may come to nothing
		if err := st.await(ctx, func() bool { return !st.busy && st.phase != paused }); err != nil {
			return err
		}
		if st.moves == moves {
			return errInterrupted
		}
		return st.hasMoved()
	case refused, errors.Is(err, tenuto.ErrPurged), err == errMoved: // what has made it void is known to the session, and will be here
		if err := st.await(ctx, func() bool { return st.moves != moves && !st.busy && st.phase != paused }); err != nil {
			return err
		}
		return st.hasMoved()
	case st.err != nil:
		return st.err
	}
	return err
}

// errInterrupted is returned by a Send that was ended by a Skip or Pause that has failed itself.
var errInterrupted = errors.New("interrupted by a Skip or Pause that has failed: what was being sent may arrive")

// Send sends a unit, which has a time not before that of any other since the stream was moved last. It waits for flow control, and while the
// stream is paused. A *ResyncedError says that the stream was moved, and that the unit was not sent.
func (st *Stream) Send(ctx context.Context, t int64, data []byte) error {
	if len(data) > st.most {
		return st.failed("send", ErrSize)
	}
	call, moves, err := st.enter(ctx, t)
	if err != nil {
		return st.failed("send", err)
	}
	if err = st.begin(call, t); err == nil {
		st.buf = append(binary.BigEndian.AppendUint64(st.buf[:0], uint64(t)), data...)
		err = st.submit(call, st.buf)
	}
	return st.failed("send", st.leave(ctx, moves, t, err))
}

// Mark sets a mark, S-SYNC-MINOR: no unit with a time before t follows. The receiver needs them where units are few, to know that nothing is missing, and
// for the drift.
func (st *Stream) Mark(ctx context.Context, t int64) error {
	call, moves, err := st.enter(ctx, t)
	if err != nil {
		return st.failed("mark", err)
	}
	if st.number() > lastPoint {
		return st.failed("mark", st.renew(ctx, call, moves, t))
	}
	if err = st.begin(call, t); err == nil {
		err = st.point(call, t)
	}
	return st.failed("mark", st.leave(ctx, moves, t, err))
}

func (st *Stream) point(call context.Context, t int64) error {
	if err := st.finish(call); err != nil {
		return err
	}
	n, err := st.s.SyncMinor(call, tenuto.Optional, st.mark(t))
	if err == nil {
		st.numbered(n + 1)
	}
	return err
}

func (st *Stream) number() uint32 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.serial
}

func (st *Stream) numbered(serial uint32) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.serial = serial
}

// begin starts the activity if there is none.
func (st *Stream) begin(call context.Context, t int64) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.phase == active {
		return nil
	}
	st.id++
	id := activityID(st.id)
	st.mu.Unlock()
	err := st.s.StartActivity(call, id, st.mark(t))
	st.mu.Lock()
	if err == nil {
		st.phase, st.serial = active, 1
	}
	return err
}

func activityID(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// mark is the user data of a mark.
func (st *Stream) mark(t int64) []byte {
	return mark{t, time.Since(st.snd.start)}.append(make([]byte, 0, markSize))
}

// submit sends an SSDU, behind what is left of one that was cancelled.
func (st *Stream) submit(call context.Context, b []byte) error {
	if err := st.finish(call); err != nil {
		return err
	}
	err := st.s.Send(call, b)
	if u, ok := errors.AsType[*tenuto.UnfinishedError](err); ok {
		st.rest = append(st.rest[:0], b[u.N:]...)
		return u.Err
	}
	return err
}

// finish sends the rest of an SSDU whose sending was cancelled.
func (st *Stream) finish(call context.Context) error {
	if st.torn { // the session tells of it once
		st.torn = false
		_, _ = st.s.SendPart(call, nil, false)
	}
	if len(st.rest) == 0 {
		return nil
	}
	n, err := st.s.SendPart(call, st.rest, true)
	if err == nil {
		n = len(st.rest)
	}
	st.rest = append(st.rest[:0], st.rest[n:]...)
	return err
}

// failed says which stream an error is of. A ResyncedError is none.
func (st *Stream) failed(doing string, err error) error {
	if _, moved := errors.AsType[*ResyncedError](err); moved || err == nil {
		return err
	}
	return &StreamError{st.m.Stream, doing, err}
}
