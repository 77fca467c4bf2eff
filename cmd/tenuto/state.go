package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tenuto-session/tenuto/checkpoint/bolt"
)

// The files of activities in the state folder: those that are sent are shared by a user's commands, those that are received belong to one server.
const (
	sentFile     = "sent.db"
	receivedFile = "received.db"
)

// state returns a file in the state folder, which it makes.
func (p *program) state(file string) (string, error) {
	dir := p.stateDir
	if dir == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("the state folder: %w; --state-dir names one", err)
			}
			base = filepath.Join(home, ".local", "state")
			if runtime.GOOS == "windows" {
				base = cmp.Or(os.Getenv("LocalAppData"), home)
			}
		}
		dir = filepath.Join(base, "tenuto")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("the state folder: %w", err)
	}
	return filepath.Join(dir, file), nil
}

// sent opens the records of what this user sends.
func (p *program) sent() (*bolt.Store, error) {
	file, err := p.state(sentFile)
	if err != nil {
		return nil, err
	}
	st, err := bolt.Open(file, &bolt.Options{Shared: true})
	return st, advise(err)
}

// received opens the records of what this user's server receives.
func (p *program) received() (*bolt.Store, error) {
	file, err := p.state(receivedFile)
	if err != nil {
		return nil, err
	}
	st, err := bolt.Open(file, nil)
	if errors.Is(err, bolt.ErrLocked) {
		return nil, fmt.Errorf("%w: another server of this user receives already; --state-dir keeps two apart", err)
	}
	return st, advise(err)
}

// advise adds to an error of a damaged store what can be done.
func advise(err error) error {
	if _, ok := errors.AsType[*bolt.CorruptError](err); ok {
		return fmt.Errorf("%w; where it is moved away, what it knew of can not be resumed, and has to be sent again", err)
	}
	return err
}
