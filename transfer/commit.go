package transfer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// syncers is how many files are synced at a time: the file system then makes them durable together.
const syncers = 8

// Commit makes what was written durable, and then commits the record. If the state is Ended the entries get their names, if it is Discarded the
// temporary files go. checkpoint.ErrFenced says that another has the activity: the sink has changed nothing that matters to it.
func (s *sink) Commit(ctx context.Context, r checkpoint.Record) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.err != nil {
		return s.err
	}
	err := s.commit(ctx, r)
	if err != nil {
		s.err = err // the store may have committed or not
	}
	return err
}

func (s *sink) commit(ctx context.Context, r checkpoint.Record) error {
	if r.Offset != s.offset && (r.Offset != s.committed || r.State == checkpoint.Ended) {
		panic(fmt.Sprintf("BUG: commit at offset %d of a sink that is at %d, after %d", r.Offset, s.offset, s.committed))
	}
	switch {
	case s.over:
		r.Cookie = s.cookie
		return s.r.store.Commit(ctx, r)
	case r.State == checkpoint.Ended:
		return s.end(ctx, r)
	case r.State == checkpoint.Discarded:
		return s.discard(ctx, r)
	case r.Offset != s.committed:
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	return s.record(ctx, r)
}

// record commits the record with the sink's state.
func (s *sink) record(ctx context.Context, r checkpoint.Record) error {
	r.Cookie = s.cookie
	if err := s.r.store.Commit(ctx, r); err != nil {
		return err
	}
	s.committed = r.Offset
	return nil
}

// flush makes what was written durable, and the cookie the one that says so.
func (s *sink) flush(ctx context.Context) error {
	s.state.note(&s.decoder)
	if s.journal != nil {
		if err := s.writeJournal(s.decoder.part[:s.partial]); err != nil {
			return err
		}
		s.pending = append(s.pending, written{file: s.journal, path: journalName(s.tag)})
	}
	if s.file != nil {
		s.pending = append(s.pending, written{file: s.file, path: s.decoder.entry.Path})
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	s.cookie = s.state.append(nil)
	return nil
}

// sync syncs the files that are pending, and the folders that have new names in them. It closes those that have come as a whole.
func (s *sink) sync(ctx context.Context) error {
	err := parallel(ctx, len(s.pending), func(i int) error {
		w := s.pending[i]
		if err := s.fault("sync", w.path); err != nil {
			return err
		}
		if !w.folder || syncsFolders {
			if err := s.r.sync(w.file); err != nil {
				return failed("sync", w.path, err)
			}
		}
		if w.file == s.file || w.file == s.journal {
			return nil
		}
		return failed("close", w.path, w.file.Close())
	})
	if err != nil {
		return err // Close closes them
	}
	s.pending = slices.Delete(s.pending, 0, len(s.pending))
	return s.syncFolders(ctx)
}

// syncFolders makes names durable, where the system has such a thing.
func (s *sink) syncFolders(ctx context.Context) error {
	if !syncsFolders {
		clear(s.dirty)
		return nil
	}
	folders := make([]string, 0, len(s.dirty))
	for p := range s.dirty {
		folders = append(folders, p)
	}
	err := parallel(ctx, len(folders), func(i int) error {
		if err := s.fault("sync folder", folders[i]); err != nil {
			return err
		}
		f, err := s.root.Open(folders[i])
		if err != nil {
			return failed("sync folder", folders[i], err)
		}
		defer f.Close()
		return failed("sync folder", folders[i], s.r.sync(f))
	})
	if err == nil {
		clear(s.dirty)
	}
	return err
}

// parallel calls a function for 0 to n-1, several at a time, until one fails or the context ends. It returns when all calls have.
func parallel(ctx context.Context, n int, f func(int) error) error {
	if n == 1 {
		return f(0)
	}
	var next atomic.Int64
	errs := make([]error, min(n, syncers))
	var all sync.WaitGroup
	for w := range errs {
		all.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[w] = ctx.Err(); errs[w] == nil {
					errs[w] = f(i)
				}
				if errs[w] != nil {
					next.Store(int64(n)) // nobody begins another
				}
			}
		})
	}
	all.Wait()
	return cmp.Or(errs...)
}
