package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/durable"
	"github.com/tenuto-session/tenuto/identity"
)

var errDead = errors.New("the process is dead")

// What can happen when a transaction is committed.
const (
	nothing      = iota
	rolledBack   // the transaction fails
	killedBefore // the receiver dies, and the transaction with it
	killedAfter  // the receiver dies when all is on the disk, before anybody hears of it
	unheard      // all is on the disk, but the receiver hears of an error
	cutSession   // the session is aborted before the transaction
	cutCarrier   // what carries the session breaks before the transaction
	killedSender // the sender dies
	fates        // how many there are
)

// A disk is sqlite's driver in a process that can die: after that nothing reaches the file.
type disk struct {
	sqlite driver.Driver
	path   string
	dead   atomic.Bool
	commit func(driver.Tx) error
}

func (d *disk) Connect(context.Context) (driver.Conn, error) {
	c, err := d.sqlite.Open(d.path)
	return diskConn{c, d}, err
}

func (d *disk) Driver() driver.Driver { return d.sqlite }

type diskConn struct {
	driver.Conn
	d *disk
}

func (c diskConn) Prepare(query string) (driver.Stmt, error) {
	if c.d.dead.Load() {
		return nil, errDead
	}
	return c.Conn.Prepare(query)
}

func (c diskConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if c.d.dead.Load() {
		return nil, errDead
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return diskTx{tx, c.d}, err
}

type diskTx struct {
	driver.Tx
	d *disk
}

func (tx diskTx) Commit() error { return tx.d.commit(tx.Tx) }

// mortal is the store of a sender that can die.
type mortal struct {
	checkpoint.Store
	dead atomic.Bool
}

func (m *mortal) Commit(ctx context.Context, r checkpoint.Record) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Store.Commit(ctx, r)
}

// A world is a sender and a receiver that die and come again, and what outlives them.
type world struct {
	t    *testing.T
	nw   *memory.Network
	path string // the database
	key  ed25519.PrivateKey
	sent checkpoint.Store
	log  *slog.Logger

	mu       sync.Mutex
	rnd      *rand.Rand
	left     int  // faults
	over     bool // no receiver comes after this one
	met      [fates]int
	receiver func() // kills it
	sender   func()
	session  *tenuto.Session
	revived  sync.WaitGroup
}

// fate says what happens now, and cuts what is to be cut.
func (w *world) fate() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left == 0 || w.rnd.IntN(2) == 0 {
		return nothing
	}
	f := 1 + w.rnd.IntN(fates-1)
	if w.session == nil { // nobody has sent yet
		return nothing
	}
	w.left--
	w.met[f]++
	switch f {
	case cutSession:
		w.session.Break()
	case cutCarrier:
		for _, c := range w.nw.Conns() {
			c.Cut()
		}
	case killedSender:
		w.sender()
	}
	return f
}

// receive starts a receiver.
func (w *world) receive() {
	plain, err := sql.Open("sqlite", "")
	if err != nil {
		w.t.Error(err)
		return
	}
	d := &disk{sqlite: plain.Driver(), path: w.path}
	if err := plain.Close(); err != nil {
		w.t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{w.nw}, Logger: w.log})
	if err != nil {
		w.t.Error(err)
	}
	kill := func() {
		d.dead.Store(true)
		cancel()
		ep.Close()
	}
	d.commit = func(tx driver.Tx) (err error) {
		f := w.fate()
		if f == killedBefore || f == rolledBack || d.dead.Load() {
			err = errors.Join(errDead, tx.Rollback())
		} else {
			err = tx.Commit()
		}
		switch f {
		case killedBefore, killedAfter:
			kill()
			err = errDead
		case unheard:
			err = errDead
		}
		return err
	}
	db := sql.OpenDB(d)
	b, err := newBook(db)
	if err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	w.receiver = kill
	w.mu.Unlock()
	w.revived.Go(func() {
		if err := receive(ctx, ep, "memory://receiver", b, io.Discard); err != nil {
			w.t.Error(err)
		}
		if err := db.Close(); err != nil {
			w.t.Error(err)
		}
		w.mu.Lock()
		over := w.over
		w.mu.Unlock()
		if !over {
			w.receive()
		}
	})
}

// send runs one sender, which may die.
func (w *world) send(text []byte) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Key: w.key, Carriers: []carrier.Network{w.nw}, Logger: w.log})
	if err != nil {
		return err
	}
	defer ep.Close()
	store := &mortal{Store: w.sent}
	snd := &durable.Sender{
		Store:     store,
		Initiator: identity.Fingerprint(w.key.Public().(ed25519.PublicKey)),
		Logger:    w.log,
		Dial: func(ctx context.Context, cfg *tenuto.Config) (*tenuto.Session, error) {
			s, err := ep.Dial(ctx, "memory://receiver/ledger", cfg)
			if err == nil {
				w.mu.Lock()
				w.session = s
				w.sender = func() {
					store.dead.Store(true)
					cancel()
					ep.Close()
				}
				w.mu.Unlock()
			}
			return s, err
		},
	}
	return send(ctx, snd, bytes.Clone(text))
}

func (w *world) run(text []byte) {
	w.receive()
	defer w.revived.Wait()
	for attempt := 0; ; attempt++ {
		err := w.send(text)
		if err == nil {
			break
		}
		if attempt > 100 {
			w.t.Errorf("attempt %d: %v", attempt, err)
			break
		}
		time.Sleep(time.Second) // the receiver may still say goodbye
	}
	w.mu.Lock()
	w.left, w.over = 0, true
	kill := w.receiver
	w.mu.Unlock()
	kill()
}

// transfersOf makes a file of transfers, and what balances shall say after it.
func transfersOf(rnd *rand.Rand, n int) (text []byte, want string) {
	cents := map[string]int{}
	for range n {
		payer, payee, amount := fmt.Sprint("p", rnd.IntN(9)), fmt.Sprint("p", rnd.IntN(9)), rnd.IntN(10000)
		text = fmt.Appendln(text, payer, payee, amount)
		cents[payer] -= amount
		cents[payee] += amount
	}
	var all []string
	for name, sum := range cents {
		all = append(all, fmt.Sprintln(name, sum))
	}
	slices.Sort(all)
	return text, fmt.Sprintln(n, "transfers") + strings.Join(all, "")
}

// TestOnce: each line counts once, whatever dies. That the record is committed with the lines is what makes it so: with two transactions
// this test fails.
func TestOnce(t *testing.T) {
	var met [fates]int
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 0))
				_, key, err := ed25519.GenerateKey(nil)
				if err != nil {
					t.Fatal(err)
				}
				w := &world{t: t, nw: memory.New(), path: filepath.Join(t.TempDir(), "ledger.db"), key: key, sent: checkpoint.NewMemory(nil),
					log: slog.New(slog.NewTextHandler(t.Output(), nil)), rnd: rnd, left: 15}
				text, want := transfersOf(rnd, 30*batchLines-7)
				w.run(text)
				wantBalances(t, w.path, want)
				for i, n := range w.met {
					met[i] += n
				}
			})
		})
	}
	for f, n := range met[1:] {
		if n == 0 {
			t.Errorf("fate %d was never met", f+1)
		}
	}
}

func wantBalances(t *testing.T, path, want string) {
	t.Helper()
	var got strings.Builder
	if err := withBook(path, func(b *book) error { return b.balances(t.Context(), &got) }); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}
