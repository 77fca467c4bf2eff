package main

import (
	"context"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

// A worker opens jobs: it is the Receiver.
type worker struct{ store checkpoint.Store }

// Open begins a job, or takes it up where its cookie says. The header is its name.
func (w worker) Open(ctx context.Context, a *durable.Activity) (durable.Sink, checkpoint.Record, error) {
	rec, err := durable.Open(ctx, w.store, a)
	if err != nil || rec.State.Over() {
		return nil, rec, err
	}
	j := &job{store: w.store, name: string(a.Header), hash: sha256.New()}
	if rec.Serial > 0 {
		err = j.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(rec.Cookie)
	}
	return j, rec, err
}

// A job is the Sink of one.
type job struct {
	store checkpoint.Store
	name  string
	hash  hash.Hash
}

// Write does the work on the next octets. Should they never be committed, a later job begins without them.
func (j *job) Write(b []byte) (int, error) { return j.hash.Write(b) }

// Commit keeps the state of the work, or at the end its result, in the record itself.
func (j *job) Commit(ctx context.Context, r checkpoint.Record) (err error) {
	switch r.State {
	case checkpoint.Ended:
		r.Cookie = fmt.Appendf(nil, "%x %q", j.hash.Sum(nil), j.name)
	case checkpoint.Discarded:
		r.Cookie = nil
	default:
		if r.Cookie, err = j.hash.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
			return err
		}
	}
	return j.store.Commit(ctx, r)
}

// Close has nothing to give back.
func (j *job) Close() error { return nil }
