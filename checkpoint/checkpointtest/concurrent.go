package checkpointtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
)

func testManyActivities(t *testing.T, e *env) {
	st := e.open()
	const activities, points = 256, 20
	var epochs sync.Map
	var all sync.WaitGroup
	for i := range activities {
		all.Go(func() {
			r, err := st.Create(t.Context(), checkpoint.Record{Key: key(i)})
			if err != nil {
				t.Error(err)
				return
			}
			if other, twice := epochs.LoadOrStore(r.Epoch, i); twice {
				t.Errorf("epoch %d is that of %d and %d", r.Epoch, i, other)
			}
			for range points {
				r.Serial++
				r.Offset += 1000
				if err := st.Commit(t.Context(), r); err != nil {
					t.Error(err)
					return
				}
				if got, err := st.Get(t.Context(), r.Key); err != nil || got.Serial != r.Serial {
					t.Errorf("Get after Commit of %d: %d, %v", r.Serial, got.Serial, err)
				}
			}
			// Who is fenced fails alone.
			r.Epoch--
			if err := st.Commit(t.Context(), r); !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("Commit of another epoch: %v", err)
			}
		})
	}
	within(t, "committing", all.Wait)
	records := mustList(t, st)
	if len(records) != activities {
		t.Fatalf("%d records, want %d", len(records), activities)
	}
	for _, r := range records {
		if r.Serial != points || r.Offset != points*1000 {
			t.Errorf("%v: serial %d, offset %d", r.Key, r.Serial, r.Offset)
		}
	}
}

func testOwners(t *testing.T, e *env) {
	stores := []checkpoint.Store{e.open()}
	if e.Shared {
		stores = append(stores, e.open(), e.open())
	}
	race(t, stores)
}

