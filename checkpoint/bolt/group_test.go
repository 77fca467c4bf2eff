package bolt

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"

	"go.etcd.io/bbolt"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// hold keeps the committer busy in a transaction until what it returns is called. That waits until the transaction is over.
func hold(t *testing.T, st *Store) (release func()) {
	t.Helper()
	entered, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		err := st.do(t.Context(), func(*tables) (bool, error) {
			close(entered)
			<-leave
			return false, nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-entered
	return func() { close(leave); <-left }
}

// transactions is how many there have been.
func transactions(t *testing.T, st *Store) (n int) {
	t.Helper()
	if err := st.h.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// What has come during a transaction is the next one. Who is fenced, or has gone, is left out of it.
func TestGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	synctest.Test(t, func(t *testing.T) {
		st := mustOpen(t, path, nil)
		const n = 100
		var records []checkpoint.Record
		for i := range n {
			r, err := st.Create(t.Context(), checkpoint.Record{Key: key(i)})
			if err != nil {
				t.Fatal(err)
			}
			r.Serial = 1
			records = append(records, r)
		}
		before := transactions(t, st)
		release := hold(t, st)
		errs := make([]error, n)
		ctx, cancel := context.WithCancel(t.Context())
		for i, r := range records {
			go func() {
				ctx := ctx
				switch i % 3 {
				case 0:
					ctx = t.Context()
				case 1:
					ctx = t.Context()
					r.Epoch += 1000
				}
				errs[i] = st.Commit(ctx, r)
			}()
		}
		synctest.Wait()
		cancel()
		synctest.Wait() // they have gone, though the committer is busy still
		for i, err := range errs {
			if gone := i%3 == 2; gone != errors.Is(err, context.Canceled) {
				t.Errorf("commit %d: %v", i, err)
			}
		}
		release()
		synctest.Wait()
		if got := transactions(t, st) - before; got != 1 {
			t.Errorf("%d transactions, want 1", got)
		}
		for i, err := range errs {
			if i%3 == 0 && err != nil || i%3 == 1 && !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("commit %d: %v", i, err)
			}
			r, err := st.Get(t.Context(), key(i))
			if want := i%3 == 0; err != nil || (r.Serial == 1) != want {
				t.Errorf("activity %d: serial %d, %v; committed %v", i, r.Serial, err, want)
			}
		}
		// A transaction that changes nothing is none.
		before = transactions(t, st)
		if err := st.Commit(t.Context(), checkpoint.Record{Key: key(1), State: checkpoint.Running}); !errors.Is(err, checkpoint.ErrFenced) {
			t.Error(err)
		}
		if got := transactions(t, st) - before; got != 0 {
			t.Errorf("%d transactions of nothing", got)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
}

// More than the queue holds wait outside, and are let go there, too. Close waits for all.
func TestQueue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	synctest.Test(t, func(t *testing.T) {
		st := mustOpen(t, path, nil)
		r, err := st.Create(t.Context(), checkpoint.Record{Key: key(0)})
		if err != nil {
			t.Fatal(err)
		}
		release := hold(t, st)
		const n = maxQueue + 200
		errs := make([]error, n)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range n {
			go func() { errs[i] = st.Commit(t.Context(), r) }()
		}
		synctest.Wait()
		outside := make(chan error)
		go func() { outside <- st.Commit(ctx, r) }()
		synctest.Wait()
		cancel()
		if err := <-outside; !errors.Is(err, context.Canceled) {
			t.Errorf("Commit outside of the queue: %v", err)
		}
		closed := make(chan error, 1)
		go func() { closed <- st.Close() }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Errorf("Close does not wait: %v", err)
		default:
		}
		if err := st.Commit(t.Context(), r); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("Commit after Close: %v", err)
		}
		release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("commit %d: %v", i, err)
			}
		}
	})
}
