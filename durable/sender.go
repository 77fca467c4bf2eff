package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/identity"
)

// What the zero values of a Sender's fields stand for.
const (
	DefaultDistance = 8 << 20 // octets
	DefaultInterval = time.Second
	DefaultWindow   = 8
	DefaultPatience = 10 * time.Minute
)

const (
	firstBackoff = 20 * time.Millisecond
	lastBackoff  = 5 * time.Second
	// grace is how long the peer may take to answer when an activity is interrupted or discarded, or the session released.
	grace = 5 * time.Second
	// recordEvery is how often a sender's record follows what is confirmed. The receiver's counts: this one is for people, and notes that another
	// sender has taken the activity over.
	recordEvery = 5 * time.Second
)

// A Sender sends activities, one after the other, over a session that it dials when it is wanted. Several Senders may share an endpoint and a store. Its
// methods have one caller at a time, and its fields are not changed once it is in use.
type Sender struct {
	// Dial opens a session with the receiver, with cfg, which may be changed but for Units and Reference.
	Dial func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error)
	// Store has the sender's records.
	Store checkpoint.Store
	// Initiator is the Key.Initiator of records: the fingerprint of this endpoint's key. Over osi:// it is what the receiver knows the sender by.
	Initiator string
	// Peer names the receiver in records.
	Peer string

	// Distance is how many octets there are from one synchronization point to the next, at least MinDistance; it grows with the activity. 0 is DefaultDistance.
	Distance int64
	// Interval is how long octets wait for a synchronization point when they come slowly; 0 is DefaultInterval, less is for ever.
	Interval time.Duration
	// Window is how many synchronization points may be unconfirmed; 0 is DefaultWindow.
	Window int
	// Patience is how long Send tries to get a session again without any progress; 0 is DefaultPatience. The first session of a Sender is tried once.
	Patience time.Duration
	// Idle, if it is not 0, is how long a Source may have nothing to read until the activity is interrupted and the session released, to be dialled again
	// when there is something: for transports that can not be parked.
	Idle time.Duration
	// Logger is for what Send survives; nil is slog.Default.
	Logger *slog.Logger

	s   *tenuto.Session // nil while there is none
	ref tenuto.Reference
	had bool // a session, some time
}

// An Outgoing is an activity that is to be sent.
type Outgoing struct {
	ID     string // the activity identifier, 1 to checkpoint.MaxID octets: NewID makes one
	Header []byte // for the receiver, at most MaxHeader octets; the same each time
	Cookie []byte // for the sender's record, at most checkpoint.MaxCookie octets
	Source Source
	// Progress, if it is not nil, hears how far the activity is. It must not wait.
	Progress func(Progress)
}

// Progress is how far an activity is.
type Progress struct {
	Sent      int64  // octets of the activity before what is sent next
	Committed int64  // octets that the receiver has made durable
	Sessions  int    // on which this Send has begun or resumed it
	Note      string // with the end: what the receiver says of it; quote it
}

