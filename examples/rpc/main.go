// Command rpc calls a procedure in another process over a session, with net/rpc as it is.
//
//	go run ./rpc serve tenuto+tcp://127.0.0.1:7225
//	go run ./rpc add tenuto+tcp://127.0.0.1:7225/rpc 40 2
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/signal"
	"strconv"

	"github.com/tenuto-session/tenuto"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rpc:", err)
		os.Exit(1)
	}
}

// Arithmetic is what is called: each method is a procedure.
type Arithmetic struct{}

// Terms are what Add adds.
type Terms struct{ A, B int }

// Add sets sum to the sum of the terms.
func (Arithmetic) Add(t Terms, sum *int) error {
	*sum = t.A + t.B
	return nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1], out)
	case len(args) == 4 && args[0] == "add":
		a, errA := strconv.Atoi(args[2])
		b, errB := strconv.Atoi(args[3])
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		return add(ctx, args[1], Terms{a, b}, out)
	}
	return errors.New("usage: rpc serve URL | rpc add URL/SERVICE A B")
}

// serve serves until ctx is done.
func serve(ctx context.Context, url string, out io.Writer) error {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	defer ep.Close() // which ends the sessions that are left
	ln, err := ep.Listen(ctx, url, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	server := rpc.NewServer()
	if err := server.Register(Arithmetic{}); err != nil {
		return err
	}
	for {
		s, err := ln.Accept(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go server.ServeConn(s.Conn())
	}
}

func add(ctx context.Context, url string, terms Terms, out io.Writer) error {
	s, err := tenuto.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	client := rpc.NewClient(s.Conn())
	defer client.Close()
	var sum int
	if err := client.Call("Arithmetic.Add", terms, &sum); err != nil {
		return err
	}
	fmt.Fprintln(out, sum)
	return nil
}
