package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// How long one who waits for a file's lock looks away, at least and at most. Where each stands between is by chance, so that two do not keep in step.
const (
	minLook = 500 * time.Microsecond
	maxLook = 5 * time.Millisecond
)

// handle is an open file, and the lock on it.
type handle struct {
	path string
	db   *bbolt.DB
	file *os.File // db's
}

// guard runs what bbolt does with octets of the file. It trusts them and has mapped them: damage shows as a panic, or as a fault, which becomes one.
func guard(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case string:
			if strings.HasPrefix(p, "BUG:") {
				panic(p)
			}
			err = &CorruptError{path, errors.New(p)}
		default:
			err = &CorruptError{path, fmt.Errorf("%v", p)}
		}
	}()
	return f()
}

// open opens a file that is there, and takes its lock: for all to read, or for one to write. It waits for that until the context ends.
func open(ctx context.Context, path string, readOnly bool) (*handle, error) {
	for {
		h, err := tryOpen(path, readOnly)
		if !errors.Is(err, ErrLocked) {
			return h, err
		}
		look := time.NewTimer(minLook + rand.N(maxLook-minLook))
		select {
		case <-look.C:
		case <-ctx.Done():
			look.Stop()
			return nil, fmt.Errorf("bolt: open %s: %w", path, context.Cause(ctx))
		}
	}
}

// tryOpen is open, but ErrLocked where that waits.
func tryOpen(path string, readOnly bool) (*handle, error) {
	h := &handle{path: path}
	options := &bbolt.Options{
		Timeout:      time.Nanosecond, // bbolt tries once
		ReadOnly:     readOnly,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			// A file that is gone is not to come back empty: its epochs would begin anew.
			h.file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return h.file, err
		},
	}
	err := guard(path, func() (err error) {
		h.db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if err == nil {
		return h, nil
	}
	if h.file != nil {
		h.file.Close() // where bbolt has not
	}
	_, corrupt := errors.AsType[*CorruptError](err)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	case corrupt:
		return nil, err
	case isSystem(err):
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	}
	return nil, &CorruptError{path, err}
}

// isSystem tells whether an error is the system's, and not bbolt's judgement of a file.
func isSystem(err error) bool {
	var errno syscall.Errno
	_, isPath := errors.AsType[*fs.PathError](err)
	return isPath || errors.As(err, &errno)
}

func (h *handle) close() error {
	if err := h.db.Close(); err != nil {
		return fmt.Errorf("bolt: close %s: %w", h.path, err)
	}
	return nil
}

// also joins a second error to one, if there is one.
func also(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

// abandon gives the lock back where bbolt can not be trusted to do it: it may have panicked with its own locks held. What is mapped stays so.
func (h *handle) abandon() { h.file.Close() }

// view reads in a transaction.
func (h *handle) view(f func(*tables) error) error {
	return guard(h.path, func() error {
		return h.db.View(func(tx *bbolt.Tx) error {
			t, err := openTables(h.path, tx)
			if err != nil {
				return err
			}
			return f(t)
		})
	})
}

// A brokenError is the end of a handle: neither what is in memory nor what is on the disk is known.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// update writes in a transaction. If f returns an error, or the transaction cannot be written, nothing has changed.
func (h *handle) update(f func(*tables) error) error {
	committing := false
	returned := false
	err := guard(h.path, func() error {
		err := h.db.Update(func(tx *bbolt.Tx) error {
			t, err := openTables(h.path, tx)
			if err == nil {
				err = f(t)
			}
			committing = err == nil
			return err
		})
		returned = true
		return err
	})
	switch {
	case err == nil:
		return nil
	case !returned:
		return brokenError{err}
	case errors.Is(err, berrors.ErrInvalidMapping): // what has been mapped is gone
		return brokenError{fmt.Errorf("bolt: map %s: %w: the store has to be opened anew", h.path, err)}
	case committing && isFlush(err):
		return brokenError{fmt.Errorf("bolt: flush %s: %w: what is on the disk is not known, and the store has to be opened anew", h.path, err)}
	case committing:
		return fmt.Errorf("bolt: write %s: %w", h.path, err)
	}
	return err
}

// isFlush tells whether bbolt's Commit has failed at flushing. It says so by the kind of error alone: writing goes through package os, and names itself.
func isFlush(err error) bool {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Op == "sync"
	}
	var errno syscall.Errno
	return errors.As(err, &errno) || strings.HasPrefix(err.Error(), "file sync error")
}

// create makes a file with empty tables, unless there is one.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	h, err := tryOpen(temp.Name(), false)
	if err != nil {
		return err
	}
	err = guard(path, func() error { return h.db.Update(func(tx *bbolt.Tx) error { return setUp(path, tx) }) })
	if err := errors.Join(err, h.close()); err != nil {
		return err
	}
	// Of two who make the file at the same time, one does.
	if err = os.Link(temp.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// Without hard links it is made in its place, by prepare.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// flushFolder makes the name of a file durable.
func flushFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be flushed there
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
