// Command ledger books transfers of money in an SQL database exactly once, though its sender, its receiver, or what is between them may
// die at any moment.
//
//	go run ./ledger receive tenuto+tcp://127.0.0.1:7225 ledger.db
//	go run ./ledger send tenuto+tcp://127.0.0.1:7225/ledger transfers.txt sender
//	go run ./ledger balances ledger.db
//
// A line of transfers.txt is a payer, a payee, and how many cents: "ada ben 1250". The file is one durable activity, with a
// synchronization point after every batch of lines. Kill either command as often as you like and start it again: the sender's folder,
// here "sender", has its key and its record of the activity, and what has been booked is not sent again.
//
// The trick is in page.Commit: the receiver's record of how far the activity is lies in the same database as the transfers, and both are
// written by one transaction. A crash leaves both or neither. Were they two transactions, a crash between them would leave a batch that
// is booked and, as the record does not say so, sent and booked a second time; or, the other way around, one that is never booked.
// The record's epoch is compared in that transaction, too: a receiver that was only slow, and is not the activity's owner any more,
// books nothing.
//
// That the whole file is the activity's name, by its digest, makes sending it a second time do nothing, and a file that has been changed
// another activity. A transfer that is meant twice stands in the file twice.
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/checkpoint/bolt"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/identity"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "receive":
		return withBook(args[2], func(b *book) error {
			ep, err := tenuto.NewEndpoint(nil)
			if err != nil {
				return err
			}
			defer ep.Close()
			return receive(ctx, ep, args[1], b, out)
		})
	case len(args) == 4 && args[0] == "send":
		return sendFile(ctx, args[1], args[2], args[3])
	case len(args) == 2 && args[0] == "balances":
		return withBook(args[1], func(b *book) error { return b.balances(ctx, out) })
	}
	return errors.New("usage: ledger receive URL DATABASE | ledger send URL/SERVICE FILE FOLDER | ledger balances DATABASE")
}

func withBook(path string, do func(*book) error) error {
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(full)")
	if err != nil {
		return err
	}
	defer db.Close()
	b, err := newBook(db)
	if err != nil {
		return err
	}
	return do(b)
}

// receive books what comes until ctx is done.
func receive(ctx context.Context, ep *tenuto.Endpoint, url string, b *book, out io.Writer) error {
	ln, err := ep.Listen(ctx, url, &tenuto.Config{Units: durable.Units})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	server := &durable.Server{Receiver: b}
	return server.Serve(ctx, ln)
}

// sendFile sends a file, or what is left of it. The folder keeps what a later call needs to go on: the key by which the receiver knows
// whose activity it is, and the record.
func sendFile(ctx context.Context, url, file, folder string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	keys, err := identity.Open(identity.Config{Dir: folder})
	if err != nil {
		return err
	}
	key, err := keys.Key()
	if err != nil {
		return err
	}
	store, err := bolt.Open(filepath.Join(folder, "activities"), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Key: key})
	if err != nil {
		return err
	}
	defer ep.Close()
	return send(ctx, &durable.Sender{
		Dial:      func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) { return ep.Dial(ctx, url, cfg) },
		Store:     store,
		Initiator: identity.Fingerprint(key.Public().(ed25519.PublicKey)),
		Peer:      url,
	}, text)
}

func send(ctx context.Context, snd *durable.Sender, text []byte) error {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	if _, err := parse(text); err != nil { // before the receiver books half of it
		return err
	}
	defer snd.Close() // its error says nothing of what is booked
	name := sha256.Sum256(text)
	return snd.Send(ctx, durable.Outgoing{ID: string(name[:checkpoint.MaxID]), Source: &batches{text: text}})
}
