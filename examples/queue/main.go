// Command queue has files worked off by several senders side by side. Each file is a job, and each job a durable activity: one that was
// interrupted is resumed where it was, and none is done twice.
//
//	go run ./queue work tenuto+tcp://127.0.0.1:7225 work.db
//	go run ./queue drain tenuto+tcp://127.0.0.1:7225/queue jobs sender 4
//	go run ./queue done work.db
//
// The work is to compute a file's SHA-256 where the file is not. What makes it a job that survives is that its state between two
// synchronization points, here that of the hash, is the cookie of the receiver's record: the point and the work up to it are committed
// by the same write, and so are the activity's end and the result. When the worker is killed and started again, it takes each job up at
// the last point, with the hash as it was there. A job whose end is committed is never opened again, however often it is sent.
//
// The sender's folder, here "sender", has its key and its records. To drain the jobs again, after an interrupt or a crash, goes on with
// those that were begun and passes over those that are done. A job is known by its name, so that a file must not change afterwards.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/checkpoint/bolt"
	"github.com/tenuto-session/tenuto/durable"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "queue:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "work":
		return withStore(args[2], func(st checkpoint.Store) error {
			ep, err := tenuto.NewEndpoint(nil)
			if err != nil {
				return err
			}
			defer ep.Close()
			return work(ctx, ep, args[1], st, out)
		})
	case len(args) == 5 && args[0] == "drain":
		n, err := strconv.ParseUint(args[4], 10, 8)
		if err != nil {
			return err
		}
		return drainFolder(ctx, args[1], args[2], args[3], int(n), out)
	case len(args) == 2 && args[0] == "done":
		return withStore(args[1], func(st checkpoint.Store) error { return done(ctx, st, out) })
	}
	return errors.New("usage: queue work URL STORE | queue drain URL/SERVICE JOBS FOLDER SENDERS | queue done STORE")
}

// withStore opens a store of records. Shared: done may look while work goes on.
func withStore(path string, do func(checkpoint.Store) error) error {
	st, err := bolt.Open(path, &bolt.Options{Shared: true})
	if err != nil {
		return err
	}
	return errors.Join(do(st), st.Close())
}

// work takes jobs until ctx is done.
func work(ctx context.Context, ep *tenuto.Endpoint, url string, st checkpoint.Store, out io.Writer) error {
	ln, err := ep.Listen(ctx, url, &tenuto.Config{Units: durable.Units})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	server := &durable.Server{Receiver: worker{st}}
	return server.Serve(ctx, ln)
}

// done lists the results.
func done(ctx context.Context, st checkpoint.Store, out io.Writer) error {
	for rec, err := range st.List(ctx) {
		if err != nil {
			return err
		}
		if rec.State == checkpoint.Ended {
			fmt.Fprintf(out, "%s\n", rec.Cookie)
		}
	}
	return nil
}
