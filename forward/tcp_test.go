package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what should happen at once. It passes only in a test that fails.
const patience = 20 * time.Second

// tcpSession is a TCP connection in a session's place: its reset is the abort.
type tcpSession struct{ *net.TCPConn }

func (s tcpSession) Abort([]byte) error {
	s.SetLinger(0)
	return s.Close()
}

// tcpPair returns the two ends of a connection on loopback, whose calls fail when the test takes too long.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	ln := listenTCP(t)
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return guard(t, c), guard(t, d)
}

func guard(t *testing.T, c net.Conn) *net.TCPConn {
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// chain is an application and a peer with a Join between them.
type chain struct {
	app, peer *net.TCPConn // what the two programs hold
	cancel    context.CancelFunc
	counts    Counts
	err       error
	done      chan struct{}
}

func newChain(t *testing.T) *chain {
	app, local := tcpPair(t)
	session, peer := tcpPair(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := &chain{app: app, peer: peer, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.counts, c.err = Join(ctx, local, tcpSession{session})
	}()
	t.Cleanup(func() { cancel(); <-c.done })
	return c
}

func (c *chain) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatal("Join did not return")
	}
}

func mustWrite(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatalf("write %q: %v", text, err)
	}
}

func wantRead(t *testing.T, r io.Reader, text string) {
	t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != text {
		t.Fatalf("read %q, %v; want %q", b, err, text)
	}
}

func wantEOF(t *testing.T, r io.Reader) {
	t.Helper()
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read = %d, %v; want io.EOF", n, err)
	}
}

// wantReset reads, and takes no other error than a reset.
func wantReset(t *testing.T, r io.Reader) {
	t.Helper()
	if _, err := io.Copy(io.Discard, r); !isReset(err) {
		t.Fatalf("read: %v; want a reset", err)
	}
}

// pipeAcceptor hands out what is put into it.
type pipeAcceptor chan Incoming

func (p pipeAcceptor) Next(ctx context.Context) (Incoming, error) {
	select {
	case in, ok := <-p:
		if !ok {
			return nil, net.ErrClosed
		}
		return in, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// network stands for a bridge: sessions are TCP connections.
type network struct {
	t        *testing.T
	toServer pipeAcceptor
	toClient pipeAcceptor
}

func newNetwork(t *testing.T) *network {
	return &network{t: t, toServer: make(pipeAcceptor), toClient: make(pipeAcceptor)}
}

// dial opens a session to the server.
func (n *network) dial(ctx context.Context, service string) (Conn, error) {
	return n.open(ctx, n.toServer, service)
}

var errRefused = errors.New("refused")

func (n *network) open(ctx context.Context, to pipeAcceptor, service string) (Conn, error) {
	in := &incoming{network: n, service: service, answer: make(chan error, 1)}
	in.near, in.far = tcpPair(n.t)
	select {
	case to <- in:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case err := <-in.answer:
		if err != nil {
			return nil, err
		}
		return tcpSession{in.near}, nil
	case <-ctx.Done():
		in.near.Close()
		return nil, ctx.Err()
	}
}

type incoming struct {
	network   *network
	service   string
	near, far *net.TCPConn
	answer    chan error
	why       Refusal
	once      sync.Once
}

func (in *incoming) Service() string      { return in.service }
func (in *incoming) RemoteAddr() net.Addr { return in.far.RemoteAddr() }

func (in *incoming) Accept(context.Context) (Conn, error) {
	in.once.Do(func() { in.answer <- nil })
	return tcpSession{in.far}, nil
}

func (in *incoming) Refuse(why Refusal, text string) error {
	in.once.Do(func() { in.why = why; in.answer <- errors.Join(errRefused, errors.New(text)) })
	return nil
}

func (in *incoming) Dial(ctx context.Context, service string) (Conn, error) {
	return in.network.open(ctx, in.network.toClient, service)
}
