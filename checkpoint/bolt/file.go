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
	"sync"
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

	beginning sync.Mutex

	mu   sync.Mutex
	lost error         // why it serves no more
	gone chan struct{} // closed when it is lost
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

// purpose is what a file is opened for. Several may read, one may write.
type purpose int

const (
	toRead purpose = iota
	toWrite
	toMake // as toWrite, and bbolt makes its pages in a file of no octets
)

// open opens a file that is there, and takes its lock. It waits for that until the context ends.
func open(ctx context.Context, path string, p purpose) (*handle, error) {
	for {
		h, err := tryOpen(path, p)
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
func tryOpen(path string, p purpose) (*handle, error) {
	h := &handle{path: path, gone: make(chan struct{})}
	options := &bbolt.Options{
		Timeout:      time.Nanosecond, // bbolt tries once
		ReadOnly:     p == toRead,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			// A file that is gone is not to come back empty: its epochs would begin anew.
			if h.file, err = os.OpenFile(name, flag&^os.O_CREATE, mode); err != nil {
				return nil, err
			}
			info, err := h.file.Stat()
			switch {
			case err != nil:
				return nil, err
			case !info.Mode().IsRegular():
				return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
			case info.Size() == 0 && p != toMake:
				return nil, errors.New("it is empty")
			}
			return h.file, nil
		},
	}
	err := guard(path, func() (err error) {
		h.db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if err == nil {
		return h, nil
	}
	if h.file != nil { // where bbolt has panicked it has not closed it
		unlock(h.file)
		h.file.Close()
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

// close gives the file back.
func (h *handle) close() error {
	if h.why() != nil {
		// bbolt may have panicked with its own locks taken, and what is mapped stays so.
		unlock(h.file)
		h.file.Close()
		return nil
	}
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

// lose ends the use of a handle: what bbolt has in memory, or what is on the disk, is not known any more.
func (h *handle) lose(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost == nil {
		h.lost = err
		close(h.gone)
	}
	return err
}

// why tells why a handle is lost, if it is.
func (h *handle) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// begin begins a transaction. One at a time does: who panics there leaves bbolt's locks taken, and those behind would wait for them.
func (h *handle) begin(writable bool) (tx *bbolt.Tx, err error) {
	h.beginning.Lock()
	defer h.beginning.Unlock()
	if err := h.why(); err != nil {
		return nil, err
	}
	err = guard(h.path, func() error {
		tx, err = h.db.Begin(writable)
		return err
	})
	if _, corrupt := errors.AsType[*CorruptError](err); corrupt {
		return nil, h.lose(err)
	} else if err != nil { // what was mapped could not be mapped anew
		return nil, h.lose(fmt.Errorf("bolt: %s: %w: the store has to be opened anew", h.path, err))
	}
	return tx, nil
}

// run runs f in a transaction.
func (h *handle) run(tx *bbolt.Tx, f func(*tables) error) error {
	returned := false
	err := guard(h.path, func() error {
		t, err := openTables(h.path, tx)
		if err == nil {
			err = f(t)
		}
		returned = true
		return err
	})
	if !returned {
		return h.lose(err)
	}
	return err
}

// view reads in a transaction.
func (h *handle) view(f func(*tables) error) error {
	tx, err := h.begin(false)
	if err != nil {
		return err
	}
	err = h.run(tx, f)
	h.rollback(tx)
	return err
}

// update writes in a transaction. If f returns an error, or the transaction cannot be written, nothing has changed.
func (h *handle) update(f func(*tables) error) error {
	tx, err := h.begin(true)
	if err != nil {
		return err
	}
	if err := h.run(tx, f); err != nil {
		h.rollback(tx)
		return err
	}
	err = guard(h.path, tx.Commit)
	_, corrupt := errors.AsType[*CorruptError](err)
	switch {
	case err == nil:
		return nil
	case corrupt:
		return h.lose(err)
	case isFlush(err):
		return h.lose(fmt.Errorf("bolt: flush %s: %w: what is on the disk is not known, and the store has to be opened anew", h.path, err))
	}
	return fmt.Errorf("bolt: write %s: %w", h.path, err)
}

// rollback ends a transaction that has changed nothing, or is to have changed nothing.
func (h *handle) rollback(tx *bbolt.Tx) {
	if err := guard(h.path, tx.Rollback); err != nil {
		h.lose(err)
	}
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
	h, err := tryOpen(temp.Name(), toMake)
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
	// Without hard links it is made in its place, by openWhole.
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
