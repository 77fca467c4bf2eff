package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// How long the file's lock is waited for where Options do not say.
const (
	DefaultTimeout       = time.Second
	DefaultSharedTimeout = 10 * time.Second
)

const (
	listStep   = 128  // records that List reads in one transaction
	expireStep = 1024 // records that Expire looks at in one
)

// Options of a store. The zero value is fine.
type Options struct {
	// Timeout is how long Open, and with Shared every call, waits for other processes to give the file back before it returns ErrLocked.
	// 0 is DefaultTimeout, or DefaultSharedTimeout.
	Timeout time.Duration

	// Shared opens the file, and holds its lock, for each transaction alone, so that several processes can use one file. Each call costs
	// more then. Who has the file open without Shared keeps all others out.
	Shared bool

	// Now is the clock that Record.Changed is taken from; nil is time.Now. Nothing else depends on it.
	Now func() time.Time
}

// Store is a checkpoint.Store in a file. Open makes one.
type Store struct {
	path    string
	timeout time.Duration
	now     func() time.Time

	h    *handle         // nil if the file is shared
	gone <-chan struct{} // h's

	mu     sync.Mutex
	closed bool
	lost   error // why the file is not used any more
	calls  sync.WaitGroup
	jobs   chan *job
	ended  chan struct{} // the committer has
	turn   chan struct{} // of a shared file: holds one token, for who may open it
}

var _ checkpoint.Store = (*Store)(nil)

// Open opens the store at path, and makes it, with mode 0600, if there is none; the folder must be there. It starts a goroutine, which Close ends.
// Errors are a *CorruptError, a *VersionError, ErrLocked, or the system's.
func Open(path string, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Store{path: path, timeout: o.Timeout, now: o.Now, jobs: make(chan *job, maxQueue), ended: make(chan struct{}), turn: make(chan struct{}, 1)}
	if s.timeout == 0 && o.Shared {
		s.timeout = DefaultSharedTimeout
	} else if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	if s.now == nil {
		s.now = time.Now
	}
	ctx, cancel := s.patience(context.Background())
	defer cancel()
	h, err := openWhole(ctx, path)
	if err != nil {
		return nil, err
	}
	if o.Shared {
		if err := h.close(); err != nil {
			return nil, err
		}
	} else {
		s.h, s.gone = h, h.gone
	}
	go s.commit()
	return s, nil
}

// patience bounds how long a file's lock is waited for.
func (s *Store) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("%w (waited %v)", ErrLocked, s.timeout))
}

