package transfer

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

// Existing says what becomes of a file whose name is there already when its activity ends. A folder that is there is always kept, and filled.
type Existing uint8

const (
	Keep    Existing = iota // it stays as it is, and what has come goes
	Replace                 // as rsync and scp do
)

// What happens to an entry, for a report.
type What uint8

const (
	Started What = iota + 1 // its header has come
	Written                 // all of it has come
	Placed                  // it has its name
	Kept                    // it was there already and stays: what has come is gone
	Refused                 // a link that leads out of the folder: it is not made
)

func (w What) String() string {
	switch w {
	case Started:
		return "started"
	case Written:
		return "written"
	case Placed:
		return "placed"
	case Kept:
		return "kept"
	case Refused:
		return "refused"
	}
	return fmt.Sprintf("event %d", uint8(w))
}

// ReceiverOptions are what a user of a Receiver may choose. Its functions are called by the goroutines that write and commit, and not after Close.
// They must not use the sink.
type ReceiverOptions struct {
	Existing Existing

	// AnyLinks makes links that lead out of the folder, too. Nothing is ever written through any of them.
	AnyLinks bool

	// Opened is called before the first octets come to a sink: with those that need not come again in the progress.
	Opened func(a *durable.Activity, h Header, p *Progress)

	// Report is called for what happens to entries. After a crash some of it may be told again or not. The entry is valid during the
	// call; its path is what the peer says: quote it.
	Report func(k checkpoint.Key, e *Entry, what What)
}

// A Receiver writes activities into a folder. It is a durable.Receiver, and safe for concurrent use.
type Receiver struct {
	dir   string
	store checkpoint.Store
	o     ReceiverOptions

	mu    sync.Mutex
	sinks map[checkpoint.Key]*sink // guarded by mu; those that are open, by the last Open of each activity

	// Tests do without the one, and stop what is about to happen with the other.
	sync  func(*os.File) error
	fault func(op, path string) error
}

// NewReceiver makes a receiver into a folder that is there. Whoever else uses the store may do so with other folders, if they are always the same for the
// same activity.
func NewReceiver(dir string, store checkpoint.Store, o *ReceiverOptions) (*Receiver, error) {
	r := &Receiver{dir: dir, store: store, sinks: map[checkpoint.Key]*sink{}, sync: (*os.File).Sync}
	if o != nil {
		r.o = *o
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("transfer: open folder %q: %w", dir, bare(err))
	}
	return r, root.Close()
}

// Open opens the sink of an activity, which is a durable.Sink. The header must be right when the activity starts; when it is resumed it may be
// empty. If what was committed is not there any more the activity is discarded, and the error is checkpoint.ErrNotFound.
func (r *Receiver) Open(ctx context.Context, a *durable.Activity) (durable.Sink, checkpoint.Record, error) {
	var h Header
	if !a.Resumed || len(a.Header) > 0 {
		var err error
		if h, err = ParseHeader(a.Header); err != nil {
			return nil, checkpoint.Record{}, err
		}
	}
	root, err := os.OpenRoot(r.dir) // anew, since the folder may be another one by now
	if err != nil {
		return nil, checkpoint.Record{}, fmt.Errorf("transfer: open the folder: %w", bare(err))
	}
	s := &sink{r: r, root: root, key: a.Key, turn: make(chan struct{}, 1), dirty: map[string]struct{}{}}
	s.turn <- struct{}{}
	var rec checkpoint.Record
	if err = r.takeOver(ctx, s); err == nil {
		rec, err = s.acquire(ctx, a, &h)
	}
	if err == nil {
		err = s.restore(ctx, &rec)
	}
	<-s.turn
	if err != nil {
		s.Close()
		return nil, checkpoint.Record{}, err
	}
	if r.o.Opened != nil {
		h.Entries, h.Octets = s.announced, s.total
		s.opened = func() { r.o.Opened(a, h, &s.progress) }
	}
	return s, rec, nil
}

// takeOver makes a sink the activity's only one here. It waits for what another does just now, which then does nothing more.
func (r *Receiver) takeOver(ctx context.Context, s *sink) error {
	r.mu.Lock()
	old := r.sinks[s.key]
	r.sinks[s.key] = s
	r.mu.Unlock()
	if old == nil {
		return nil
	}
	select {
	case old.turn <- struct{}{}:
		old.err = cmp.Or(old.err, error(fmt.Errorf("transfer: write: %w", checkpoint.ErrFenced)))
		<-old.turn
		return nil
	case <-ctx.Done():
		r.mu.Lock()
		if r.sinks[s.key] == s {
			r.sinks[s.key] = old
		}
		r.mu.Unlock()
		return context.Cause(ctx)
	}
}

