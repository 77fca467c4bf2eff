package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Plan is what a Scan has found, as activities.
type Plan struct {
	Jobs     []*Job // in the order in which they are to be sent
	Warnings []Warning
	Entries  int64
	Octets   int64 // of all activities
}

// A Warning is about something that is not sent, or will not be what it was.
type Warning struct {
	Path    string // as the file system here knows it
	Skipped bool   // it is not sent
	Err     error
}

func (w Warning) String() string {
	if w.Skipped {
		return fmt.Sprintf("%q is not sent: %v", w.Path, w.Err)
	}
	return fmt.Sprintf("%q: %v", w.Path, w.Err)
}

// Warnings' errors, beside those of the operating system.
var (
	ErrSpecial = errors.New("neither a file nor a folder nor a link")
	ErrOutward = errors.New("the link leads out of what is sent")
)

// ScanOptions say how entries are put into activities. A zero field means its default.
type ScanOptions struct {
	Large   int64 // octets from which on a file has an activity of its own; 16 MiB
	Octets  int64 // of an activity of several entries, at most; 64 MiB
	Entries int   // of an activity, at most; 4096, and no more than MaxEntries
}

const (
	defaultLarge   = 16 << 20
	defaultOctets  = 64 << 20
	defaultEntries = 4096
)

// An item is an entry with what is needed to send it.
type item struct {
	Entry
	top     *top
	extents []extent // of a sparse file
}

// A top is a path that the user has named.
type top struct {
	name  string // of its entry
	local string // absolute
}

// local is where the entry's file is here.
func (it *item) local() string {
	return filepath.Join(it.top.local, filepath.FromSlash(it.Path[len(it.top.name):]))
}

// Scan walks files and folders, in the order of their names, and makes a plan. The last element of each path is its name at the receiver, and no two may be
// the same. A path that is a symbolic link is sent as one, unless it ends in a slash; other links are never followed. Of what Scan cannot read there is a
// warning; for what is not there at all, an error.
func Scan(ctx context.Context, paths []string, o *ScanOptions) (*Plan, error) {
	s := scanner{ctx: ctx, plan: &Plan{}, names: map[string]bool{}}
	if o != nil {
		s.o = *o
	}
	s.o.Large = cmp.Or(s.o.Large, defaultLarge)
	s.o.Octets = cmp.Or(s.o.Octets, defaultOctets)
	s.o.Entries = min(cmp.Or(s.o.Entries, defaultEntries), MaxEntries)
	for _, p := range paths {
		if err := s.start(p); err != nil {
			return nil, fmt.Errorf("transfer: scan %q: %w", p, err)
		}
	}
	s.finish()
	return s.plan, nil
}

type scanner struct {
	ctx     context.Context
	o       ScanOptions
	plan    *Plan
	names   map[string]bool // of tops
	small   []item          // the activity that is being filled
	octets  int64           // of it
	folders []item
}

// start walks a path of the user.
func (s *scanner) start(p string) error {
	local, err := filepath.Abs(p)
	if err != nil {
		return err
	}
	name := filepath.Base(local)
	if p != "" && os.IsPathSeparator(p[len(p)-1]) {
		if local, err = filepath.EvalSymlinks(local); err != nil {
			return bare(err)
		}
	}
	if err := checkPath(name); err != nil {
		return fmt.Errorf("its name: %w", err)
	}
	if s.names[name] {
		return errors.New("another path has the same name")
	}
	s.names[name] = true
	info, err := os.Lstat(local)
	if err != nil {
		return bare(err)
	}
	return s.walk(&top{name: name, local: local}, name, info)
}

// walk adds an entry, and what is below it.
func (s *scanner) walk(t *top, p string, info fs.FileInfo) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	it := item{Entry: Entry{Path: p, Mode: info.Mode().Perm(), ModTime: info.ModTime()}, top: t}
	local := it.local()
	err := checkPath(p)
	switch mode := info.Mode(); {
	case err != nil:
	case mode.IsDir():
		it.Type = Folder
		s.folders = append(s.folders, it)
		return s.list(&it, local)
	case mode.IsRegular():
		it.Type, it.Size = File, info.Size()
		if err = readable(local); err == nil {
			it.extents, err = extents(local, info)
		}
		if it.extents != nil {
			it.setExtents()
		}
	case mode&fs.ModeSymlink != 0:
		it.Type = Link
		if it.Target, err = os.Readlink(local); err == nil {
			it.Target = filepath.ToSlash(it.Target)
			if len(it.Target) > MaxTarget || it.Target == "" {
				err = fmt.Errorf("the link's target has %d octets, not 1 to %d", len(it.Target), MaxTarget)
			} else if !staysWithin(p, it.Target) {
				s.warn(local, false, ErrOutward)
			}
		}
	default:
		err = ErrSpecial
	}
	if err != nil {
		s.warn(local, true, err)
		return nil
	}
	s.add(it)
	return nil
}

// setExtents makes a file a sparse one. No extents at all are a hole from end to end.
func (it *item) setExtents() { it.Type, it.Extents = Sparse, uint32(len(it.extents)) }

// list walks what is in a folder.
func (s *scanner) list(it *item, local string) error {
	found, err := os.ReadDir(local) // sorted; what was read before an error counts
	if err != nil {
		s.warn(local, true, fmt.Errorf("what is in it: %w", bare(err)))
	}
	for _, d := range found {
		info, err := d.Info()
		if err != nil { // it has gone meanwhile
			s.warn(filepath.Join(local, d.Name()), true, err)
			continue
		}
		if err := s.walk(it.top, it.Path+"/"+d.Name(), info); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) warn(local string, skipped bool, err error) {
	s.plan.Warnings = append(s.plan.Warnings, Warning{local, skipped, bare(err)})
}

// add puts a file or a link into an activity.
func (s *scanner) add(it item) {
	n := it.octets()
	if n-it.headerSize() >= s.o.Large {
		s.job([]item{it})
		return
	}
	if len(s.small) == s.o.Entries || len(s.small) > 0 && s.octets+n > s.o.Octets {
		s.flush()
	}
	s.small = append(s.small, it)
	s.octets += n
}

func (s *scanner) flush() {
	if len(s.small) > 0 {
		s.job(s.small)
	}
	s.small, s.octets = nil, 0
}

// finish makes the jobs that are left. Those of the folders are last, since whatever is written into a folder changes its time, and may not be allowed
// by its mode.
func (s *scanner) finish() {
	s.flush()
	for len(s.folders) > 0 {
		// From the last one on: what is below a folder is in the same activity or an earlier one.
		from := max(0, len(s.folders)-s.o.Entries)
		s.job(s.folders[from:])
		s.folders = s.folders[:from]
	}
}

func (s *scanner) job(items []item) {
	j := newJob(items)
	s.plan.Jobs = append(s.plan.Jobs, j)
	s.plan.Entries += j.Header.Entries
	s.plan.Octets += j.Header.Octets
}

// bare takes the file's name off an error of the operating system: what names it is in the text around, and only as much of it as others may see.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}
