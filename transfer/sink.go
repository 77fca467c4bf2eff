package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// A sink writes an activity into a receiver's folder: it is a durable.Sink.
//
// Another Open of the activity ends it at this receiver. In other processes others may have taken the activity over and write it, too, before a sink hears
// of it from the store. That this does no harm rests on these invariants:
//
//  1. Before the activity ends, what is written are temporary files and the journal, at places and with octets that depend on the activity's octets alone.
//     Nothing is truncated to what was committed, and nothing removed: what was written behind it is written again, with the same octets.
//  2. A file gets its name, or a temporary file is removed, only after the owner has committed that the activity is ending, or is discarded. The store
//     refuses that to who is not the owner, and no later owner can take it back: all do the same from there on.
//  3. When the activity is ending, all of its temporary files are whole and durable, and none is made any more. So each can be renamed once, and one
//     that is missing has been.
//     What another then still writes to a file that has its name, in another process, is what is in it.
//  4. The journal is removed when all of them have been and that is durable, before the activity's end is committed. So a journal that is missing then means
//     that nothing is left to do.
type sink struct {
	r    *Receiver
	root *os.Root
	key  checkpoint.Key
	turn chan struct{} // full while somebody uses the sink
	state
	decoder  decoder
	progress Progress
	opened   func() // tells the user, once; nil when that is done

	offset    int64 // octets of the activity that were written
	committed int64 // and those of the last commit, whose cookie this is
	cookie    []byte

	journal *os.File

	folder  *os.Root // of the path at: where the last entry is
	at      string
	file    *os.File            // of the current entry
	pending []written           // files that have come as a whole, and are to be synced
	dirty   map[string]struct{} // folders that are to be synced

	over  bool     // ended, and committed as that
	notes [2]tally // what was kept, and what was refused
	err   error    // the first failure: what was written is not known any more
}

// written is a file that has come as a whole.
type written struct {
	file   *os.File
	path   string
	folder bool // or a folder that has got its mode and time
}

const (
	// maxPending is how many files wait to be synced, open, for each sink.
	maxPending = 128

	// maxDirty is how many folders wait to be synced. One entry may add as many more as its path has elements.
	maxDirty = 1024

	// writeBehind is in how large pieces a file goes to the disk before it is synced, in octets.
	writeBehind = 1 << 20

	// bufferSize is that with which the journal is read.
	bufferSize = 16 << 10
)

// failed says what was done to which entry, for the peer, who is not to know where the folder is.
func failed(op, p string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("transfer: %s %q: %w", op, p, bare(err))
}

// fault lets a test stop what is about to happen.
func (s *sink) fault(op, p string) error {
	if s.r.fault == nil {
		return nil
	}
	return failed(op, p, s.r.fault(op, p))
}

// A tally is how many entries there are of a kind, with the first of them.
type tally struct {
	n     int
	first string
}

func (t *tally) add(path string) {
	if t.n++; t.n == 1 {
		t.first = path
	}
}

func (s *sink) report(e *Entry, what What) {
	switch {
	case what == Kept && e.Type != Folder:
		s.notes[0].add(e.Path)
	case what == Refused:
		s.notes[1].add(e.Path)
	}
	if s.r.o.Report != nil {
		s.r.o.Report(s.key, e, what)
	}
}

// Note implements durable.Noter.
func (s *sink) Note() string {
	var notes []string
	for i, text := range []string{"there already and kept", "links that lead out, and not made"} {
		if t := s.notes[i]; t.n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s, such as %q", t.n, text, t.first))
		}
	}
	return strings.Join(notes, "; ")
}

// completed is how many entries have come as a whole.
func (s *sink) completed() int64 {
	if s.decoder.within {
		return s.decoder.entries - 1
	}
	return s.decoder.entries
}

// Write takes the activity's next octets. After an error the sink is good for Close alone; errors of type *FormatError are the sender's fault.
func (s *sink) Write(b []byte) (n int, err error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.err != nil {
		return 0, s.err
	}
	if s.flags != 0 || s.over {
		if len(b) == 0 {
			return 0, nil
		}
		return 0, wrong("entry", "octets behind the activity's end")
	}
	if s.opened != nil {
		s.opened()
		s.opened = nil
	}
	for {
		ev, k, err := s.decoder.next(b[n:])
		if err == nil {
			err = s.take(ev, b[n:n+k])
		}
		if err != nil {
			s.err = err
			return n, err
		}
		n += k
		if ev == more {
			break
		}
	}
	s.offset += int64(n)
	s.progress.octets.Store(s.offset)
	return n, nil
}

