package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// What a folder may have become.
var (
	errLink     = errors.New("it is a link, and links are not followed")
	errNoFolder = errors.New("it is no folder")
)

// isGone tells whether an error says that a path leads to nothing that was written.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errLink) || errors.Is(err, errNoFolder)
}

// enter opens a folder, and makes it and those above it if it is to. None of them may be a link: what is written then is where its path says, and a
// link with ".." leads where it seems to. Folders that are made are the receiver's alone until their own entries say otherwise.
func (s *sink) enter(p string, create bool) (*os.Root, error) {
	if s.folder != nil && s.at == p {
		return s.folder, nil
	}
	s.leave()
	folder, at := s.root, "."
	if p != "." {
		for name := range strings.SplitSeq(p, "/") {
			next, err := s.step(folder, at, name, create)
			if folder != s.root {
				folder.Close()
			}
			if err != nil {
				return nil, err
			}
			folder, at = next, path.Join(at, name)
		}
	}
	s.folder, s.at = folder, p
	return folder, nil
}

// step opens a folder in another, which is at a path.
func (s *sink) step(folder *os.Root, at, name string, create bool) (*os.Root, error) {
	p := path.Join(at, name)
	if create {
		s.dirty[at] = struct{}{} // also if it is there: who has made it may not have come to sync that
	}
	info, err := folder.Lstat(name)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err := s.fault("make folder", p); err != nil {
			return nil, err
		}
		if err := folder.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, failed("make folder", p, err)
		}
		s.dirty[p] = struct{}{}
		info, err = folder.Lstat(name)
	}
	switch {
	case err != nil:
		return nil, failed("enter", p, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, failed("enter", p, errLink)
	case !info.IsDir():
		return nil, failed("enter", p, errNoFolder)
	}
	next, err := folder.OpenRoot(name)
	return next, failed("enter", p, err)
}

// leave closes the folder that was entered last.
func (s *sink) leave() {
	if s.folder != nil && s.folder != s.root {
		s.folder.Close()
	}
	s.folder, s.at = nil, ""
}
