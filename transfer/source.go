package transfer

import (
	"fmt"
	"io"
	"os"
)

// A ChangedError says that a file is not what Scan has found any more. Another Scan makes another job of it.
type ChangedError struct {
	Path string // as the file system here knows it
	What string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("transfer: read %q: the file has changed: %s", e.Path, e.What)
}

// A Source reads a job's octets: it is a durable.Source. It has one file open at a time, and reads contents into the caller's buffer.
type Source struct {
	job    *Job
	offset int64

	// The place in the activity: octet in of a part of an item.
	index  int
	part   int    // 0 is the item's header; then come an extent's head and its octets, in turn
	in     int64  //
	head   []byte // the item's header
	cursor [extentSize]byte
	file   *os.File
}

// Read reads the next octets: as many as b takes, over files' ends. Its errors are io.EOF, *ChangedError, and the operating system's; after one of the latter
// two the source may be read again, from the same place.
func (s *Source) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if s.index == len(s.job.items) {
			err = io.EOF
			break
		}
		var k int
		if k, err = s.read(b[n:]); err != nil {
			break
		}
		n += k
	}
	s.offset += int64(n)
	s.job.Progress.octets.Store(s.offset)
	if n > 0 {
		err = nil // it is met again
	}
	return n, err
}

// read reads from the current part, or goes to the next one.
func (s *Source) read(b []byte) (n int, err error) {
	it := &s.job.items[s.index]
	size := it.partSize(s.part)
	if s.in < size {
		switch {
		case s.part == 0:
			n = copy(b, s.head[s.in:])
		case s.part%2 == 1:
			n = copy(b, it.extent(s.part).append(s.cursor[:0])[s.in:])
		default:
			n, err = s.content(it, b[:min(int64(len(b)), size-s.in)])
		}
		s.in += int64(n)
		return n, err
	}
	if s.part+1 < it.parts() {
		s.part, s.in = s.part+1, 0
		return 0, nil
	}
	if err := s.finish(it); err != nil {
		return 0, err
	}
	s.enter(s.index + 1)
	return 0, nil
}

// parts is how many parts an item has.
func (it *item) parts() int { return 1 + 2*it.count() }

// count is how many extents an item has; a file that is not sparse has one, whose head is not sent.
func (it *item) count() int {
	if it.Type == File {
		return 1
	}
	return len(it.extents)
}

// extent is the one that a part belongs to.
func (it *item) extent(part int) extent {
	if it.Type == File {
		return extent{0, it.Size}
	}
	return it.extents[(part-1)/2]
}

func (it *item) partSize(part int) int64 {
	switch {
	case part == 0:
		return it.headerSize()
	case part%2 == 0:
		return it.extent(part).length
	case it.Type == Sparse:
		return extentSize
	}
	return 0
}

// content reads a file's octets.
func (s *Source) content(it *item, b []byte) (int, error) {
	if err := s.open(it); err != nil {
		return 0, err
	}
	n, err := s.file.ReadAt(b, it.extent(s.part).offset+s.in)
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		return 0, &ChangedError{it.local(), "it has become shorter"}
	}
	return 0, fmt.Errorf("transfer: read %q: %w", it.local(), bare(err))
}

// open opens the item's file, unless it is open.
func (s *Source) open(it *item) error {
	if s.file != nil {
		return nil
	}
	local := it.local()
	f, err := os.OpenFile(local, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return fmt.Errorf("transfer: open %q: %w", local, bare(err))
	}
	if err := check(it, f); err != nil {
		f.Close()
		return err
	}
	s.file = f
	return nil
}

// check returns how a file differs from what Scan found.
func check(it *item, f *os.File) error {
	info, err := f.Stat()
	what := ""
	switch {
	case err != nil:
		return fmt.Errorf("transfer: stat %q: %w", it.local(), bare(err))
	case !info.Mode().IsRegular():
		what = "it is no regular file"
	case info.Size() != it.Size:
		what = fmt.Sprintf("it had %d octets and has %d", it.Size, info.Size())
	case !info.ModTime().Equal(it.ModTime):
		what = fmt.Sprintf("it was modified at %v", info.ModTime())
	default:
		return nil
	}
	return &ChangedError{it.local(), what}
}

// finish closes an item's file, if it is what it was when it was opened: nobody has written to it meanwhile. An empty file is opened for that.
func (s *Source) finish(it *item) error {
	if !it.isFile() {
		return nil
	}
	if err := s.open(it); err != nil {
		return err
	}
	if err := check(it, s.file); err != nil {
		return err
	}
	return s.Close()
}

// enter goes to the start of an item.
func (s *Source) enter(index int) {
	s.index, s.part, s.in = index, 0, 0
	s.job.Progress.entries.Store(int64(index))
	if index < len(s.job.items) {
		s.head = s.job.items[index].appendHeader(s.head[:0])
	}
}

// Rewind makes Read go on at an offset of the activity.
func (s *Source) Rewind(offset int64) error {
	if offset < 0 || offset > s.job.Header.Octets {
		return fmt.Errorf("transfer: rewind: offset %d is not within 0 and %d", offset, s.job.Header.Octets)
	}
	if err := s.Close(); err != nil {
		return err
	}
	items, i, in := s.job.items, 0, offset
	for ; i < len(items) && in >= items[i].octets(); i++ {
		in -= items[i].octets()
	}
	s.enter(i)
	if i < len(items) {
		for ; in > items[i].partSize(s.part); s.part++ {
			in -= items[i].partSize(s.part)
		}
		s.in = in
	}
	s.offset = offset
	s.job.Progress.octets.Store(offset)
	return nil
}

// Close closes the file that is open. Read opens it again.
func (s *Source) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	if err != nil {
		return fmt.Errorf("transfer: close a file: %w", bare(err))
	}
	return nil
}
