package bolt

import (
	"context"
	"errors"
	"runtime"

	"github.com/tenuto-session/tenuto/checkpoint"
)

const (
	maxQueue = 1024 // jobs that wait for the committer; whose is one more waits to get in
	maxGroup = 1024 // jobs that share a transaction
)

// A job is a caller's part of a transaction.
type job struct {
	ctx context.Context
	// run finds out whether what is wanted can be done, and then does it. dirty: it has begun to.
	run  func(t *tables) (dirty bool, err error)
	done chan error // has room for one: the caller may have gone
}

// do has the committer run f in a transaction, and waits until that is durable. When the context ends before, f may still run, or be running: what it has
// set is not to be looked at then.
func (s *Store) do(ctx context.Context, f func(t *tables) (bool, error)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	j := &job{ctx: ctx, run: f, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.gone:
	}
	// The committer may have been stopped, by damage, where it answers nobody; whom it has answered hears that.
	select {
	case err := <-j.done:
		return err
	default:
		return s.h.why()
	}
}

// commit is the committer: it takes what has come since the last transaction, and makes the next of it.
func (s *Store) commit() {
	defer close(s.ended)
	group := make([]*job, 0, maxGroup)
	errs := make([]error, maxGroup)
	for j := range s.jobs {
		// Those whom the last transaction has let go have their next jobs ready by now, if they are let run.
		runtime.Gosched()
		group = append(group[:0], j)
		for more := true; more && len(group) < maxGroup; {
			select {
			case j, ok := <-s.jobs:
				if more = ok; ok {
					group = append(group, j)
				}
			default:
				more = false
			}
		}
		s.write(group, errs[:len(group)])
		for i, j := range group {
			j.done <- errs[i]
		}
		clear(group)
	}
}

// errNothing rolls a transaction back in which nobody has changed anything.
var errNothing = errors.New("nothing")

// write makes a transaction of a group, and says what has become of each of it.
func (s *Store) write(group []*job, errs []error) {
	err := s.update(func(t *tables) error {
		changed := false
		for i, j := range group {
			if errs[i] = j.ctx.Err(); errs[i] != nil {
				continue // the caller has gone
			}
			dirty, err := j.run(t)
			if errs[i] = err; err != nil && dirty {
				return err
			}
			changed = changed || dirty
		}
		if !changed {
			return errNothing
		}
		return nil
	})
	if err == nil || errors.Is(err, errNothing) {
		return
	}
	for i := range errs {
		errs[i] = err
	}
}

// update runs f in a transaction.
func (s *Store) update(f func(*tables) error) error {
	if s.h == nil {
		return s.borrow(context.Background(), toWrite, func(h *handle) error { return h.update(f) })
	}
	return s.h.update(f)
}

// read runs f in a transaction that changes nothing. The caller has begun.
func (s *Store) read(ctx context.Context, f func(*tables) error) error {
	if s.h == nil {
		return s.borrow(ctx, toRead, func(h *handle) error { return h.view(f) })
	}
	return s.h.view(f)
}

// borrow opens a shared file for f.
func (s *Store) borrow(ctx context.Context, p purpose, f func(*handle) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	patient, cancel := s.patience(ctx)
	defer cancel()
	h, err := open(patient, s.path, p)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, corrupt := errors.AsType[*CorruptError](err); corrupt {
			s.lose(err)
		}
		return err
	}
	err = f(h)
	if why := h.why(); why != nil {
		s.lose(why)
	}
	return also(err, h.close())
}

// lose has a shared file not be opened again: each time, what bbolt has mapped of a damaged one might stay mapped.
func (s *Store) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = err
}

// Close does what checkpoint.Store says.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return checkpoint.ErrClosed
	}
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	close(s.jobs)
	select {
	case <-s.ended:
	case <-s.gone:
	}
	if s.h == nil {
		return nil
	}
	return s.h.close()
}
