package durable

import (
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto"
)

var (
	// ErrPoint is what a Source's Read returns, perhaps with octets, where it wants a synchronization point behind them.
	ErrPoint = errors.New("durable: synchronization point")

	// ErrRefused makes a Receiver's error one that time does not mend: the sender discards the activity.
	ErrRefused = errors.New("durable: refused")

	errPoints = fmt.Errorf("durable: the activity has %d synchronization points, and may have no more", maxPoints)
)

// PeerError says that the receiver could not go on with an activity. The sender has interrupted it, or discarded it where Discarded says so.
type PeerError struct {
	Reason    tenuto.ExceptionReason
	Text      string // what the receiver says
	Discarded bool   // it can not be resumed
}

func (e *PeerError) Error() string {
	what := "interrupted"
	if e.Discarded {
		what = "discarded"
	}
	if e.Text == "" {
		return fmt.Sprintf("durable: the activity is %s, for the receiver says: %v", what, e.Reason)
	}
	return fmt.Sprintf("durable: the activity is %s, for the receiver says: %s", what, e.Text)
}

// SourceError says that a Source could not be read. The activity is interrupted.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return "durable: read the source: " + e.Err.Error() }

// Unwrap returns the Source's error.
func (e *SourceError) Unwrap() error { return e.Err }

// GaveUpError says that an activity could not be brought to its end within Sender.Patience. It is interrupted here; the receiver may not know.
type GaveUpError struct{ Err error }

func (e *GaveUpError) Error() string { return "durable: no progress for too long: " + e.Err.Error() }

// Unwrap returns what happened last.
func (e *GaveUpError) Unwrap() error { return e.Err }
