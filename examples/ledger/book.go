package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
)

const schema = `
PRAGMA journal_mode = wal; -- balances can be read while something is booked
CREATE TABLE IF NOT EXISTS activities (
	initiator TEXT, id BLOB, epoch INTEGER NOT NULL, serial INTEGER NOT NULL, octets INTEGER NOT NULL, digest BLOB NOT NULL,
	state INTEGER NOT NULL, PRIMARY KEY (initiator, id)
);
CREATE TABLE IF NOT EXISTS transfers (initiator TEXT, activity BLOB, payer TEXT NOT NULL, payee TEXT NOT NULL, cents INTEGER NOT NULL);`

// maxUnbooked is how many octets a sender may send between two synchronization points.
const maxUnbooked = 1 << 20

// A book is the database, with transfers and the receiver's records. It is a durable.Receiver.
type book struct{ db *sql.DB }

func newBook(db *sql.DB) (*book, error) {
	db.SetMaxOpenConns(1) // SQLite has one writer at a time
	_, err := db.Exec(schema)
	return &book{db}, err
}

// transact does what f does in one transaction: all of it or nothing.
func (b *book) transact(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Open makes the caller an activity's owner. The new epoch fences whoever was that before, perhaps in another process.
func (b *book) Open(ctx context.Context, a *durable.Activity) (durable.Sink, checkpoint.Record, error) {
	rec := checkpoint.Record{Key: a.Key, Peer: a.Peer, State: checkpoint.Running, Epoch: 1}
	err := b.transact(ctx, func(tx *sql.Tx) error {
		if !a.Resumed {
			return one(checkpoint.ErrExists)(tx.ExecContext(ctx, `INSERT INTO activities VALUES (?, ?, ?, 0, 0, ?, ?) ON CONFLICT DO NOTHING`,
				a.Key.Initiator, []byte(a.Key.ID), rec.Epoch, rec.Digest[:], rec.State))
		}
		var digest []byte
		err := tx.QueryRowContext(ctx, `UPDATE activities SET epoch = epoch + 1 WHERE initiator = ? AND id = ?
			RETURNING epoch, serial, octets, digest, state`, a.Key.Initiator, []byte(a.Key.ID)).
			Scan(&rec.Epoch, &rec.Serial, &rec.Offset, &digest, &rec.State)
		copy(rec.Digest[:], digest)
		if errors.Is(err, sql.ErrNoRows) {
			return checkpoint.ErrNotFound
		}
		return err
	})
	return &page{book: b}, rec, err
}

// one makes an error of a statement that has changed nothing.
func one(otherwise error) func(sql.Result, error) error {
	return func(r sql.Result, err error) error {
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return otherwise
	}
}

// A page is the Sink of one activity.
type page struct {
	book *book
	text []byte // what was written since the last commit
}

// Write keeps the lines until they can be booked.
func (p *page) Write(b []byte) (int, error) {
	if len(p.text)+len(b) > maxUnbooked {
		return 0, fmt.Errorf("more than %d octets without a synchronization point", maxUnbooked)
	}
	p.text = append(p.text, b...)
	return len(b), nil
}

// Commit books the lines and writes the record, in one transaction.
func (p *page) Commit(ctx context.Context, r checkpoint.Record) error {
	var transfers []transfer
	if r.State != checkpoint.Discarded {
		var err error
		if transfers, err = parse(p.text); err != nil {
			return err
		}
	}
	err := p.book.transact(ctx, func(tx *sql.Tx) error {
		err := one(checkpoint.ErrFenced)(tx.ExecContext(ctx, `UPDATE activities SET serial = ?, octets = ?, digest = ?, state = ?
			WHERE initiator = ? AND id = ? AND epoch = ?`, r.Serial, r.Offset, r.Digest[:], r.State, r.Initiator, []byte(r.ID), r.Epoch))
		if err != nil {
			return err
		}
		for _, t := range transfers {
			if _, err := tx.ExecContext(ctx, `INSERT INTO transfers VALUES (?, ?, ?, ?, ?)`,
				r.Initiator, []byte(r.ID), t.payer, t.payee, t.cents); err != nil {
				return err
			}
		}
		if r.State == checkpoint.Discarded {
			_, err = tx.ExecContext(ctx, `DELETE FROM transfers WHERE initiator = ? AND activity = ?`, r.Initiator, []byte(r.ID))
		}
		return err
	})
	if err == nil {
		p.text = p.text[:0]
	}
	return err
}

// Close forgets what is not booked.
func (p *page) Close() error { return nil }

// balances says how many transfers there are, and what everybody has.
func (b *book) balances(ctx context.Context, out io.Writer) error {
	var n int
	if err := b.db.QueryRowContext(ctx, `SELECT count(*) FROM transfers`).Scan(&n); err != nil {
		return err
	}
	fmt.Fprintln(out, n, "transfers")
	rows, err := b.db.QueryContext(ctx, `SELECT name, sum(cents) FROM
		(SELECT payee AS name, cents FROM transfers UNION ALL SELECT payer, -cents FROM transfers) GROUP BY name ORDER BY name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var cents int64
		if err := rows.Scan(&name, &cents); err != nil {
			return err
		}
		fmt.Fprintln(out, name, cents)
	}
	return rows.Err()
}
