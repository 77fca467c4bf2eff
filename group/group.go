package group

import (
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group/playout"
)

// MaxStreams is how many streams a group has at most.
const MaxStreams = playout.MaxStreams

// These are playout's.
type (
	// Rate is the unit of a group's times: how many there are in a second.
	Rate = playout.Rate
	// Unit is what a stream's Send has sent, when it is due.
	Unit = playout.Unit
	// Event is something that happened to a group or to one of its streams.
	Event = playout.Event
	// EventKind says what happened.
	EventKind = playout.EventKind
	// Stats are what can be told of a group.
	Stats = playout.Stats
	// StreamStats are what can be told of a stream.
	StreamStats = playout.StreamStats
	// Drift is how much faster the sender's clock runs than the receiver's.
	Drift = playout.Drift
	// Policy says how fast the group's clock runs while a stream is behind it.
	Policy = playout.Policy
	// Lag is a stream that is behind.
	Lag = playout.Lag
	// Skip is the policy that waits for nobody.
	Skip = playout.Skip
	// Wait is the policy that waits for streams that are essential.
	Wait = playout.Wait
	// Slow is the policy that slows down for streams that are essential.
	Slow = playout.Slow
)

// The kinds of events.
const (
	Joined    = playout.Joined
	Refused   = playout.Refused
	Left      = playout.Left
	Lost      = playout.Lost
	Failed    = playout.Failed
	Resync    = playout.Resync
	Moved     = playout.Moved
	Recovered = playout.Recovered
	Rebased   = playout.Rebased
	Paused    = playout.Paused
	Resumed   = playout.Resumed
	Sought    = playout.Sought
	Ahead     = playout.Ahead
	Unmarked  = playout.Unmarked
	Tight     = playout.Tight
)

// Nanoseconds is the rate of times in nanoseconds.
var Nanoseconds = playout.Nanoseconds

var (
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("group: closed")
	// ErrBackward is returned for a time before one that the stream has been at.
	ErrBackward = playout.ErrBackward
	// ErrNegative is returned for a time before 0, which on the wire would be 2^63 or more.
	ErrNegative = playout.ErrNegative
	// ErrSize is returned for a unit that is larger than the receiver takes.
	ErrSize = playout.ErrSize
)

// ResyncedError is returned, once, by the next Send, Mark or Skip of a stream that has been resynchronized or resumed: what it was to send was not sent.
// The stream goes on with the units of the time From, whichever went before.
type ResyncedError struct{ From int64 }

func (e *ResyncedError) Error() string {
	return fmt.Sprintf("group: the stream was resynchronized: it goes on at time %d", e.From)
}

// StreamError says which stream an error is of.
type StreamError struct {
	Stream int
	Doing  string // such as "send"
	Err    error
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("group: stream %d: %s: %v", e.Stream, e.Doing, e.Err)
}

// Unwrap returns what happened.
func (e *StreamError) Unwrap() error { return e.Err }

// said is how a session has ended, with what the peer has said of it.
func said(err error) error {
	if e, ok := errors.AsType[*tenuto.AbortError](err); ok && len(e.Data) > 0 {
		return fmt.Errorf("the peer says: %q: %w", e.Data, err)
	}
	return err
}