// NewID makes an activity identifier.
func NewID() string {
	b := make([]byte, checkpoint.MaxID)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

// Send sends an activity: it begins it, or goes on with what the store has a record of. It returns nil when the receiver has committed its end, now or
// before; a *PeerError, *SourceError, *GaveUpError, checkpoint.ErrFenced or the context's error when it is interrupted or discarded; and what Dial returns
// when there has never been a session, or the peer does not take this one.
func (snd *Sender) Send(ctx context.Context, o Outgoing) error {
	rec, fresh, err := snd.own(ctx, &o)
	switch {
	case err != nil:
		return err
	case rec.State == checkpoint.Ended:
		return nil
	case rec.State == checkpoint.Discarded:
		return fmt.Errorf("durable: send %v: %w: it was discarded", rec.Key, checkpoint.ErrNotFound)
	}
	rec.State = checkpoint.Running
	a := &outbound{snd: snd, o: &o, rec: rec, fresh: fresh, pump: pump{src: o.Source}}
	defer a.pump.stop()
	return a.record(ctx, snd.until(ctx, a, a.send))
}

// Discard makes an activity's receiver drop what it has of it, and the records say so. It returns as Send does.
func (snd *Sender) Discard(ctx context.Context, id string) error {
	rec, err := snd.Store.Acquire(ctx, snd.key(id))
	if err != nil || rec.State.Over() {
		return err
	}
	a := &outbound{snd: snd, o: &Outgoing{ID: id}, rec: rec}
	err = a.record(ctx, snd.until(ctx, a, a.discard))
	if refused, ok := errors.AsType[*PeerError](err); ok && refused.Discarded { // it knew nothing of it
		return nil
	}
	return err
}

// Close releases the session.
func (snd *Sender) Close() error {
	s := snd.s
	if s == nil {
		return nil
	}
	snd.s = nil
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.Release(ctx, nil)
	for err == nil {
		_, err = s.Receive(ctx)
	}
	if errors.Is(err, tenuto.ErrReleased) {
		return nil
	}
	_ = s.Abort(nil)
	return err
}

func (snd *Sender) key(id string) checkpoint.Key {
	return checkpoint.Key{Role: checkpoint.Sender, Initiator: snd.Initiator, ID: id}
}

// own gets the activity's record; fresh tells that it is a new one.
func (snd *Sender) own(ctx context.Context, o *Outgoing) (rec checkpoint.Record, fresh bool, err error) {
	if len(o.Header) > MaxHeader {
		return rec, false, fmt.Errorf("durable: send: header: %d octets exceed %d", len(o.Header), MaxHeader)
	}
	if snd.Distance != 0 && snd.Distance < MinDistance {
		return rec, false, fmt.Errorf("durable: send: distance: %d octets are less than %d", snd.Distance, MinDistance)
	}
	k := snd.key(o.ID)
	rec, err = snd.Store.Create(ctx, checkpoint.Record{Key: k, Peer: snd.Peer, Cookie: o.Cookie})
	if !errors.Is(err, checkpoint.ErrExists) {
		return rec, true, err
	}
	rec, err = snd.Store.Acquire(ctx, k)
	return rec, false, err
}

// until does something with an activity on one session after the other, until it is done or can not be.
func (snd *Sender) until(ctx context.Context, a *outbound, do func(context.Context) error) error {
	patience := cmp.Or(snd.Patience, DefaultPatience)
	backoff, last := firstBackoff, time.Now()
	for {
		before := a.rec.Offset
		err := snd.session(ctx)
		if err == nil {
			if err = do(ctx); errors.Is(err, errIdle) {
				if err = a.rest(ctx); err == nil {
					continue
				}
			}
			if !lost(err) {
				return err
			}
			snd.drop()
			if fenced := snd.still(ctx, &a.rec); fenced != nil {
				return fenced
			}
		} else if !snd.had || final(err) {
			return err
		}
		if a.rec.Offset > before {
			backoff, last = firstBackoff, time.Now()
		}
		if time.Since(last) > patience {
			return &GaveUpError{err}
		}
		snd.logger().Warn("session lost", "peer", snd.Peer, "cause", err, "again", backoff)
		if err := sleep(ctx, backoff/2+rand.N(backoff)); err != nil {
			return err
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// still brings the record up to date, and tells whether another has taken the activity over: the receiver has ended the session for that, perhaps, and to
// resume it would take it away from the other again.
func (snd *Sender) still(ctx context.Context, rec *checkpoint.Record) error {
	err := snd.Store.Commit(ctx, *rec)
	if errors.Is(err, checkpoint.ErrFenced) {
		return err
	}
	if err != nil {
		snd.logger().Warn("not recorded", "activity", rec.Key.String(), "cause", err) // the receiver's record counts
	}
	return nil
}

// session dials, unless there is a session.
func (snd *Sender) session(ctx context.Context) error {
	if snd.s != nil {
		return nil
	}
	cfg := &tenuto.Config{Units: Units, Reference: tenuto.Reference{
		Calling: []byte(snd.Initiator[:min(len(snd.Initiator), maxReference)]),
		Common:  []byte(time.Now().UTC().Format("060102150405Z")), // as UTCTime
	}}
	s, err := snd.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	if s.Units() != Units {
		_ = s.Abort(nil)
		return fmt.Errorf("durable: the peer's functional units are %v, and %v are wanted: %w", s.Units(), Units, errUnits)
	}
	snd.s, snd.had, snd.ref = s, true, cfg.Reference
	return nil
}

// maxReference is the size of the largest user reference. X.225
const maxReference = 64

// drop ends a session that is of no more use.
func (snd *Sender) drop() {
	if snd.s != nil {
		_ = snd.s.Abort(nil)
		snd.s = nil
	}
}

func (snd *Sender) logger() *slog.Logger {
	if snd.Logger != nil {
		return snd.Logger
	}
	return slog.Default()
}

var errUnits = errors.New("it does not take activities")

// lost tells whether an error is the session's, so that another session may do better.
func lost(err error) bool {
	_, aborted := errors.AsType[*tenuto.AbortError](err)
	return aborted || errors.Is(err, tenuto.ErrReleased) || errors.Is(err, tenuto.ErrClosed)
}

// final tells which of Dial's errors time does not mend.
func final(err error) bool {
	if refused, ok := errors.AsType[*tenuto.RefusedError](err); ok {
		return refused.Reason != tenuto.RefusedServiceNotThere && refused.Reason != tenuto.RefusedCongestion
	}
	_, unknown := errors.AsType[*tenuto.UnknownPeerError](err)
	_, changed := errors.AsType[*identity.ChangedKeyError](err)
	return unknown || changed || errors.Is(err, tenuto.ErrNotAdmitted) || errors.Is(err, errUnits)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
