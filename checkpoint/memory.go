package checkpoint

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a Store that is gone with the process. NewMemory makes one. Nothing in it waits, so a context only counts if it has ended before.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	records map[Key]Record
	epoch   uint64 // the last that was given
	closed  bool
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store, whose clock is now; nil is time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, records: map[Key]Record{}}
}

// begin locks the store, unless the context has ended or the store is closed.
func (m *Memory) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	return nil
}

// put keeps a copy of r.
func (m *Memory) put(r Record) Record {
	kept := r
	kept.Cookie = slices.Clone(r.Cookie)
	m.records[r.Key] = kept
	return r
}

// get returns a copy.
func (m *Memory) get(k Key) (Record, error) {
	r, ok := m.records[k]
	if !ok {
		return Record{}, fmt.Errorf("%w: %v", ErrNotFound, k)
	}
	r.Cookie = slices.Clone(r.Cookie)
	return r, nil
}

// Create does what Store says.
func (m *Memory) Create(ctx context.Context, r Record) (Record, error) {
	r.State, r.Changed = Running, stamp(m.now())
	if err := r.Check(); err != nil {
		return Record{}, err
	}
	if err := m.begin(ctx); err != nil {
		return Record{}, err
	}
	defer m.mu.Unlock()
	if _, ok := m.records[r.Key]; ok {
		return Record{}, fmt.Errorf("%w: %v", ErrExists, r.Key)
	}
	m.epoch++
	r.Epoch = m.epoch
	return m.put(r), nil
}

// Acquire does what Store says.
func (m *Memory) Acquire(ctx context.Context, k Key) (Record, error) {
	if err := m.begin(ctx); err != nil {
		return Record{}, err
	}
	defer m.mu.Unlock()
	r, err := m.get(k)
	if err != nil {
		return Record{}, err
	}
	m.epoch++
	r.Epoch = m.epoch
	return m.put(r), nil
}

// Commit does what Store says.
func (m *Memory) Commit(ctx context.Context, r Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	r.Changed = stamp(m.now())
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if have, ok := m.records[r.Key]; !ok || have.Epoch != r.Epoch {
		return fmt.Errorf("%w: %v", ErrFenced, r.Key)
	}
	m.put(r)
	return nil
}

// Get does what Store says.
func (m *Memory) Get(ctx context.Context, k Key) (Record, error) {
	if err := m.begin(ctx); err != nil {
		return Record{}, err
	}
	defer m.mu.Unlock()
	return m.get(k)
}

// List yields the records that there are when it begins, each as it is when it is yielded.
func (m *Memory) List(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := m.begin(ctx); err != nil {
			yield(Record{}, err)
			return
		}
		keys := slices.SortedFunc(maps.Keys(m.records), Key.Compare)
		m.mu.Unlock()
		for _, k := range keys {
			if err := m.begin(ctx); err != nil {
				yield(Record{}, err)
				return
			}
			r, err := m.get(k)
			m.mu.Unlock()
			if err == nil && !yield(r, nil) {
				return
			}
		}
	}
}

// Expire does what Store says.
func (m *Memory) Expire(ctx context.Context, then time.Time, all bool) (n int, err error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	for k, r := range m.records {
		if r.Changed.Before(then) && (all || r.State.Over()) {
			delete(m.records, k)
			n++
		}
	}
	return n, nil
}

// Close does what Store says.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.closed = true
	return nil
}

// Compare orders keys as List does: by role, initiator and ID, the strings by their octets.
func (k Key) Compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Role, l.Role), cmp.Compare(k.Initiator, l.Initiator), cmp.Compare(k.ID, l.ID))
}

// stamp is a moment as stores keep it in Record.Changed: in UTC and without a monotonic reading, so that what was kept equals what is read.
func stamp(t time.Time) time.Time { return t.Round(0).UTC() }
