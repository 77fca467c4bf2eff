package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

// parameters ask for the part of the protocol that the fake knows.
const parameters = "user=ada dbname=ada default_query_exec_mode=simple_protocol"

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the forwarder's
	os.Exit(m.Run())
}

func TestServeAndQuery(t *testing.T) {
	db := newFake(t)
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"serve", "tenuto+tcp://127.0.0.1:0", db.ln.Addr().String()}, w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url) + "/db"
	var got strings.Builder
	if err := run(ctx, []string{"query", url, parameters, "rows 2", "rows 1"}, &got); err != nil {
		t.Fatal(err)
	}
	if want := "connection 1 query 1 row 1\nconnection 1 query 1 row 2\nconnection 1 query 2 row 1\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	err = run(ctx, []string{"query", url, parameters, "nonsense"}, io.Discard)
	if pe, ok := errors.AsType[*pgconn.PgError](err); !ok || pe.Code != "42601" {
		t.Errorf("an error of the database: got %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("serve, asked to stop:", err)
	}
}

// cutter counts rows, and cuts after one of them.
type cutter struct {
	strings.Builder
	rows, at int
	cut      func()
}

func (c *cutter) Write(b []byte) (int, error) {
	if c.rows++; c.rows == c.at {
		c.cut()
	}
	return c.Builder.Write(b)
}

// TestCut: the carrier is cut between queries and within an answer, and the connection to the database is the same all the time.
func TestCut(t *testing.T) {
	db := newFake(t)
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
	go func() { ended <- serve(ctx, there, "memory://database", db.ln.Addr().String(), w) }()
	if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	conn, err := connect(ctx, here, "memory://database/db", parameters)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	cut := func() {
		for _, c := range nw.Conns() {
			c.Cut()
			cuts++
		}
		for e := range events { // without it the next cut might find no carrier
			if e.Kind == tenuto.Resumed {
				break
			}
		}
	}
	const queries, rows = 3, 50_000
	for q := 1; q <= queries; q++ {
		got := &cutter{at: rows / 2, cut: cut}
		if err := query(ctx, conn, fmt.Sprint("rows ", rows), got); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
		for i, line := range lines {
			if want := fmt.Sprint("connection 1 query ", q, " row ", i+1); line != want {
				t.Fatalf("got %q, want %q", line, want)
			}
		}
		if len(lines) != rows {
			t.Errorf("query %d: got %d rows, want %d", q, len(lines), rows)
		}
		cut()
	}
	if n := db.connections.Load(); n != 1 || cuts != 2*queries {
		t.Errorf("%d connections to the database, %d cuts; want 1 and %d", n, cuts, 2*queries)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("serve, asked to stop:", err)
	}
}
