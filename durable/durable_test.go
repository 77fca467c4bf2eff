package durable

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/checkpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

// A disk is where activities are written, and a Receiver. What is committed survives a crash, what is only written does not.
type disk struct {
	store checkpoint.Store

	mu    sync.Mutex
	files map[string][]byte // what is committed
	wrote int64             // octets committed, in all: none of them twice
	ended int               // activities

	open   func(a *Activity) error          // may fail
	write  func() error                     // may fail
	commit func(r *checkpoint.Record) error // may fail before anything is durable
	early  func(r *checkpoint.Record)       // before a commit, without the lock
	after  func(r *checkpoint.Record)       // between the commit and its confirmation
	header []byte                           // of the last activity
}

func newDisk(st checkpoint.Store) *disk { return &disk{store: st, files: map[string][]byte{}} }

func (d *disk) Open(ctx context.Context, a *Activity) (Sink, checkpoint.Record, error) {
	d.mu.Lock()
	d.header = a.Header
	open := d.open
	d.mu.Unlock()
	if open != nil {
		if err := open(a); err != nil {
			return nil, checkpoint.Record{}, err
		}
	}
	rec, err := Open(ctx, d.store, a)
	if err != nil {
		return nil, rec, err
	}
	return &file{d: d, at: rec.Offset}, rec, nil
}

// A file is a Sink.
type file struct {
	d   *disk
	at  int64
	new []byte
}

func (f *file) Write(b []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.write != nil {
		if err := f.d.write(); err != nil {
			return 0, err
		}
	}
	f.new = append(f.new, b...)
	return len(b), nil
}

func (f *file) Commit(ctx context.Context, r checkpoint.Record) error {
	if f.d.early != nil {
		f.d.early(&r)
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.commit != nil {
		if err := f.d.commit(&r); err != nil {
			return err
		}
	}
	if err := f.d.store.Commit(ctx, r); err != nil {
		return err
	}
	switch r.State {
	case checkpoint.Discarded:
		delete(f.d.files, r.ID)
	case checkpoint.Interrupted:
		if r.Offset != f.at || len(f.new) > 0 {
			panic("interrupted somewhere else")
		}
	default:
		if have := len(f.d.files[r.ID]); int64(have) != f.at || int64(have+len(f.new)) != r.Offset {
			panic("committed octets that do not follow")
		}
		f.d.files[r.ID] = append(f.d.files[r.ID], f.new...)
		f.d.wrote += int64(len(f.new))
		f.at, f.new = r.Offset, nil
		if r.State == checkpoint.Ended {
			f.d.ended++
		}
	}
	if f.d.after != nil {
		f.d.after(&r)
	}
	return nil
}

func (f *file) Close() error { return nil }

func (f *file) Note() string { return "all is well" }

func (d *disk) file(id string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.files[id])
}

// A tape is a Source of octets in memory.
type tape struct {
	b    []byte
	at   int
	most int                // octets a Read
	mark int                // ErrPoint at multiples of it, unless 0
	read int64              // octets, in all
	wait func(at int) error // before each Read

	rewound func(offset int64)
}

func (s *tape) Rewind(offset int64) error {
	if offset > int64(len(s.b)) {
		return errors.New("offset exceeds the tape")
	}
	s.at = int(offset)
	if s.rewound != nil {
		s.rewound(offset)
	}
	return nil
}

func (s *tape) Read(b []byte) (int, error) {
	if s.wait != nil {
		if err := s.wait(s.at); err != nil {
			return 0, err
		}
	}
	if s.at == len(s.b) {
		return 0, io.EOF
	}
	n := len(s.b) - s.at
	if s.most > 0 {
		n = min(n, s.most)
	}
	if s.mark > 0 {
		n = min(n, s.mark-s.at%s.mark)
	}
	n = copy(b, s.b[s.at:s.at+n])
	s.at += n
	s.read += int64(n)
	if s.mark > 0 && s.at%s.mark == 0 {
		return n, ErrPoint
	}
	return n, nil
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + i>>16)
	}
	return b
}

// A site is a sender and a receiver with a bridge in memory between them, and what outlives them.
type site struct {
	nw       *memory.Network
	key      ed25519.PrivateKey // the sender's
	ep       *tenuto.Endpoint   // the sender's
	sent     checkpoint.Store
	received checkpoint.Store
	disk     *disk
	log      *slog.Logger

	reviving sync.WaitGroup
	trace    func(tenuto.Trace) // of the server's sessions

	mu      sync.Mutex
	server  *tenuto.Endpoint
	cancel  context.CancelFunc // ends the server
	serving *sync.WaitGroup
	dialled []*tenuto.Session
}

