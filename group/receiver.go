package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group/playout"
)

// What the zero values of a ReceiverConfig's fields stand for.
const (
	DefaultMaxSkew = 40 * time.Millisecond
	DefaultBuffer  = 1 << 20 // octets of each stream
	// MinBuffer is the least ReceiverConfig.Buffer.
	MinBuffer = playout.MinBuffer
)

// ReceiverConfig is what a Receiver is made with.
type ReceiverConfig struct {
	Group ID   // whose streams are taken
	Rate  Rate // of their times; streams with another one are refused

	// Delay is how long a unit waits from its coming, if it comes without delay, until it is handed up: at least as long as units and marks of a stream
	// are apart, and as their times on the way differ.
	Delay time.Duration
	// MaxSkew is how far a stream may be behind the group's clock before it is resynchronized; 0 is DefaultMaxSkew.
	MaxSkew time.Duration
	// Buffer is how many octets of each stream may wait, with 64 for each unit; 0 is DefaultBuffer. When it is full the stream's session is not
	// received from.
	Buffer int
	// MaxGap is by how much a stream's time may leap without being reported; 0 is a minute.
	MaxGap time.Duration
	// Policy is how fast the group's clock runs while a stream is behind it; nil is Skip.
	Policy Policy
	// Events hears what happens to the group. It is called from any goroutine, one call at a time, and must not wait, nor call the Receiver.
	Events func(Event)
}

// A Receiver takes the streams of a group, and hands up their units in order. It is safe for concurrent use; Next has one caller at a time, and
// is what keeps the group going: nothing is noticed or asked for while nobody calls it.
type Receiver struct {
	cfg    ReceiverConfig
	start  time.Time
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup
	wake   chan struct{} // for Next: something has changed

	mu      sync.Mutex
	m       *playout.Machine
	members [MaxStreams]*member
	full    uint64        // of each stream a bit: its goroutine waits for room
	until   time.Duration // when Next will look by itself; 0 while it does not wait
	events  []Event       // for Events
	telling bool          // somebody calls Events
	closed  bool
}

// NewReceiver makes a Receiver. Close ends it.
func NewReceiver(cfg *ReceiverConfig) (*Receiver, error) {
	c := *cfg
	c.MaxSkew, c.Buffer = cmp.Or(c.MaxSkew, DefaultMaxSkew), cmp.Or(c.Buffer, DefaultBuffer)
	m := playout.Config{Rate: c.Rate, Delay: c.Delay, MaxSkew: c.MaxSkew, Buffer: c.Buffer, MaxGap: c.MaxGap, Policy: c.Policy}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("group: receiver: %w", err)
	}
	r := &Receiver{cfg: c, start: time.Now(), wake: make(chan struct{}, 1), m: playout.New(m)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// now is the machine's.
func (r *Receiver) now() time.Duration { return time.Since(r.start) }

// Serve takes the members that a listener gets, until that or ctx ends, or the Receiver is closed. Several may run, for several carriers.
func (r *Receiver) Serve(ctx context.Context, ln *tenuto.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	for {
		in, err := ln.Next(ctx)
		switch {
		case r.ctx.Err() != nil:
			return ErrClosed
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		_ = r.Accept(ctx, in, nil) // Events has heard why not
	}
}

// Accept takes a member, or refuses it, which is an error. The session has cfg, but for what the group needs; nil is a zero Config.
func (r *Receiver) Accept(ctx context.Context, in *tenuto.Incoming, cfg *tenuto.Config) error {
	var c tenuto.Config
	if cfg != nil {
		c = *cfg
	}
	c.Units, c.Simplex, c.UserData = Units, false, answer{uint32(r.most())}.append(nil)
	d, mb, err := r.admit(in)
	if err != nil {
		_ = in.Refuse(tenuto.RefusedByUser, cut(err.Error()))
		r.tell(Event{Kind: Refused, Stream: d.Stream, Err: err})
		return &StreamError{d.Stream, "refused", err}
	}
	if mb.s, err = in.Accept(ctx, &c); err != nil {
		r.leave(mb, err)
		r.work.Done()
		return &StreamError{d.Stream, "accept", err}
	}
	go mb.run()
	return nil
}

// most is the size of the largest unit.
func (r *Receiver) most() int { return r.cfg.Buffer - playout.Overhead - unitHead }

// admit gives a member its place.
func (r *Receiver) admit(in *tenuto.Incoming) (d Description, mb *member, err error) {
	if d, err = ParseDescription(in.UserData()); err != nil {
		d.Stream = -1
		return d, nil, err
	}
	switch u := in.Parameters().Units; {
	case u&Units != Units:
		return d, nil, fmt.Errorf("the member proposes the functional units %v, and %v are wanted", u, Units)
	case d.Group != r.cfg.Group:
		return d, nil, fmt.Errorf("the group %v is another one", d.Group)
	case !d.Rate.Same(r.cfg.Rate):
		return d, nil, fmt.Errorf("stream %d has times of %v, and the group's are %v", d.Stream, d.Rate, r.cfg.Rate)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return d, nil, ErrClosed
	}
	if err := r.m.Join(d.Stream, d.Essential); err != nil {
		return d, nil, err
	}
	mb = &member{r: r, d: d, room: make(chan struct{}, 1)}
	r.members[d.Stream] = mb
	r.work.Add(1) // for run
	return d, mb, nil
}

// Members describes the streams that there are, in the order of their numbers.
func (r *Receiver) Members() (all []Description) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, mb := range &r.members {
		if mb != nil {
			all = append(all, mb.d)
		}
	}
	return all
}

// grain is how finely Next waits: units that are due within it are handed up together.
const grain = time.Millisecond

// Next waits for the next unit of any stream. Its Data are valid until the next Next.
func (r *Receiver) Next(ctx context.Context) (Unit, error) {
	var timer *time.Timer
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return Unit{}, ErrClosed
		}
		now := r.now()
		u, ok := r.m.Next(now)
		if r.until = 0; !ok {
			r.until = r.m.Look(now)
		}
		wait := r.until - now
		r.flush()
		if ok {
			u.Data = u.Data[unitHead:]
			return u, nil
		}
		wait = max(wait, grain)
		if timer == nil {
			timer = time.NewTimer(wait)
			defer timer.Stop()
		} else {
			timer.Reset(wait)
		}
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			return Unit{}, context.Cause(ctx)
		}
	}
}

