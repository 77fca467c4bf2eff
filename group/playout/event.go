package playout

import (
	"fmt"
	"time"
)

// Event is something that happened to a group or to one of its streams. Its String is a sentence.
type Event struct {
	Kind   EventKind
	Stream int           // -1 where it is the group
	Time   int64         // of Resync and Seek: where the stream is to go on; of the others: where it is
	For    time.Duration // of Resync how far behind, of Recovered since when; see the kinds
	Err    error         // of Lost, Failed and Refused
}

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	Joined    EventKind = iota + 1 // a member has opened a stream
	Refused                        // a member was refused: Err says why
	Left                           // a member has ended its stream
	Lost                           // a member's session has ended without release
	Failed                         // a member has done what it may not: Err says what. Its session is aborted
	Resync                         // a stream is behind the clock by For, and is asked to go on at Time
	Moved                          // the sender has moved a stream on to Time
	Recovered                      // a stream that was asked to go on has gone on in time, For after the first request
	Rebased                        // not even fresh units come in time: the clock is set back by For
	Paused                         // the sender has interrupted a stream, which is at Time
	Resumed                        // and goes on at Time
	Sought                         // Seek: the group is to go on at Time
	Ahead                          // a stream's time leaps ahead of the others by For
	Unmarked                       // a stream has sent units for For, and no mark
	Tight                          // a stream's buffer is full, and holds For instead of the playout delay
)

var kindNames = [...]string{"", "joined", "refused", "left", "lost", "failed", "resync", "moved", "recovered", "rebased", "paused", "resumed",
	"sought", "ahead", "unmarked", "tight"}

func (k EventKind) String() string {
	if k > 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("event %d", uint8(k))
}

func (e Event) String() string {
	var what string
	d := e.For.Round(time.Microsecond)
	switch e.Kind {
	case Refused, Lost, Failed:
		what = fmt.Sprintf("%v: %v", e.Kind, e.Err)
	case Joined, Left:
		what = e.Kind.String()
	case Resync:
		what = fmt.Sprintf("is %v behind the group's clock, and is asked to go on at %d", d, e.Time)
	case Moved:
		what = fmt.Sprintf("was moved on to %d by the sender", e.Time)
	case Recovered:
		what = fmt.Sprintf("is in step again at %d, after %v", e.Time, d)
	case Rebased:
		what = fmt.Sprintf("cannot come any earlier: the group's clock is set back by %v", d)
	case Paused:
		what = fmt.Sprintf("is paused at %d", e.Time)
	case Resumed:
		what = fmt.Sprintf("is resumed at %d", e.Time)
	case Sought:
		what = fmt.Sprintf("goes to %d", e.Time)
	case Ahead:
		what = fmt.Sprintf("leaps ahead by %v, to %d: is its unit another one?", d, e.Time)
	case Unmarked:
		what = fmt.Sprintf("has sent units for %v and no mark: it can be waited for no better than its units tell, and its drift is not known", d)
	case Tight:
		what = fmt.Sprintf("has a buffer that is full with %v, which is less than the playout delay", d)
	default:
		what = e.Kind.String()
	}
	if e.Stream < 0 {
		return "group: " + what
	}
	return fmt.Sprintf("stream %d: %s", e.Stream, what)
}