func (s *sink) take(ev event, b []byte) error {
	switch e := &s.decoder.entry; ev {
	case began:
		if err := s.append(s.decoder.part); err != nil {
			return err
		}
		s.report(e, Started)
		return s.start(e)
	case content:
		return s.write(e, b, s.decoder.pos-int64(len(b)))
	case ended:
		if err := s.finish(e); err != nil {
			return err
		}
		s.progress.entries.Add(1)
		s.report(e, Written)
		if len(s.pending) == maxPending || len(s.dirty) >= maxDirty {
			return s.sync(context.Background())
		}
	}
	return nil
}

// start makes an entry's temporary file or link, and the folders above it.
func (s *sink) start(e *Entry) (err error) {
	if e.Type == Folder {
		_, err = s.enter(e.Path, true)
		return err
	}
	folder, err := s.enter(path.Dir(e.Path), true)
	if err != nil {
		return err
	}
	if e.Type != Link {
		return s.openFile(e)
	}
	if !s.r.o.AnyLinks && !staysWithin(e.Path, e.Target) {
		s.report(e, Refused)
		return nil
	}
	name := path.Base(temporary(e.Path, s.tag, s.decoder.entries))
	if err := s.fault("link", e.Path); err != nil {
		return err
	}
	if err := folder.Symlink(e.Target, name); err != nil && !errors.Is(err, fs.ErrExist) { // it is there if it was not committed
		return failed("link", e.Path, err)
	}
	s.dirty[s.at] = struct{}{}
	return nil
}

// openFile opens an entry's temporary file, or makes it. It may be there, with its last mode and with more octets than were committed.
func (s *sink) openFile(e *Entry) error {
	folder, err := s.enter(path.Dir(e.Path), true)
	if err != nil {
		return err
	}
	name := path.Base(temporary(e.Path, s.tag, s.decoder.entries))
	if err := s.fault("create", e.Path); err != nil {
		return err
	}
	s.file, err = folder.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		if folder.Chmod(name, 0o600) == nil {
			s.file, err = folder.OpenFile(name, os.O_WRONLY, 0)
		}
	}
	s.dirty[s.at] = struct{}{}
	return failed("create", e.Path, err)
}

// write writes a file's octets to their place.
func (s *sink) write(e *Entry, b []byte, at int64) error {
	if s.r.fault != nil {
		if err := s.fault("write", e.Path); err != nil {
			return err
		}
	}
	if _, err := s.file.WriteAt(b, at); err != nil {
		return failed("write", e.Path, err)
	}
	from, to := at-at%writeBehind, at+int64(len(b))
	if to -= to % writeBehind; to > from {
		startWriting(s.file, from, to-from)
	}
	return nil
}

// finish gives a file its size, mode and time, and leaves it to be synced.
func (s *sink) finish(e *Entry) error {
	if !e.isFile() {
		return nil
	}
	if err := s.fault("finish", e.Path); err != nil {
		return err
	}
	if e.Type == Sparse {
		if err := s.file.Truncate(e.Size); err != nil {
			return failed("extend", e.Path, err)
		}
	}
	if err := s.file.Chmod(e.Mode.Perm()); err != nil {
		return failed("set the mode of", e.Path, err)
	}
	name := path.Base(temporary(e.Path, s.tag, s.decoder.entries))
	if err := s.folder.Chtimes(name, time.Time{}, e.ModTime); err != nil {
		return failed("set the time of", e.Path, err)
	}
	s.pending = append(s.pending, written{file: s.file, path: e.Path})
	s.file = nil
	return nil
}

// Close closes what the sink has open, and removes nothing.
func (s *sink) Close() error {
	s.r.mu.Lock()
	if s.r.sinks[s.key] == s {
		delete(s.r.sinks, s.key)
	}
	s.r.mu.Unlock()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.err == nil {
		s.err = fmt.Errorf("transfer: write: the sink is closed: %w", fs.ErrClosed)
	}
	s.closeFiles()
	s.leave()
	if s.journal != nil {
		s.journal.Close()
		s.journal = nil
	}
	return s.root.Close()
}

// closeFiles gives up what was not synced.
func (s *sink) closeFiles() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	for _, w := range s.pending {
		w.file.Close()
	}
	s.pending = nil
}