// flush does what the machine wants done, and lets go of mu.
func (r *Receiver) flush() {
	for _, a := range r.m.Asks() {
		if mb := r.members[a.Stream]; mb != nil && !r.closed {
			r.work.Go(func() { mb.ask(a) })
		}
	}
	for b := r.full; b != 0; b &= b - 1 {
		if n := bits.TrailingZeros64(b); r.m.Room(n) {
			r.full &^= 1 << n
			r.members[n].room <- struct{}{}
		}
	}
	if r.until > 0 && r.m.Look(r.now()) < r.until-grain {
		r.nudge()
	}
	r.events = append(r.events, r.m.Events()...)
	r.report()
	r.mu.Unlock()
}

// nudge wakes Next.
func (r *Receiver) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// tell tells of an event that is not the machine's.
func (r *Receiver) tell(e Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.report()
	r.mu.Unlock()
}

// report calls Events, without mu, which is held before and after. Who calls it already goes on with what is new.
func (r *Receiver) report() {
	if r.cfg.Events == nil {
		r.events = nil
	}
	if r.telling {
		return
	}
	r.telling = true
	for len(r.events) > 0 {
		events := r.events
		r.events = nil
		r.mu.Unlock()
		for _, e := range events {
			r.cfg.Events(e)
		}
		r.mu.Lock()
	}
	r.telling = false
}

// SeekTo has all streams go on at a time, before or after where they are, with S-RESYNCHRONIZE: what waits and what is on its way is dropped. Units after it
// have another Unit.Seek. A stream that is paused follows when it is resumed.
func (r *Receiver) SeekTo(t int64) error {
	r.mu.Lock()
	err := ErrClosed
	if !r.closed {
		err = r.m.Seek(r.now(), t)
	}
	r.flush()
	if err != nil {
		return fmt.Errorf("group: seek: %w", err)
	}
	return nil
}

// Forget has the group go on without an essential stream that was lost, for which the policy would have it wait.
func (r *Receiver) Forget(stream int) {
	if stream < 0 || stream >= MaxStreams {
		return
	}
	r.mu.Lock()
	r.m.Forget(stream)
	r.flush()
}

// Stats returns the state now.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.m.Stats(r.now())
}

// leave notes the end of a member.
func (r *Receiver) leave(mb *member, err error) {
	r.mu.Lock()
	if r.members[mb.d.Stream] == mb {
		r.members[mb.d.Stream] = nil
		r.m.Left(r.now(), mb.d.Stream, err)
	}
	r.flush()
}

// Close aborts the members' sessions, and waits for their goroutines. Units that wait are dropped.
func (r *Receiver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.nudge()
	r.work.Wait()
	return nil
}
