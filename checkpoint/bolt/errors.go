package bolt

import (
	"errors"
	"fmt"
)

// ErrLocked is in what Open returns, and with Options.Shared every call, when another process has kept the file for longer than Options.Timeout.
var ErrLocked = errors.New("another process has it open")

// A CorruptError says that a file is damaged, or not one of this package. Nothing has been written to it since that was found.
type CorruptError struct {
	Path string
	Err  error // what is wrong with it
}

func (e *CorruptError) Error() string { return fmt.Sprintf("bolt: %s is damaged: %v", e.Path, e.Err) }

// Unwrap returns what is wrong.
func (e *CorruptError) Unwrap() error { return e.Err }

// A VersionError says that a file was written by a later Tenuto, in a format that this one does not know.
type VersionError struct {
	Path   string
	Format uint32 // the file's
	Known  uint32 // the last that is known here
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("bolt: %s has format %d, and this program knows formats up to %d: a newer program has written it", e.Path, e.Format, e.Known)
}