// race has many take one activity over, again and again, and add one to its serial while they can.
func race(t *testing.T, stores []checkpoint.Store) {
	mustCreate(t, stores[0], key(1))
	const owners, rounds = 12, 10
	var commits, fenced atomic.Int64
	var all sync.WaitGroup
	for i := range owners {
		st := stores[i%len(stores)]
		all.Go(func() {
			for range rounds {
				r, err := st.Acquire(t.Context(), key(1))
				if err != nil {
					t.Error(err)
					return
				}
				for range 3 {
					// What an owner adds to is what it has seen, so that a commit by one who is fenced would lose another's.
					r.Serial++
					if err = st.Commit(t.Context(), r); err != nil {
						break
					}
					commits.Add(1)
				}
				if errors.Is(err, checkpoint.ErrFenced) {
					fenced.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	within(t, "the race", all.Wait)
	if got := mustGet(t, stores[0], key(1)); int64(got.Serial) != commits.Load() {
		t.Errorf("serial %d after %d commits", got.Serial, commits.Load())
	}
	// All in a row, none commits between: only the last can.
	var records []checkpoint.Record
	for range owners {
		records = append(records, mustAcquire(t, stores[len(records)%len(stores)], key(1)))
	}
	for i, r := range records {
		err := stores[(i+1)%len(stores)].Commit(t.Context(), r)
		if last := i == len(records)-1; last && err != nil || !last && !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("Commit by owner %d of %d: %v", i, len(records), err)
		}
	}
	t.Logf("%d commits, %d times fenced", commits.Load(), fenced.Load())
}

// calls are all that take a context, and return what is wrong with what they did.
func calls(ctx context.Context, st checkpoint.Store, r checkpoint.Record) map[string]error {
	errs := map[string]error{}
	_, errs["Create"] = st.Create(ctx, checkpoint.Record{Key: key(100)})
	_, errs["Acquire"] = st.Acquire(ctx, r.Key)
	errs["Commit"] = st.Commit(ctx, r)
	_, errs["Get"] = st.Get(ctx, r.Key)
	_, errs["Expire"] = st.Expire(ctx, r.Changed, true)
	errs["List"] = nil
	for _, err := range st.List(ctx) {
		errs["List"] = err
	}
	return errs
}

func testContext(t *testing.T, e *env) {
	st := e.open()
	r := mustCreate(t, st, key(1))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a cause"))
	for name, err := range calls(ctx, st, r) {
		wantErr(t, name, err, context.Canceled)
	}
	all := mustList(t, st)
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	wantRecord(t, "List", all[0], r)
	// While it lists.
	mustCreate(t, st, key(2))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := 0
	for _, err := range st.List(ctx) {
		if stop(); err != nil {
			wantErr(t, "List", err, context.Canceled)
		} else if n++; n > 2 {
			t.Fatal("List goes on")
		}
	}
}

func testContextMeanwhile(t *testing.T, e *env) {
	st := e.open()
	const activities, points = 8, 50
	var all sync.WaitGroup
	for i := range activities {
		r := mustCreate(t, st, key(i))
		all.Go(func() {
			var sure, perhaps uint32
			for n := range uint32(points) {
				ctx, cancel := context.WithCancel(t.Context())
				r.Serial, r.Cookie = n+1, []byte{byte(n)}
				go cancel()
				err := st.Commit(ctx, r)
				cancel()
				r.Cookie[0] = 0xff // it is ours again, whatever has become of the commit
				switch {
				case err == nil:
					sure, perhaps = r.Serial, r.Serial
				case errors.Is(err, context.Canceled):
					perhaps = r.Serial
				default:
					t.Error(err)
				}
			}
			// What follows in time comes after all of them.
			if _, err := st.Acquire(t.Context(), r.Key); err != nil {
				t.Error(err)
			}
			got, err := st.Get(t.Context(), r.Key)
			if err != nil || got.Serial < sure || got.Serial > perhaps || got.Serial > 0 && got.Cookie[0] != byte(got.Serial-1) {
				t.Errorf("serial %d with cookie %x, %v; want %d to %d", got.Serial, got.Cookie, err, sure, perhaps)
			}
		})
	}
	within(t, "committing", all.Wait)
}

func testClose(t *testing.T, e *env) {
	st := e.open()
	r := mustCreate(t, st, key(1))
	var err error
	within(t, "Close", func() { err = st.Close() })
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range calls(t.Context(), st, r) {
		wantErr(t, name, err, checkpoint.ErrClosed)
	}
	wantErr(t, "Close again", st.Close(), checkpoint.ErrClosed)
}

func testCloseWaits(t *testing.T, e *env) {
	st := e.open()
	const activities = 16
	var acked [activities]atomic.Uint32
	var all sync.WaitGroup
	begun := make(chan struct{}, activities)
	for i := range activities {
		r := mustCreate(t, st, key(i))
		all.Go(func() {
			for {
				r.Serial++
				err := st.Commit(t.Context(), r)
				if errors.Is(err, checkpoint.ErrClosed) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
				if acked[i].Store(r.Serial); r.Serial == 2 {
					begun <- struct{}{}
				}
			}
		})
	}
	within(t, "commits", func() {
		for range activities {
			<-begun
		}
	})
	var err error
	within(t, "Close", func() { err = st.Close() })
	if err != nil {
		t.Errorf("Close: %v", err)
	}
	within(t, "commits", all.Wait)
	if !e.Durable {
		return
	}
	st = e.open()
	for i := range activities {
		if r := mustGet(t, st, key(i)); r.Serial != acked[i].Load() {
			t.Errorf("activity %d: serial %d, want %d", i, r.Serial, acked[i].Load())
		}
	}
}

func testShared(t *testing.T, e *env) {
	if !e.Shared {
		t.Skip("not shared")
	}
	a, b := e.open(), e.open()
	r := mustCreate(t, a, key(1))
	r.Serial = 3
	mustCommit(t, b, r)
	if got := mustGet(t, a, key(1)); got.Serial != 3 {
		t.Errorf("serial %d, want 3", got.Serial)
	}
	_, err := b.Create(t.Context(), checkpoint.Record{Key: key(1)})
	wantErr(t, "Create of the other's", err, checkpoint.ErrExists)
	if other := mustCreate(t, b, key(2)); other.Epoch <= r.Epoch {
		t.Errorf("epoch %d after %d", other.Epoch, r.Epoch)
	}
	mustAcquire(t, b, key(1))
	wantErr(t, "Commit of who is fenced by another store", a.Commit(t.Context(), r), checkpoint.ErrFenced)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	mustAcquire(t, b, key(1))
}
