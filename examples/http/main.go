// Command http serves and fetches web pages over sessions. net/http does not know: its server gets a net.Listener and its client a
// function that dials. A transfer goes on when the connection below it breaks.
//
//	go run ./http serve tenuto+tcp://127.0.0.1:7225
//	go run ./http get tenuto+tcp://127.0.0.1:7225/web /time
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/tenuto-session/tenuto"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "http:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1], out)
	case len(args) == 3 && args[0] == "get":
		return get(ctx, args[1], args[2], out)
	}
	return errors.New("usage: http serve URL | http get URL/SERVICE PATH")
}

// serve serves until ctx is done.
func serve(ctx context.Context, url string, out io.Writer) error {
	ln, err := tenuto.Listen(ctx, url, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	handler := http.NewServeMux()
	handler.HandleFunc("GET /time", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, time.Now().Format(time.RFC3339))
	})
	handler.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s.\n", r.PathValue("name"))
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(tenuto.NetListener(ln)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func get(ctx context.Context, url, path string, out io.Writer) error {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	defer ep.Close()
	transport := &http.Transport{
		// Every connection of the client is a session on one bridge.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return ep.DialContext(ctx, "tenuto", url) },
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://session"+path, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