// openWhole opens a file for writing after it has checked it, and makes it first if there is none.
func openWhole(ctx context.Context, path string) (*handle, error) {
	if dir := filepath.Dir(path); !isFolder(dir) {
		return nil, fmt.Errorf("bolt: open %s: there is no folder %s", path, dir)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("bolt: make %s: %w", path, err)
	}
	if err := flushFolder(path); err != nil {
		return nil, fmt.Errorf("bolt: flush the folder of %s: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	}
	if info.Size() > 0 {
		// Under a lock that others who read have, too: bbolt takes up what it writes to at once.
		h, err := open(ctx, path, toRead)
		if err != nil {
			return nil, err
		}
		if err := check(h.file); err != nil {
			return nil, also(&CorruptError{path, err}, h.close())
		}
		if err := h.close(); err != nil {
			return nil, err
		}
	}
	h, err := open(ctx, path, toMake)
	if err != nil {
		return nil, err
	}
	empty := false
	err = guard(path, func() error {
		return h.db.View(func(tx *bbolt.Tx) error {
			if name, _ := tx.Cursor().First(); name == nil {
				empty = true
				return nil
			}
			_, err := openTables(path, tx)
			return err
		})
	})
	if empty {
		err = guard(path, func() error { return h.db.Update(func(tx *bbolt.Tx) error { return setUp(path, tx) }) })
	}
	if err != nil {
		return nil, also(err, h.close())
	}
	return h, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// begin lets a call in; end lets it out.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return checkpoint.ErrClosed
	}
	if s.h != nil {
		s.lost = s.h.why()
	}
	if s.lost != nil {
		return s.lost
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) end() { s.calls.Done() }

// Create does what checkpoint.Store says.
func (s *Store) Create(ctx context.Context, r checkpoint.Record) (checkpoint.Record, error) {
	r.State, r.Changed = checkpoint.Running, stamp(s.now())
	if err := r.Check(); err != nil {
		return checkpoint.Record{}, err
	}
	r.Cookie = bytes.Clone(r.Cookie) // the caller may be gone before it is written
	key := encodeKey(r.Key)
	err := s.do(ctx, func(t *tables) (bool, error) {
		if _, ok, err := t.get(key); err != nil {
			return false, err
		} else if ok {
			return false, fmt.Errorf("%w: %v", checkpoint.ErrExists, r.Key)
		}
		var err error
		if r.Epoch, err = t.nextEpoch(); err != nil {
			return true, err
		}
		return true, t.put(key, &r)
	})
	if err != nil {
		return checkpoint.Record{}, err
	}
	return r, nil
}

// Acquire does what checkpoint.Store says.
func (s *Store) Acquire(ctx context.Context, k checkpoint.Key) (checkpoint.Record, error) {
	key := encodeKey(k)
	var r checkpoint.Record
	err := s.do(ctx, func(t *tables) (bool, error) {
		var ok bool
		var err error
		if r, ok, err = t.get(key); err != nil {
			return false, err
		} else if !ok {
			return false, fmt.Errorf("%w: %v", checkpoint.ErrNotFound, k)
		}
		if r.Epoch, err = t.nextEpoch(); err != nil {
			return true, err
		}
		return true, t.put(key, &r)
	})
	if err != nil {
		return checkpoint.Record{}, err
	}
	return r, nil
}

// Commit does what checkpoint.Store says.
func (s *Store) Commit(ctx context.Context, r checkpoint.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	r.Changed, r.Cookie = stamp(s.now()), bytes.Clone(r.Cookie)
	key := encodeKey(r.Key)
	return s.do(ctx, func(t *tables) (bool, error) {
		have, ok, err := t.get(key)
		if err != nil {
			return false, err
		}
		if !ok || have.Epoch != r.Epoch {
			return false, fmt.Errorf("%w: %v", checkpoint.ErrFenced, r.Key)
		}
		return true, t.put(key, &r)
	})
}

// Get does what checkpoint.Store says.
func (s *Store) Get(ctx context.Context, k checkpoint.Key) (r checkpoint.Record, err error) {
	if err := s.begin(ctx); err != nil {
		return r, err
	}
	defer s.end()
	key := encodeKey(k)
	err = s.read(ctx, func(t *tables) error {
		var ok bool
		if r, ok, err = t.get(key); err == nil && !ok {
			err = fmt.Errorf("%w: %v", checkpoint.ErrNotFound, k)
		}
		return err
	})
	return r, err
}

// List does what checkpoint.Store says. It reads some records at a time: it sees none, some or all of what is changed meanwhile.
func (s *Store) List(ctx context.Context) iter.Seq2[checkpoint.Record, error] {
	return func(yield func(checkpoint.Record, error) bool) {
		var last []byte
		for {
			page, next, err := s.page(ctx, last, listStep)
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if err != nil {
				yield(checkpoint.Record{}, err)
			}
			if err != nil || len(page) < listStep {
				return
			}
			last = next
		}
	}
}

func (s *Store) page(ctx context.Context, after []byte, n int) (page []checkpoint.Record, last []byte, err error) {
	if err := s.begin(ctx); err != nil {
		return nil, nil, err
	}
	defer s.end()
	err = s.read(ctx, func(t *tables) error {
		page, last, err = t.page(after, n)
		return err
	})
	return page, last, err
}

// Expire does what checkpoint.Store says. It goes through the records in several transactions: with an error, n of them are gone nevertheless.
func (s *Store) Expire(ctx context.Context, then time.Time, all bool) (n int, err error) {
	var last []byte
	for more := true; more; {
		removed := 0
		err := s.do(ctx, func(t *tables) (bool, error) {
			page, next, err := t.page(last, expireStep)
			if err != nil {
				return false, err
			}
			for _, r := range page {
				if r.Changed.Before(then) && (all || r.State.Over()) {
					if err := t.records.Delete(encodeKey(r.Key)); err != nil {
						return true, err
					}
					removed++
				}
			}
			last, more = next, len(page) == expireStep
			return removed > 0, nil
		})
		if err != nil {
			return n, err
		}
		n += removed
	}
	return n, nil
}

// stamp is a moment as it is kept.
func stamp(t time.Time) time.Time { return t.Round(0).UTC() }
