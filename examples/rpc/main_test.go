package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
)

func TestServeAndAdd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"serve", "tenuto+tcp://127.0.0.1:0"}, w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var sum strings.Builder
	if err := run(ctx, []string{"add", strings.TrimSpace(url) + "/rpc", "40", "2"}, &sum); err != nil {
		t.Fatal(err)
	}
	if got, want := sum.String(), "42\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("serve, asked to stop:", err)
	}
}
