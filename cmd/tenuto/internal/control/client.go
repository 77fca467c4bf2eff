package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// readTime is how long a process may take to answer. One that is stopped never does.
	readTime = 3 * time.Second
	// maxAsked is how many processes are asked at a time.
	maxAsked = 16
	// maxDocument is the size of the largest document that is read, in octets: some 100,000 bridges.
	maxDocument = 64 << 20
)

// Read asks all processes that have a socket in the folder; an empty dir is that of Dir. A socket that nobody answers on is removed.
// What cannot be asked is among the problems. The error tells why the folder as a whole cannot be used; that there is none is no
// error.
func Read(ctx context.Context, dir string) (*Status, error) {
	if dir == "" {
		dir = Dir()
	}
	err := checkDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Status{}, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	var (
		all    sync.WaitGroup
		asking = make(chan struct{}, maxAsked)
		mu     sync.Mutex
		status = &Status{}
	)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".sock") {
			continue
		}
		asking <- struct{}{}
		all.Go(func() {
			p, err := ask(ctx, filepath.Join(dir, e.Name()))
			<-asking
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				status.Problems = append(status.Problems, err.Error())
			case p != nil:
				status.Processes = append(status.Processes, *p)
			}
		})
	}
	all.Wait()
	slices.Sort(status.Problems)
	slices.SortFunc(status.Processes, func(a, b Process) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.PID, b.PID)) })
	return status, ctx.Err()
}

// ask returns nil, nil for a socket that belonged to a process that is gone.
func ask(ctx context.Context, path string) (*Process, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !isOurs(info) {
		return nil, fmt.Errorf("%s belongs to another user and was not asked", path)
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case isRefused(err):
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is of a process that is gone, and cannot be removed: %w", path, err)
		}
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // it has ended since
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return nil, silent(path)
	case err != nil:
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	b, err := io.ReadAll(io.LimitReader(c, maxDocument+1))
	switch {
	case ctx.Err() != nil:
		return nil, silent(path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(b) == 0:
		return nil, nil // it is about to end
	case len(b) > maxDocument:
		return nil, fmt.Errorf("%s tells more than %d octets", path, maxDocument)
	}
	p, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func silent(path string) error {
	return fmt.Errorf("%s: the process does not answer within %v; it may be stopped", path, readTime)
}

// parse reads a document. Fields that are not known are those of a later version.
func parse(b []byte) (*Process, error) {
	p := &Process{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("what it tells is not understood, it may be of another version: %w", err)
	}
	return p, nil
}
