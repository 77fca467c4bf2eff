package transfer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// place gives the entries their names, and then the folders their modes and times: from the last one on, since a folder's mode may keep out who wants to
// what is in it, and its time changes when that does.
func (s *sink) place(ctx context.Context) error {
	var folders []int64 // where their headers are in the journal
	at := int64(0)
	err := s.each(s.journaled, func(number int64, e *Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.Type == Folder {
			folders = append(folders, at)
		}
		at += e.headerSize()
		if e.Type == Folder {
			return nil
		}
		if err := s.placeEntry(number, e); err != nil || len(s.dirty) < maxDirty {
			return err
		}
		return s.syncFolders(ctx)
	})
	if err == nil {
		err = s.syncFolders(ctx)
	}
	if err != nil {
		return err
	}
	header := make([]byte, maxEntry)
	for i := len(folders) - 1; i >= 0; i-- {
		e, err := readEntry(io.NewSectionReader(s.journal, folders[i], maxEntry), header)
		if err != nil {
			return failed("read", journalName(s.tag), err)
		}
		if err := s.placeFolder(&e); err != nil {
			return err
		}
		if len(s.pending) == maxPending {
			if err := s.sync(ctx); err != nil {
				return err
			}
		}
	}
	return s.sync(ctx)
}

// placeEntry renames an entry's temporary file. If there is none, that was done.
func (s *sink) placeEntry(number int64, e *Entry) error {
	folder, err := s.enter(path.Dir(e.Path), false)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	s.dirty[s.at] = struct{}{} // also if nothing is left to do: who has done it may not have come to sync that
	if err := s.fault("place", e.Path); err != nil {
		return err
	}
	from, to := path.Base(temporary(e.Path, s.tag, number)), path.Base(e.Path)
	what := Placed
	if s.r.o.Existing == Replace {
		if info, err := folder.Lstat(to); err == nil && info.IsDir() {
			what = Kept
		} else if err := folder.Rename(from, to); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return failed("rename", e.Path, err)
		}
	} else if what, err = s.link(folder, from, to, e); err != nil || what == 0 {
		return err
	}
	if what == Kept {
		if err := folder.Remove(from); errors.Is(err, fs.ErrNotExist) {
			return nil // the link that was not made
		} else if err != nil {
			return failed("remove", e.Path, err)
		}
	}
	s.report(e, what)
	return nil
}

// link gives a file a name that nothing has: at once, and not after a look, since two activities may end at the same time. It returns 0 if there is no such
// file.
func (s *sink) link(folder *os.Root, from, to string, e *Entry) (What, error) {
	err := folder.Link(from, to)
	if err == nil {
		if err := s.fault("unlink", e.Path); err != nil {
			return 0, err
		}
		if err = folder.Remove(from); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return Placed, failed("remove", e.Path, err)
	}
	was, err1 := folder.Lstat(from)
	is, err2 := folder.Lstat(to)
	switch {
	case errors.Is(err1, fs.ErrNotExist):
		return 0, nil
	case err1 != nil:
		return 0, failed("place", e.Path, err1)
	case err2 == nil && os.SameFile(was, is): // after a crash between the two steps
		if err = folder.Remove(from); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return Placed, failed("remove", e.Path, err)
	case err2 == nil:
		return Kept, nil
	case !errors.Is(err2, fs.ErrNotExist):
		return 0, failed("place", e.Path, err2)
	}
	// A file system without links: a look has to do.
	if err = folder.Rename(from, to); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return Placed, failed("rename", e.Path, err)
}

// placeFolder sets a folder's mode and time. If that is not allowed, they stay: it may be somebody else's folder, or have its mode already and let nobody
// in.
func (s *sink) placeFolder(e *Entry) error {
	parent, err := s.enter(path.Dir(e.Path), false)
	if err != nil {
		return s.kept(e, err)
	}
	if err := s.fault("set folder", e.Path); err != nil {
		return err
	}
	name := path.Base(e.Path)
	info, err := parent.Lstat(name)
	if err != nil || !info.IsDir() {
		return s.kept(e, failed("enter", e.Path, err))
	}
	f, err := parent.Open(name)
	if err != nil {
		return s.kept(e, failed("open", e.Path, err))
	}
	s.pending = append(s.pending, written{file: f, path: e.Path, folder: true})
	const special = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	if err := parent.Chmod(name, e.Mode.Perm()|info.Mode()&special); err != nil {
		return s.kept(e, failed("set the mode of", e.Path, err))
	}
	if err := parent.Chtimes(name, time.Time{}, e.ModTime); err != nil {
		return s.kept(e, failed("set the time of", e.Path, err))
	}
	s.report(e, Placed)
	return nil
}

// kept passes an error on, unless a folder is to be left as it is for it.
func (s *sink) kept(e *Entry, err error) error {
	if err != nil && !errors.Is(err, fs.ErrPermission) && !isGone(err) {
		return err
	}
	s.report(e, Kept)
	return nil
}
