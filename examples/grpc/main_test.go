package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

func TestServeAndCount(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"serve", "tenuto+tcp://127.0.0.1:0"}, w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url) + "/counter"
	var got strings.Builder
	if err := run(ctx, []string{"count", url, "40", "42", "1ms"}, &got); err != nil {
		t.Fatal(err)
	}
	if want := "40\n41\n42\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	if err := run(ctx, []string{"count", url, "1", "1", "-1s"}, io.Discard); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an error of the service: got %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("serve, asked to stop:", err)
	}
}

// reader reads the numbers of a stream, and does something after some of them.
type reader struct {
	got   []int
	after func(n int)
}

func (r *reader) Write(b []byte) (int, error) {
	var n int
	if _, err := fmt.Sscan(string(b), &n); err != nil {
		return 0, err
	}
	r.got = append(r.got, n)
	r.after(n)
	return len(b), nil
}

// TestCut: a stream goes on when its carrier is cut in the middle, on the same session.
func TestCut(t *testing.T) {
	nw := memory.New()
	events := make(chan tenuto.Event, 100)
	endpoint := func(cfg tenuto.EndpointConfig) *tenuto.Endpoint {
		cfg.Carriers = []carrier.Network{nw}
		ep, err := tenuto.NewEndpoint(&cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ep.Close() })
		return ep
	}
	here, there := endpoint(tenuto.EndpointConfig{Events: func(e tenuto.Event) { events <- e }}), endpoint(tenuto.EndpointConfig{})
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, there, "memory://counter", w) }()
	if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	const last, every = 100_000, 20_000
	cuts := 0
	numbers := &reader{after: func(n int) {
		if n%every != 0 || n == last {
			return
		}
		for _, c := range nw.Conns() {
			c.Cut()
			cuts++
		}
		for e := range events { // without it the next cut might find no carrier
			if e.Kind == tenuto.Resumed {
				break
			}
		}
	}}
	if err := count(ctx, here, "memory://counter/x", Range{From: 1, To: last}, numbers); err != nil {
		t.Fatal(err)
	}
	for i, n := range numbers.got {
		if n != i+1 {
			t.Fatalf("got %d, want %d", n, i+1)
		}
	}
	if len(numbers.got) != last || cuts != last/every-1 {
		t.Errorf("got %d numbers and %d cuts, want %d and %d", len(numbers.got), cuts, last, last/every-1)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("serve, asked to stop:", err)
	}
}
