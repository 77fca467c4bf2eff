package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the receiver's: what dies is meant to
	os.Exit(m.Run())
}

func TestReceiveAndSend(t *testing.T) {
	dir := t.TempDir()
	db, file := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "transfers.txt")
	if err := os.WriteFile(file, []byte("ada ben 1250\nben cy 300\nada ben 1250"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"receive", "tenuto+tcp://127.0.0.1:0", db}, w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := run(ctx, []string{"send", strings.TrimSpace(url) + "/ledger", file, filepath.Join(dir, "sender")}, io.Discard); err != nil {
			t.Fatal(err)
		}
		wantBalances(t, db, "3 transfers\nada -2500\nben 2200\ncy 300\n")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("receive, asked to stop:", err)
	}
}

func TestBadLine(t *testing.T) {
	for _, text := range []string{"ada ben\n", "ada ben 1 2\n", "ada ben x\n", "\n"} {
		if err := send(t.Context(), &durable.Sender{}, []byte(text)); err == nil || !strings.Contains(err.Error(), "want a payer") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// TestFenced: who is not the owner any more books nothing.
func TestFenced(t *testing.T) {
	err := withBook(filepath.Join(t.TempDir(), "ledger.db"), func(b *book) error {
		a := &durable.Activity{Key: checkpoint.Key{Role: checkpoint.Receiver, Initiator: "i", ID: "\xffx"}}
		first, rec, err := b.Open(t.Context(), a)
		if err != nil {
			return err
		}
		if _, _, err := b.Open(t.Context(), a); !errors.Is(err, checkpoint.ErrExists) {
			t.Errorf("begun twice: %v", err)
		}
		a.Resumed = true
		second, later, err := b.Open(t.Context(), a)
		if err != nil || later.Epoch <= rec.Epoch {
			t.Fatalf("resumed: epoch %d after %d, %v", later.Epoch, rec.Epoch, err)
		}
		for _, s := range []durable.Sink{first, second} {
			if _, err := s.Write([]byte("ada ben 1\n")); err != nil {
				return err
			}
		}
		if err := first.Commit(t.Context(), rec); !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("the first: %v", err)
		}
		var got strings.Builder
		if err := errors.Join(second.Commit(t.Context(), later), b.balances(t.Context(), &got)); err != nil {
			return err
		}
		if want := "1 transfers\nada -1\nben 1\n"; got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
		got.Reset()
		later.State = checkpoint.Discarded
		if err := errors.Join(second.Commit(t.Context(), later), b.balances(t.Context(), &got)); err != nil || got.String() != "0 transfers\n" {
			t.Errorf("discarded: %q, %v", got.String(), err)
		}
		a.Key.ID = "other"
		_, _, err = b.Open(t.Context(), a)
		if !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
