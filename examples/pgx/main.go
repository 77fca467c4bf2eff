// Command pgx talks to PostgreSQL over a session. Neither knows: pgx gets a function that dials, and the database is connected to by
// a forwarder beside it.
//
//	go run ./pgx serve tenuto+tcp://127.0.0.1:7225 127.0.0.1:5432
//	go run ./pgx query tenuto+tcp://127.0.0.1:7225/db "user=ada dbname=ada" "select now()" "select pg_backend_pid()"
//
// A connection to PostgreSQL is more than a stream of octets: it has transactions, temporary tables, prepared statements, locks,
// settings. All of it goes with the connection, and what a commit has done whose answer was lost nobody knows. A session keeps
// the connection while those below it break: pgx gets its answer, from the same backend, only later.
//
// "tenuto serve --service db=127.0.0.1:5432" is the same forwarder as a program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"

	"github.com/jackc/pgx/v5"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/forward"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pgx:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if !(len(args) == 3 && args[0] == "serve" || len(args) > 3 && args[0] == "query") {
		return errors.New("usage: pgx serve URL HOST:PORT | pgx query URL/SERVICE PARAMETERS SQL [SQL...]")
	}
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	defer ep.Close()
	if args[0] == "serve" {
		return serve(ctx, ep, args[1], args[2], out)
	}
	conn, err := connect(ctx, ep, args[1], args[2])
	if err != nil {
		return err
	}
	for _, sql := range args[3:] {
		if err = query(ctx, conn, sql, out); err != nil {
			break
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

// serve connects sessions to PostgreSQL until ctx is done.
func serve(ctx context.Context, ep *tenuto.Endpoint, url, address string, out io.Writer) error {
	target, err := forward.NewRegistry().Parse(address)
	if err != nil {
		return err
	}
	ln, err := ep.Listen(ctx, url, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	server := &forward.Server{Services: map[string]forward.Target{"db": target}}
	return server.Serve(ctx, forward.Listener(ln, nil))
}

// connect connects to PostgreSQL by a session. What the parameters say of host and port does not count.
func connect(ctx context.Context, ep *tenuto.Endpoint, url, parameters string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(parameters)
	if err != nil {
		return nil, err
	}
	// The connection of its own by which pgx cancels a query is dialled in this way, too.
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return ep.DialContext(ctx, "tenuto", url) }
	cfg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"session"}, nil } // nothing is asked of DNS
	cfg.Host = "session"
	// No TLS within the session: between machines tenuto:// has it, and its server is beside the database.
	cfg.TLSConfig, cfg.Fallbacks = nil, nil
	return pgx.ConnectConfig(ctx, cfg)
}

// query prints the rows that are the answer.
func query(ctx context.Context, conn *pgx.Conn, sql string, out io.Writer) error {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, values...); err != nil {
			return err
		}
	}
	return rows.Err()
}
