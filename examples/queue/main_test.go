package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the worker's: what is cut is meant to be
	os.Exit(m.Run())
}

func TestWorkAndDrain(t *testing.T) {
	dir := t.TempDir()
	jobs, store, sender := filepath.Join(dir, "jobs"), filepath.Join(dir, "work.db"), filepath.Join(dir, "sender")
	if err := os.Mkdir(jobs, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(jobs, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"work", "tenuto+tcp://127.0.0.1:0", store}, w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing is left to do
		if err := run(ctx, []string{"drain", strings.TrimSpace(url) + "/queue", jobs, sender, "2"}, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("work, asked to stop:", err)
	}
	var got strings.Builder
	if err := run(t.Context(), []string{"done", store}, &got); err != nil {
		t.Fatal(err)
	}
	wantDone(t, got.String(), os.DirFS(jobs))
}

// wantDone compares results with those of all jobs, each once.
func wantDone(t *testing.T, got string, jobs fs.FS) {
	t.Helper()
	var want []string
	files, err := fs.ReadDir(jobs, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := fs.ReadFile(jobs, f.Name())
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%x %q", sha256.Sum256(b), f.Name()))
	}
	results := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	slices.Sort(results)
	slices.Sort(want)
	if !slices.Equal(results, want) {
		t.Errorf("got\n%q\nwant\n%q", results, want)
	}
}

// watched is the worker's store. It counts how often a job is taken up and done, and lets things happen after commits.
type watched struct {
	checkpoint.Store
	mu      sync.Mutex
	resumed int // with work that was not to be done again
	done    map[string]int
	after   func()
}

func (w *watched) Acquire(ctx context.Context, k checkpoint.Key) (checkpoint.Record, error) {
	rec, err := w.Store.Acquire(ctx, k)
	if err == nil && !rec.State.Over() && rec.Offset > 0 {
		w.mu.Lock()
		w.resumed++
		w.mu.Unlock()
	}
	return rec, err
}

func (w *watched) Commit(ctx context.Context, r checkpoint.Record) error {
	if err := w.Store.Commit(ctx, r); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.State == checkpoint.Ended {
		w.done[r.ID]++
	}
	if w.after != nil {
		w.after()
	}
	return nil
}

// site is a worker and senders with a network of memory between them.
type site struct {
	t     *testing.T
	nw    *memory.Network
	ep    *tenuto.Endpoint // the senders'
	sent  checkpoint.Store
	store *watched

	mu       sync.Mutex
	sessions []*tenuto.Session
}

func (s *site) endpoint(key ed25519.PrivateKey) *tenuto.Endpoint {
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Key: key, Carriers: []carrier.Network{s.nw}})
	if err != nil {
		s.t.Fatal(err)
	}
	return ep
}

// drain drains the jobs by four senders, as a process of its own would.
func (s *site) drain(ctx context.Context, jobs fs.FS) error {
	var senders []*durable.Sender
	for range 4 {
		senders = append(senders, &durable.Sender{Store: s.sent, Distance: durable.MinDistance, Window: 2,
			Dial: func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
				session, err := s.ep.Dial(ctx, "memory://worker/queue", cfg)
				if err == nil {
					s.mu.Lock()
					s.sessions = append(s.sessions, session)
					s.mu.Unlock()
				}
				return session, err
			}})
	}
	return drain(ctx, senders, jobs, io.Discard)
}

// TestInterrupted: jobs are interrupted by a person and by sessions that end, at all moments. Each is done once, and none from its start again.
func TestInterrupted(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { interrupted(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func interrupted(t *testing.T, rnd *rand.Rand) {
	jobs := fstest.MapFS{}
	for i := range 12 {
		b := make([]byte, rnd.IntN(50*durable.MinDistance))
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		jobs[fmt.Sprint("job", i)] = &fstest.MapFile{Data: b}
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, nw: memory.New(), sent: checkpoint.NewMemory(nil),
		store: &watched{Store: checkpoint.NewMemory(nil), done: map[string]int{}}}
	s.ep = s.endpoint(key)
	defer s.ep.Close()
	server := s.endpoint(nil)
	defer server.Close()
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	defer serving.Wait()
	defer stop()
	serving.Go(func() {
		if err := work(ctx, server, "memory://worker", s.store, io.Discard); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait() // it listens

	first, enough := context.WithCancel(ctx)
	commits, last := 0, 50+rnd.IntN(50)
	s.store.after = func() {
		if commits++; commits == last {
			enough()
		}
		if rnd.IntN(10) == 0 {
			s.mu.Lock()
			s.sessions[rnd.IntN(len(s.sessions))].Break()
			s.mu.Unlock()
		}
	}
	if err := s.drain(first, jobs); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := s.drain(ctx, jobs); err != nil {
		t.Fatal(err)
	}
	before := commits
	if err := s.drain(ctx, jobs); err != nil || commits != before {
		t.Errorf("when all was done: %v, %d commits", err, commits-before)
	}
	var got strings.Builder
	if err := done(ctx, s.store, &got); err != nil {
		t.Fatal(err)
	}
	wantDone(t, got.String(), jobs)
	for id, n := range s.store.done {
		if n != 1 {
			t.Errorf("job %x was done %d times", id, n)
		}
	}
	if s.store.resumed == 0 || len(s.sessions) <= 8 {
		t.Errorf("%d jobs resumed, %d sessions: nothing was interrupted", s.store.resumed, len(s.sessions))
	}
}
