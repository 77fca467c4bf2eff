package transfer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// end gives all entries their names. Invariants 2 to 4 of sink say why it may be done again, and by several.
func (s *sink) end(ctx context.Context, r checkpoint.Record) error {
	if s.flags&ending == 0 {
		if err := s.decoder.atEnd(); err != nil {
			return err
		}
		if s.offset != s.total {
			return wrong("octets", "the activity has %d, and %d were announced", s.offset, s.total)
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
		if err := s.each(s.journaled, s.verify); err != nil {
			return err
		}
		if err := s.decide(ctx, r, ending); err != nil {
			return err
		}
	}
	if s.journal != nil {
		if err := s.place(ctx); err != nil {
			return err
		}
		if err := s.removeJournal(ctx); err != nil {
			return err
		}
	}
	if err := s.record(ctx, r); err != nil {
		return err
	}
	s.over = true
	return nil
}

// decide commits what is not taken back.
func (s *sink) decide(ctx context.Context, r checkpoint.Record, flag byte) error {
	s.flags |= flag
	s.cookie = s.state.append(nil)
	r.State = checkpoint.Running
	return s.record(ctx, r)
}

// removeJournal says that nothing is left to do.
func (s *sink) removeJournal(ctx context.Context) error {
	name := journalName(s.tag)
	if err := s.syncFolders(ctx); err != nil {
		return err
	}
	if err := s.fault("remove", name); err != nil {
		return err
	}
	s.journal.Close()
	s.journal = nil
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove", name, err)
	}
	s.dirty["."] = struct{}{}
	return s.syncFolders(ctx)
}

// discard removes the temporary files, also those that were not committed.
func (s *sink) discard(ctx context.Context, r checkpoint.Record) error {
	s.closeFiles()
	if s.flags&discarding == 0 {
		if err := s.decide(ctx, r, discarding); err != nil {
			return err
		}
	}
	if s.journal != nil {
		size, err := s.journal.Seek(0, io.SeekEnd)
		if err != nil {
			return failed("read", journalName(s.tag), err)
		}
		err = s.each(size, func(number int64, e *Entry) error {
			if err := s.remove(number, e); err != nil || len(s.dirty) < maxDirty {
				return err
			}
			return s.syncFolders(ctx)
		})
		if err != nil && !errors.Is(err, errTorn) { // what was not committed may be
			return err
		}
		if err := s.removeJournal(ctx); err != nil {
			return err
		}
	}
	if err := s.record(ctx, r); err != nil {
		return err
	}
	s.over = true
	return nil
}

// remove removes an entry's temporary file or link.
func (s *sink) remove(number int64, e *Entry) error {
	if e.Type == Folder {
		return nil
	}
	if err := s.fault("remove", e.Path); err != nil {
		return err
	}
	folder, err := s.enter(path.Dir(e.Path), false)
	if err == nil {
		err = folder.Remove(path.Base(temporary(e.Path, s.tag, number)))
		s.dirty[s.at] = struct{}{}
	}
	if isGone(err) {
		return nil
	}
	return failed("remove", e.Path, err)
}

// verify tells whether an entry that has come as a whole is there.
func (s *sink) verify(number int64, e *Entry) error {
	if e.Type == Folder {
		return nil
	}
	folder, err := s.enter(path.Dir(e.Path), false)
	var info fs.FileInfo
	if err == nil {
		info, err = folder.Lstat(path.Base(temporary(e.Path, s.tag, number)))
	}
	switch {
	case isGone(err):
		if e.Type == Link && !staysWithin(e.Path, e.Target) { // it was refused
			return nil
		}
		return failed("find", e.Path, errLost)
	case err != nil:
		return failed("find", e.Path, err)
	case e.Type == Link && info.Mode()&fs.ModeSymlink == 0, e.Type != Link && (!info.Mode().IsRegular() || info.Size() != e.Size):
		return failed("find", e.Path, errLost)
	}
	return nil
}