func newSite(t *testing.T) *site {
	t.Helper()
	p := &site{nw: memory.New(), sent: checkpoint.NewMemory(nil), received: checkpoint.NewMemory(nil), log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	p.disk = newDisk(p.received)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.key = key
	p.ep = p.endpoint(t, key)
	t.Cleanup(func() { p.ep.Close() })
	p.serve(t)
	t.Cleanup(func() {
		p.reviving.Wait()
		p.stop()
	})
	return p
}

func (p *site) endpoint(t *testing.T, key ed25519.PrivateKey) *tenuto.Endpoint {
	t.Helper()
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Key: key, Carriers: []carrier.Network{p.nw}, Logger: p.log})
	if err != nil {
		t.Error(err)
	}
	return ep
}

// serve starts a server, as a process of its own would.
func (p *site) serve(t *testing.T) {
	t.Helper()
	ep := p.endpoint(t, nil)
	ln, err := ep.Listen(bg, "memory://server", &tenuto.Config{Units: Units, Trace: func(tr tenuto.Trace) {
		if p.trace != nil {
			p.trace(tr)
		}
	}})
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithCancel(bg)
	serving := new(sync.WaitGroup)
	srv := &Server{Receiver: p.disk, Logger: p.log}
	serving.Go(func() {
		if err := srv.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server, p.cancel, p.serving = ep, cancel, serving
}

// stop ends the server, and waits for it.
func (p *site) stop() {
	p.mu.Lock()
	cancel, ep, serving := p.cancel, p.server, p.serving
	p.mu.Unlock()
	cancel()
	ep.Close()
	serving.Wait()
}

// kill ends the server at once, as seen from its peers, and starts another one when the first has come to an end.
func (p *site) kill(t *testing.T) {
	p.mu.Lock()
	cancel, ep, serving := p.cancel, p.server, p.serving
	p.mu.Unlock()
	cancel()
	ep.Close()
	p.reviving.Go(func() {
		serving.Wait()
		p.serve(t)
	})
}

func (p *site) sender() *Sender {
	return &Sender{Store: p.sent, Initiator: "me", Peer: "server", Logger: p.log, Dial: func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
		s, err := p.ep.Dial(ctx, "memory://server/x", cfg)
		if err == nil {
			p.mu.Lock()
			p.dialled = append(p.dialled, s)
			p.mu.Unlock()
		}
		return s, err
	}}
}

func (p *site) state(t *testing.T, st checkpoint.Store, id string) checkpoint.Record {
	t.Helper()
	for r, err := range st.List(bg) {
		if err != nil {
			t.Fatal(err)
		}
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("no record of %q", id)
	return checkpoint.Record{}
}

func (p *site) wants(t *testing.T, id string, want []byte) {
	t.Helper()
	if got := p.disk.file(id); !bytes.Equal(got, want) {
		t.Errorf("%d octets of %q arrived, and %d were sent", len(got), id, len(want))
	}
}

// TestActivities: several activities one after the other on a session, of all sizes, each with its header.
func TestActivities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSite(t)
		snd := p.sender()
		snd.Distance = 10000
		defer snd.Close()
		for i, n := range []int{0, 1, 9999, 10000, 10001, 1 << 20} {
			id := string(rune('a' + i))
			src := &tape{b: pattern(n)}
			var last Progress
			err := snd.Send(bg, Outgoing{ID: id, Header: []byte("header " + id), Source: src, Progress: func(p Progress) { last = p }})
			if err != nil {
				t.Fatal(err)
			}
			p.wants(t, id, src.b)
			if string(p.disk.header) != "header "+id || src.read != int64(n) || last != (Progress{int64(n), int64(n), 1, "all is well"}) {
				t.Errorf("header %q, %d octets read, %+v", p.disk.header, src.read, last)
			}
			for _, st := range []checkpoint.Store{p.sent, p.received} {
				if r := p.state(t, st, id); r.State != checkpoint.Ended || r.Offset != int64(n) || int(r.Serial) != n/10000+1 {
					t.Errorf("%+v", r)
				}
			}
			if err := snd.Send(bg, Outgoing{ID: id, Source: src}); err != nil || src.read != int64(n) {
				t.Errorf("sent again: %v, %d octets read", err, src.read)
			}
		}
		if p.disk.ended != 6 {
			t.Errorf("%d ended", p.disk.ended)
		}
	})
}
