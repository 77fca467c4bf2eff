// Command chat is a room for several people. It uses sessions as they are, without net.Conn: a line is one message (an SSDU), which
// arrives whole or not at all, and who leaves says so by releasing the session.
//
//	go run ./chat host tenuto+tcp://127.0.0.1:7225
//	go run ./chat join tenuto+tcp://127.0.0.1:7225/room Ada
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "host":
		return host(ctx, args[1], out)
	case len(args) == 3 && args[0] == "join":
		return join(ctx, args[1], args[2], in, out)
	}
	return errors.New("usage: chat host URL | chat join URL/SERVICE NAME")
}
