package durable

import (
	"context"
	"io"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// A Source is what a Sender sends: an activity's octets. One goroutine at a time calls it.
type Source interface {
	// Read reads the next octets. io.EOF is the activity's end, ErrPoint asks for a synchronization point. What Read returns for an offset is always the
	// same, in another process too; any error but these two interrupts the activity.
	Read(b []byte) (n int, err error)

	// Rewind makes Read go on at an offset, which is 0 or that of a synchronization point, and is called before the first Read.
	Rewind(offset int64) error
}

// A Sink is where a receiver writes an activity. One goroutine at a time calls it.
type Sink interface {
	// Write takes the octets behind those that were committed last, or written since.
	io.Writer

	// Commit makes all that was written durable, and r, which has the point behind it and the activity's state, with it or afterwards: in the
	// store that r came from, with the cookie that the sink likes. Ended is the activity's end; with Discarded all that was written
	// is to go. With Interrupted it is the last committed point once more, and nothing was written since.
	// The peer hears of the point when Commit has returned nil.
	Commit(ctx context.Context, r checkpoint.Record) error

	// Close gives back what the sink holds. What was written since the last commit is to be forgotten.
	Close() error
}

// A Noter is a Sink that has something to say to the sender's user of an activity that has ended.
type Noter interface {
	// Note is called after the end's Commit. Only maxText octets of it go; they do not if the session is lost at that moment.
	Note() string
}

// An Activity is one that a peer starts or resumes.
type Activity struct {
	Key     checkpoint.Key
	Peer    string // the peer, for people: its key's fingerprint or its address
	Header  []byte // what the sender says of it, at most MaxHeader octets
	Resumed bool   // S-ACTIVITY-RESUME
}

// MaxHeader is the largest header of an activity, in octets.
const MaxHeader = 4 << 10

// A Receiver opens the sinks of activities. It is called from several goroutines.
type Receiver interface {
	// Open opens an activity's sink where its record says. The record is one that the caller of Open owns: as Open (the function) gets it from a store.
	// Of an activity that has ended the sink may be nil. An error is told to the sender, as text; with checkpoint.ErrNotFound, checkpoint.ErrExists and
	// ErrRefused the sender discards the activity, with others it interrupts it.
	Open(ctx context.Context, a *Activity) (Sink, checkpoint.Record, error)
}

// Open gets the record of an activity that a peer starts or resumes from a store, and makes the caller its owner.
func Open(ctx context.Context, st checkpoint.Store, a *Activity) (checkpoint.Record, error) {
	if a.Resumed {
		return st.Acquire(ctx, a.Key)
	}
	return st.Create(ctx, checkpoint.Record{Key: a.Key, Peer: a.Peer})
}
