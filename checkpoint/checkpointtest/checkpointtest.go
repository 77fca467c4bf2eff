// Package checkpointtest is the suite that every kind of store of checkpoints passes.
//
//	var engine = checkpointtest.Engine{Durable: true, Open: func(t testing.TB, dir string, now func() time.Time) checkpoint.Store { … }}
//
//	func TestStore(t *testing.T) { checkpointtest.Run(t, engine) }
//	func TestKill(t *testing.T)  { checkpointtest.Kill(t, engine) }
package checkpointtest

import (
	"errors"
	"os"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// patience is how long a call may take that should return at once. It passes only in a test that fails.
const patience = 20 * time.Second

// An Engine is what makes stores of one kind.
type Engine struct {
	// Open opens the store that is kept in a folder, and makes an empty one if there is none; now is its clock, or nil. It fails t where it cannot.
	Open func(t testing.TB, dir string, now func() time.Time) checkpoint.Store

	// Durable: what is in a store is there when it is opened again, in another process too.
	Durable bool

	// Shared: several stores may be open in one folder at the same time, and are one.
	Shared bool
}

// Run checks an engine against the contract of checkpoint.Store.
func Run(t *testing.T, engine Engine) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *env)
	}{
		{"Create makes a record once", testCreate},
		{"Acquire fences who came before", testAcquire},
		{"Commit replaces all but the clock's", testCommit},
		{"a commit that is refused changes nothing", testRefused},
		{"Get finds what there is", testGet},
		{"List is ordered by key", testList},
		{"List of many, which change", testListChanging},
		{"Expire takes what is over and old", testExpire},
		{"epochs rise over all records, and after Expire", testEpochs},
		{"limits", testLimits},
		{"keys of any octets", testKeys},
		{"cookies belong to the caller", testCookies},
		{"256 activities commit at the same time", testManyActivities},
		{"of many owners the newest commits", testOwners},
		{"a context that has ended", testContext},
		{"contexts that end meanwhile", testContextMeanwhile},
		{"Close ends it", testClose},
		{"Close waits for commits", testCloseWaits},
		{"a clock that is set back", testClockBack},
		{"what was there is there again", testReopen},
		{"a store opened twice is one", testShared},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newEnv(t, engine)) })
	}
}

// env is a test's: a folder and a clock.
type env struct {
	Engine
	t   *testing.T
	dir string

	mu  sync.Mutex
	now time.Time
}

func newEnv(t *testing.T, engine Engine) *env {
	return &env{Engine: engine, t: t, dir: t.TempDir(), now: time.Date(2026, 5, 17, 12, 0, 0, 123456789, time.UTC)}
}

func (e *env) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *env) tick(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
}

// open opens the store, and closes it at the test's end if the test has not.
func (e *env) open() checkpoint.Store {
	e.t.Helper()
	st := e.Open(e.t, e.dir, e.clock)
	e.t.Cleanup(func() {
		if err := st.Close(); err != nil && !errors.Is(err, checkpoint.ErrClosed) {
			e.t.Errorf("Close: %v", err)
		}
	})
	return st
}

func key(i int) checkpoint.Key {
	return checkpoint.Key{Role: checkpoint.Sender, Initiator: "SHA256:initiator", ID: string([]byte{byte(i >> 8), byte(i)})}
}

func mustCreate(t testing.TB, st checkpoint.Store, k checkpoint.Key) checkpoint.Record {
	t.Helper()
	r, err := st.Create(t.Context(), checkpoint.Record{Key: k, Peer: "peer"})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return r
}

// createAll creates records, at the same time, and returns their epochs.
func createAll(t testing.TB, st checkpoint.Store, keys []checkpoint.Key) map[checkpoint.Key]uint64 {
	t.Helper()
	var mu sync.Mutex
	epochs := map[checkpoint.Key]uint64{}
	var all sync.WaitGroup
	for _, k := range keys {
		all.Go(func() {
			r, err := st.Create(t.Context(), checkpoint.Record{Key: k})
			if err != nil {
				t.Errorf("Create: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			epochs[k] = r.Epoch
		})
	}
	within(t, "Create", all.Wait)
	return epochs
}

func mustAcquire(t testing.TB, st checkpoint.Store, k checkpoint.Key) checkpoint.Record {
	t.Helper()
	r, err := st.Acquire(t.Context(), k)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return r
}

func mustCommit(t testing.TB, st checkpoint.Store, r checkpoint.Record) {
	t.Helper()
	if err := st.Commit(t.Context(), r); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func mustGet(t testing.TB, st checkpoint.Store, k checkpoint.Key) checkpoint.Record {
	t.Helper()
	r, err := st.Get(t.Context(), k)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return r
}

func mustList(t testing.TB, st checkpoint.Store) (all []checkpoint.Record) {
	t.Helper()
	for r, err := range st.List(t.Context()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		all = append(all, r)
	}
	return all
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func wantRecord(t testing.TB, what string, got, want checkpoint.Record) {
	t.Helper()
	if len(got.Cookie) == 0 && len(want.Cookie) == 0 {
		got.Cookie, want.Cookie = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%+v, want\n%+v", what, got, want)
	}
}

// within runs f, and fails if that takes too long.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s does not return", what)
	}
}

// kills is how many processes Kill kills: one for each ten seeds that TENUTO_SEEDS asks for, or 10.
func kills(t testing.TB) int {
	v := os.Getenv("TENUTO_SEEDS")
	if v == "" {
		return 10
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return max(1, n/10)
}
