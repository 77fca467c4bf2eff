package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/tenuto-session/tenuto/durable"
)

// batchLines is how many lines are booked by one transaction.
const batchLines = 100

// batches is the Source: lines, with a synchronization point after each batch. Every Read ends with one, so that durable sets none of
// its own, and none is within a line.
type batches struct {
	text []byte // whole lines
	at   int
}

// Rewind is what a sender does after a crash.
func (s *batches) Rewind(offset int64) error {
	if offset > int64(len(s.text)) {
		return errors.New("the receiver has more than there is")
	}
	s.at = int(offset)
	return nil
}

// Read reads a batch, or as many whole lines of it as b has room for.
func (s *batches) Read(b []byte) (int, error) {
	rest, n := s.text[s.at:], 0
	if len(rest) == 0 {
		return 0, io.EOF
	}
	for range batchLines {
		line := bytes.IndexByte(rest[n:], '\n') + 1
		if line == 0 || n+line > len(b) {
			break
		}
		n += line
	}
	if n == 0 {
		return 0, fmt.Errorf("a line of more than %d octets", len(b))
	}
	s.at += copy(b, rest[:n])
	return n, durable.ErrPoint
}

type transfer struct {
	payer, payee string
	cents        int64
}

// parse reads whole lines.
func parse(text []byte) ([]transfer, error) {
	var transfers []transfer
	for line := range bytes.Lines(text) {
		var t transfer
		var end rune
		n, err := fmt.Fscanf(bytes.NewReader(line), "%s %s %d%c", &t.payer, &t.payee, &t.cents, &end)
		if n != 4 || end != '\n' {
			return nil, fmt.Errorf("line %q: want a payer, a payee and cents: %v", line, err)
		}
		transfers = append(transfers, t)
	}
	return transfers, nil
}
