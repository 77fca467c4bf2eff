// Package checkpoint keeps, over crashes, how far activities have come. A Store holds one Record for each activity at each of its ends, and changes it
// for its owner alone.
//
//	rec, err := st.Create(ctx, checkpoint.Record{Key: key, Peer: peer}) // or st.Acquire(ctx, key), which fences its owner until now
//	rec.Serial = 1
//	err = st.Commit(ctx, rec) // durable, unless err says otherwise
//
// Memory is a store for tests and for what need not outlive the process; package bolt has the embedded one. The suite that every store passes is package
// checkpointtest.
package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Limits of records, in octets.
const (
	MaxID        = 6       // X.225: the activity identifier
	MaxInitiator = 256     // Key.Initiator
	MaxPeer      = 256     // Record.Peer
	MaxLink      = 256     // Record.Link
	MaxCookie    = 4 << 10 // Record.Cookie
)

// Errors of stores. errors.Is works with them; what a store returns may say more.
var (
	ErrNotFound = errors.New("checkpoint: unknown activity")
	ErrExists   = errors.New("checkpoint: the activity exists")
	// ErrFenced is returned to who is not the activity's owner any more: nothing was committed, and nothing will be.
	ErrFenced = errors.New("checkpoint: another has taken the activity over")
	ErrClosed = errors.New("checkpoint: store closed")
)

// Role is the end of an activity that a record is of. Both ends may keep their records in one store.
type Role uint8

// The roles.
const (
	Sender Role = 1 + iota
	Receiver
)

func (r Role) String() string {
	switch r {
	case Sender:
		return "sender"
	case Receiver:
		return "receiver"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// Key names a record.
type Key struct {
	Role      Role
	Initiator string // the key's fingerprint of the session's initiator, who made up the ID; empty where nobody has a key
	ID        string // the activity identifier, 1 to MaxID octets of any value
}

func (k Key) String() string { return fmt.Sprintf("%v of %x by %q", k.Role, k.ID, k.Initiator) }

// State is what has become of an activity.
type State uint8

// The states.
const (
	Running     State = 1 + iota // or its owner has crashed
	Interrupted                  // to be resumed
	Ended
	Discarded
)

func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Interrupted:
		return "interrupted"
	case Ended:
		return "ended"
	case Discarded:
		return "discarded"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Over tells whether the activity can not be resumed.
func (s State) Over() bool { return s == Ended || s == Discarded }

// A Record is what is known of an activity at one of its ends.
type Record struct {
	Key
	Peer    string    // the other end, as its user has named it
	Epoch   uint64    // of its owner: a store never gives one twice, and later ones are higher
	Serial  uint32    // the last synchronization point that is committed, 0 for none
	Offset  int64     // octets of the activity before that
	Digest  [32]byte  // of those octets, as the activity's user computes it
	State   State     //
	Link    string    // names the session connection on which it ran last, at most MaxLink octets
	Cookie  []byte    // the application's, at most MaxCookie octets
	Changed time.Time // when the record was written last, by the store's clock
}

func (r Record) String() string {
	return fmt.Sprintf("%v: %v at synchronization point %d, octet %d (epoch %d)", r.Key, r.State, r.Serial, r.Offset, r.Epoch)
}

// Check returns what is wrong with a record that is to be written.
func (r *Record) Check() error {
	for _, f := range []struct {
		name      string
		n, lo, hi int
	}{
		{"activity identifier", len(r.ID), 1, MaxID},
		{"initiator", len(r.Initiator), 0, MaxInitiator},
		{"peer", len(r.Peer), 0, MaxPeer},
		{"link", len(r.Link), 0, MaxLink},
		{"cookie", len(r.Cookie), 0, MaxCookie},
		{"role", int(r.Role), int(Sender), int(Receiver)},
		{"state", int(r.State), int(Running), int(Discarded)},
	} {
		if f.n < f.lo || f.n > f.hi {
			return fmt.Errorf("checkpoint: write %v: %s: %d is not within %d and %d", r.Key, f.name, f.n, f.lo, f.hi)
		}
	}
	return nil
}

// A Store keeps records. It is safe for concurrent use, and whoever waits in it is let go when the context ends, with its error: what was to be written
// may then be written or not. Cookies given to it and got from it belong to the caller.
type Store interface {
	// Create makes an activity's first record, in State Running, with an Epoch, or returns ErrExists. The caller is its owner. It is durable.
	Create(ctx context.Context, r Record) (Record, error)

	// Acquire makes the caller an activity's owner: it returns the record as it was committed last, with a new Epoch, which is durable. Every owner before
	// is fenced. It returns ErrNotFound if there is no record. The state stays as it was.
	Acquire(ctx context.Context, k Key) (Record, error)

	// Commit replaces a record whose Epoch is that of r, but for Changed. When it returns nil r is durable; commits of several callers may share
	// what makes them so. It returns ErrFenced if r's Epoch is another, or there is no record any more.
	Commit(ctx context.Context, r Record) error

	// Get returns a record, or ErrNotFound.
	Get(ctx context.Context, k Key) (Record, error)

	// List yields all records, ordered by key; an error is the last.
	List(ctx context.Context) iter.Seq2[Record, error]

	// Expire removes the records that were written before then and are over; all is true: the others, too. It returns how many.
	Expire(ctx context.Context, then time.Time, all bool) (n int, err error)

	// Close waits for commits that have begun, and fails all calls after it, and another Close, with ErrClosed.
	Close() error
}
