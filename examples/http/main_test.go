package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
)

func TestServeAndGet(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"serve", "tenuto+tcp://127.0.0.1:0"}, w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url) + "/web"

	var page strings.Builder
	if err := run(ctx, []string{"get", url, "/hello/Ada"}, &page); err != nil {
		t.Fatal(err)
	}
	if got, want := page.String(), "Hello, Ada.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := run(ctx, []string{"get", url, "/nothing"}, io.Discard); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a page that is not there: got %v, want a 404", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("serve, asked to stop:", err)
	}
}
