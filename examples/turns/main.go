// Command turns is a conversation between two people of whom one speaks at a time, as on a radio with one frequency. The session is
// half-duplex: who has the data token speaks, and no program at the other end can make it otherwise.
//
//	go run ./turns wait tenuto+tcp://127.0.0.1:7225
//	go run ./turns call tenuto+tcp://127.0.0.1:7225/turns
//
// Type lines. Where the token is here a line goes out at once. Where it is not, the program asks for it (S-TOKEN-PLEASE) and keeps the
// lines; the other end gives it (S-TOKEN-GIVE) when it has said what it had to say, and then they go out. Both show the primitives as
// they happen: "->" is what this end requests, "<-" what the other end has requested. At first the caller has the token. Who comes to the
// end of the input takes leave, for which it wants the token, too: only who may speak may release the session.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/tenuto-session/tenuto"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "turns:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 || args[0] != "wait" && args[0] != "call" {
		return errors.New("usage: turns wait URL | turns call URL/SERVICE")
	}
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	defer ep.Close()
	if args[0] == "wait" {
		return wait(ctx, ep, args[1], in, out)
	}
	return call(ctx, ep, args[1], in, out)
}

// wait waits for one caller.
func wait(ctx context.Context, ep *tenuto.Endpoint, url string, in io.Reader, out io.Writer) error {
	ln, err := ep.Listen(ctx, url, &tenuto.Config{Units: tenuto.HalfDuplex})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	s, err := ln.Accept(ctx)
	if err != nil {
		return err
	}
	return converse(ctx, s, in, out)
}

func call(ctx context.Context, ep *tenuto.Endpoint, url string, in io.Reader, out io.Writer) error {
	s, err := ep.Dial(ctx, url, &tenuto.Config{Units: tenuto.HalfDuplex})
	if err != nil {
		return err
	}
	return converse(ctx, s, in, out)
}

// converse brings lines and indications into one order: the talk is the affair of one goroutine.
func converse(ctx context.Context, s *tenuto.Session, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines, heard, ended := make(chan string), make(chan tenuto.Indication), make(chan error, 1)
	go func() { // ends with the input, which cannot be left before that
		defer close(lines)
		for l := bufio.NewScanner(in); l.Scan(); {
			select {
			case lines <- l.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() { ended <- hear(ctx, s, heard) }()
	t := &talk{s: s, out: out}
	var err error
	for err == nil && !t.over {
		select {
		case line, more := <-lines:
			if !more {
				lines = nil // an end is read once
			}
			err = t.typed(ctx, line, more)
		case i := <-heard:
			err = t.heard(ctx, i)
		case err = <-ended:
			return errors.Join(err, s.Abort(nil))
		}
	}
	if err != nil {
		_ = s.Abort(nil)
	}
	cancel()
	<-ended
	return err
}

// maxLine is how long a line may be that the other end says, in octets.
const maxLine = 4 << 10

// hear passes indications on, lines as wholes, until the session or the context ends.
func hear(ctx context.Context, s *tenuto.Session, heard chan<- tenuto.Indication) error {
	var line []byte
	for {
		i, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		if d, ok := i.(tenuto.Data); ok {
			if line = append(line, d.B...); len(line) > maxLine {
				return fmt.Errorf("a line of more than %d octets", maxLine)
			}
			if !d.End {
				continue
			}
			i, line = tenuto.Data{B: line, End: true}, nil
		}
		select {
		case heard <- i:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
