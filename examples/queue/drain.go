package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/identity"
)

// drainFolder sends the files of a folder by n senders.
func drainFolder(ctx context.Context, url, jobs, folder string, n int, out io.Writer) error {
	keys, err := identity.Open(identity.Config{Dir: folder})
	if err != nil {
		return err
	}
	key, err := keys.Key() // by it the receiver knows whose jobs they are
	if err != nil {
		return err
	}
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Key: key})
	if err != nil {
		return err
	}
	defer ep.Close()
	return withStore(filepath.Join(folder, "jobs"), func(st checkpoint.Store) error {
		var senders []*durable.Sender
		for range n {
			senders = append(senders, &durable.Sender{
				Dial:      func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) { return ep.Dial(ctx, url, cfg) },
				Store:     st,
				Initiator: identity.Fingerprint(key.Public().(ed25519.PublicKey)),
				Peer:      url,
			})
		}
		return drain(ctx, senders, os.DirFS(jobs), out)
	})
}

// drain sends the files, each as one activity by the next sender that is free.
func drain(ctx context.Context, senders []*durable.Sender, jobs fs.FS, out io.Writer) error {
	files, err := fs.ReadDir(jobs, ".")
	if err != nil {
		return err
	}
	names := make(chan string, len(files))
	for _, f := range files {
		if f.Type().IsRegular() {
			names <- f.Name()
		}
	}
	close(names)
	type result struct {
		name string
		err  error
	}
	results := make(chan result)
	var working sync.WaitGroup
	for _, snd := range senders {
		working.Go(func() {
			for name := range names {
				if ctx.Err() != nil {
					break
				}
				results <- result{name, send(ctx, snd, jobs, name)}
			}
			_ = snd.Close()
		})
	}
	go func() {
		working.Wait()
		close(results)
	}()
	var errs []error
	for r := range results {
		if r.err == nil {
			fmt.Fprintln(out, r.name)
		} else {
			errs = append(errs, fmt.Errorf("%s: %w", r.name, r.err)) // the others may do better
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// send sends a job, or what is left of it.
func send(ctx context.Context, snd *durable.Sender, jobs fs.FS, name string) error {
	f, err := jobs.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	id := sha256.Sum256([]byte(name))
	return snd.Send(ctx, durable.Outgoing{ID: string(id[:checkpoint.MaxID]), Header: []byte(name), Source: source{f}})
}

// source is a file as a Source.
type source struct{ fs.File }

// Rewind is what a sender does after a crash, and at the beginning.
func (s source) Rewind(offset int64) error {
	seeker, ok := s.File.(io.Seeker)
	if !ok {
		return errors.New("the file cannot be rewound")
	}
	_, err := seeker.Seek(offset, io.SeekStart)
	return err
}