// acquire gets the activity's record. The first one has a cookie already, with the tag: whatever happens then, what was written can be found. It is made
// when the journal has been: an activity that the folder has no room for has not begun.
func (s *sink) acquire(ctx context.Context, a *durable.Activity, h *Header) (rec checkpoint.Record, err error) {
	if a.Resumed {
		if rec, err = s.r.store.Acquire(ctx, a.Key); err != nil {
			return rec, err
		}
		if err := s.state.parse(rec.Cookie); err != nil {
			return rec, err
		}
		if len(a.Header) > 0 && (h.Entries != s.announced || h.Octets != s.total) {
			return rec, wrong("entries", "the activity had %d and %d octets when it was started", s.announced, s.total)
		}
		return rec, nil
	}
	var tag [tagSize]byte
	rand.Read(tag[:])
	s.state = state{tag: hex.EncodeToString(tag[:]), announced: h.Entries, total: h.Octets}
	if err := s.openJournal(); err != nil {
		return rec, err
	}
	rec, err = s.r.store.Create(ctx, checkpoint.Record{
		Key: a.Key, Peer: a.Peer, State: checkpoint.Running, Cookie: s.state.append(nil),
	})
	if err != nil {
		s.root.Remove(journalName(s.tag)) // nobody else knows it
	}
	return rec, err
}

// errLost is about what was committed and is not there any more.
var errLost = errors.New("it was committed and is gone")

// restore makes the sink what it was when the record was committed. It changes nothing, but for completing a discard: another may own the activity by now.
func (s *sink) restore(ctx context.Context, rec *checkpoint.Record) error {
	s.decoder.announced = s.announced
	s.offset, s.committed, s.cookie = rec.Offset, rec.Offset, rec.Cookie
	switch {
	case rec.State == checkpoint.Discarded:
		return fmt.Errorf("transfer: resume: the activity was discarded: %w", checkpoint.ErrNotFound)
	case rec.State == checkpoint.Ended:
		s.over = true
	}
	var err error
	if s.journal == nil {
		err = s.openJournal()
	}
	switch {
	case s.over:
		err = nil
	case s.flags&discarding != 0:
		err = errLost
	case err == nil && s.journal != nil:
		err = s.restoreDecoder()
	}
	if errors.Is(err, errLost) {
		gone := *rec
		gone.State = checkpoint.Discarded
		if err := s.discard(ctx, gone); err != nil {
			return err
		}
		return fmt.Errorf("transfer: resume: %w: %w", err, checkpoint.ErrNotFound)
	}
	s.progress.octets.Store(s.offset)
	s.progress.entries.Store(s.completed())
	return err
}

// openJournal opens the activity's journal, or makes it. If nothing is left to do there may be none.
func (s *sink) openJournal() (err error) {
	name := journalName(s.tag)
	mode := os.O_RDWR
	if s.journaled == 0 && s.partial == 0 && !s.over && s.flags == 0 {
		mode |= os.O_CREATE
		if err := s.fault("create", name); err != nil {
			return err
		}
		s.dirty["."] = struct{}{}
	}
	s.journal, err = s.root.OpenFile(name, mode, 0o600)
	if errors.Is(err, fs.ErrNotExist) && mode&os.O_CREATE == 0 {
		s.journal = nil
		if s.flags == 0 && !s.over {
			return fmt.Errorf("transfer: open %q: %w", name, errLost)
		}
		return nil
	}
	return failed("open", name, err)
}

// restoreDecoder reads the journal, and looks whether what it names is there.
func (s *sink) restoreDecoder() error {
	var last Entry
	n := int64(0)
	err := s.each(s.journaled, func(number int64, e *Entry) error {
		n, last = number, *e
		if s.flags&ending != 0 || s.within && number == s.entries {
			return nil
		}
		return s.verify(number, e)
	})
	if err != nil {
		return err
	}
	if n != s.entries {
		return fmt.Errorf("transfer: read the journal %q: it has %d entries, the record %d", journalName(s.tag), n, s.entries)
	}
	d := &s.decoder
	d.entries = s.entries
	if s.within {
		d.entries--
		d.begin(last)
		d.extents, d.pos, d.left = s.extents, s.pos, s.left
		d.part = append(d.part, s.part...)
		return s.reopen(&d.entry)
	}
	d.part = append(d.part, make([]byte, s.partial)...)
	if _, err := s.journal.ReadAt(d.part, s.journaled); err != nil {
		return failed("read", journalName(s.tag), err)
	}
	return nil
}

// reopen opens the temporary file of the entry that has not come as a whole.
func (s *sink) reopen(e *Entry) error {
	if !e.isFile() {
		return nil
	}
	name := temporary(e.Path, s.tag, s.decoder.entries)
	info, err := s.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && e.Type == File && info.Size() < s.decoder.pos {
		return fmt.Errorf("transfer: open %q: %w", e.Path, errLost)
	}
	return s.openFile(e)
}
