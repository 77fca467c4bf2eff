// Command grpc calls a procedure that answers with a stream, by gRPC over a session. gRPC does not know: its server gets a net.Listener
// and its client a function that dials. A stream goes on when the connection below it breaks; without a session gRPC would end
// it as unavailable, and the caller would have to know where it was.
//
//	go run ./grpc serve tenuto+tcp://127.0.0.1:7225
//	go run ./grpc count tenuto+tcp://127.0.0.1:7225/counter 1 60 1s
//
// The service is written by hand, with messages in JSON, so that no protoc is needed; one that protoc has made is served and dialled in
// the same way. gRPC's own TLS is not wanted: between machines tenuto:// has it, and proves who both ends are.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tenuto-session/tenuto"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "grpc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if !(len(args) == 2 && args[0] == "serve" || len(args) == 5 && args[0] == "count") {
		return errors.New("usage: grpc serve URL | grpc count URL/SERVICE FROM TO EVERY")
	}
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	defer ep.Close()
	if args[0] == "serve" {
		return serve(ctx, ep, args[1], out)
	}
	from, err1 := strconv.Atoi(args[2])
	to, err2 := strconv.Atoi(args[3])
	every, err3 := time.ParseDuration(args[4])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return count(ctx, ep, args[1], Range{from, to, every}, out)
}

// serve serves until ctx is done.
func serve(ctx context.Context, ep *tenuto.Endpoint, url string, out io.Writer) error {
	ln, err := ep.Listen(ctx, url, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	server := grpc.NewServer(grpc.ForceServerCodec(jsonCodec{}))
	server.RegisterService(&counter, nil)
	defer context.AfterFunc(ctx, server.Stop)()
	return server.Serve(tenuto.NetListener(ln)) // nil after Stop
}

// count prints what the server counts.
func count(ctx context.Context, ep *tenuto.Endpoint, url string, r Range, out io.Writer) error {
	client, err := grpc.NewClient("passthrough:///"+url, // which hands the URL to the dialler as it is
		grpc.WithContextDialer(func(ctx context.Context, url string) (net.Conn, error) { return ep.DialContext(ctx, "tenuto", url) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(jsonCodec{})))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends a stream that is left before its end
	stream, err := client.NewStream(ctx, &counter.Streams[0], countMethod)
	if err != nil {
		return err
	}
	if err := errors.Join(stream.SendMsg(&r), stream.CloseSend()); err != nil {
		return err
	}
	for {
		var n Number
		err := stream.RecvMsg(&n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, n.N); err != nil {
			return err
		}
	}
}
