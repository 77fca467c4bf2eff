package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/memory"
	"github.com/tenuto-session/tenuto/decnet/mirror"
	"github.com/tenuto-session/tenuto/decnet/multinet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var names = map[string]decnet.Addr{"ALPHA": decnet.NewAddr(1, 1), "BETA": decnet.NewAddr(1, 2)}

// nodes makes two nodes over a link.
func nodes(t testing.TB, la, lb link.Link, change ...func(*Config)) (a, b *Node) {
	t.Helper()
	make := func(name string, l link.Link) *Node {
		cfg := Config{Addr: names[name], Name: name, Names: names, Circuits: []Circuit{{Name: "CIRCUIT", Link: l, Retry: 10 * time.Millisecond}}}
		for _, f := range change {
			f(&cfg)
		}
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
	a, b = make("ALPHA", la), make("BETA", lb)
	return a, b
}

func memoryNodes(t testing.TB, change ...func(*Config)) (a, b *Node) {
	t.Helper()
	la, lb := memory.Pair()
	return nodes(t, la, lb, change...)
}

func ctxOf(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dial tries until the circuits are up.
func dial(t testing.TB, n *Node, target string, cfg *DialConfig) *scp.Conn {
	t.Helper()
	ctx := ctxOf(t)
	for {
		c, err := n.Dial(ctx, target, cfg)
		var e *scp.Error
		if errors.As(err, &e) && e.Reason == scp.Unreachable && e.Local {
			n.AwaitCircuit(ctx)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// connected makes both ends of a link to object 200.
func connected(t testing.TB, a, b *Node, cfg *ListenConfig) (ca, cb *scp.Conn) {
	t.Helper()
	ln, err := b.Listen("200", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			close(accepted)
			return
		}
		accepted <- c
	}()
	ca = dial(t, a, "BETA::200", nil)
	c, ok := <-accepted
	if !ok {
		t.FailNow()
	}
	return ca, c.(*scp.Conn)
}

func TestConn(t *testing.T) {
	kinds := map[string]func(t *testing.T) (a, b link.Link){
		"memory": func(*testing.T) (a, b link.Link) { return memory.Pair() },
		"multinet": func(t *testing.T) (a, b link.Link) {
			ln, err := multinet.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			c, err := multinet.Connect(ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			return c, ln
		},
	}
	for name, links := range kinds {
		for flow := range nsp.FlowControl(3) {
			t.Run(fmt.Sprint(name, "/", flow), func(t *testing.T) {
				la, lb := links(t)
				a, b := nodes(t, la, lb, func(c *Config) { c.Flow = flow })
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					ca, cb := connected(t, a, b, nil)
					return ca, cb, func() { ca.Abort(nil); cb.Abort(nil) }, nil
				})
			})
		}
	}
}

func TestMirror(t *testing.T) {
	a, b := memoryNodes(t)
	if err := b.ServeMirror(); err != nil {
		t.Fatal(err)
	}
	ctx := ctxOf(t)
	c := dial(t, a, "BETA::MIRROR", nil)
	defer c.Close()
	if mirror.Most(c.AcceptData()) != 65535 {
		t.Errorf("accept data % x", c.AcceptData())
	}
	for _, n := range []int{0, 1, 500, 558, 559, 560, 1281, 65534} {
		if err := mirror.Loop(ctx, c, bytes.Repeat([]byte{byte(n)}, n)); err != nil {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

// A node reaches itself.
func TestLoopToItself(t *testing.T) {
	a, _ := memoryNodes(t)
	if err := a.ServeMirror(); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"0::MIRROR", "ALPHA::25", "1.1::MIRROR"} {
		c := dial(t, a, target, nil)
		if err := mirror.Loop(ctxOf(t), c, []byte("myself")); err != nil {
			t.Error(err)
		}
		c.Close()
	}
}

func TestNML(t *testing.T) {
	a, b := memoryNodes(t)
	if err := b.ServeNML("node beta"); err != nil {
		t.Fatal(err)
	}
	a.AwaitCircuit(ctxOf(t))
	r, err := a.ShowExecutor(ctxOf(t), "BETA", nil)
	if err != nil || r.Node.Addr != b.Addr() || r.Node.Name != "BETA" || r.Node.Identification != "node beta" {
		t.Errorf("%+v, %v", r, err)
	}
}

// Messages keep their ends beside the stream.
func TestMessages(t *testing.T) {
	a, b := memoryNodes(t)
	ca, cb := connected(t, a, b, nil)
	defer ca.Close()
	defer cb.Close()
	ctx := ctxOf(t)
	want := []string{"one", "", strings.Repeat("long", 1000), "four"}
	for _, s := range want {
		if err := ca.Send(ctx, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range want {
		if got, err := cb.Receive(ctx); err != nil || string(got) != s {
			t.Errorf("%q, %v; want %q", got, err, s)
		}
	}
	// In parts.
	if _, err := ca.Write([]byte("parts")); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for {
		var p [2]byte
		n, end, err := cb.ReadMessage(p[:])
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, p[:n]...); end {
			break
		}
	}
	if string(got) != "parts" {
		t.Errorf("%q", got)
	}
	// A context ends the call, and not the link.
	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := cb.Receive(short); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := ca.Send(ctx, []byte("on")); err != nil {
		t.Fatal(err)
	}
	if got, err := cb.Receive(ctx); err != nil || string(got) != "on" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestInterrupts(t *testing.T) {
	a, b := memoryNodes(t)
	ca, cb := connected(t, a, b, nil)
	defer ca.Close()
	defer cb.Close()
	ctx := ctxOf(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 20 {
			if err := ca.Interrupt(ctx, fmt.Appendf(nil, "interrupt %d", i)); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 20 {
		if got, err := cb.ReadInterrupt(ctx); err != nil || string(got) != fmt.Sprintf("interrupt %d", i) {
			t.Errorf("%q, %v", got, err)
		}
	}
	wg.Wait()
	if err := ca.Interrupt(ctx, make([]byte, 17)); !errors.Is(err, scp.ErrTooLong) {
		t.Errorf("17 octets: %v", err)
	}
}

// What each end says when a link begins and ends reaches the other.
func TestSaid(t *testing.T) {
	a, b := memoryNodes(t)
	ctx := ctxOf(t)
	a.AwaitCircuit(ctx)
	ln, err := b.Listen("TASK=TALK", &ListenConfig{Authorize: func(r *Request) scp.Reason {
		if acc := r.Connect().Access; acc == nil || acc.Password != "SECRET" {
			return scp.AccessControl
		}
		return scp.Normal
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	requests := make(chan *Request)
	go func() {
		defer close(requests)
		for {
			r, err := ln.Request(ctx)
			if err != nil {
				return
			}
			requests <- r
		}
	}()
	var e *scp.Error
	if _, err := a.Dial(ctx, "BETA::TALK", nil); !errors.As(err, &e) || e.Reason != scp.AccessControl || e.Local {
		t.Errorf("without access control: %v", err)
	}
	cfg := &DialConfig{Access: &scp.Access{User: "SMITH", Password: "SECRET"}, Data: []byte("hello"), Source: scp.ByName("TESTER")}
	answer := func(f func(*Request)) (*scp.Conn, error) {
		done := make(chan struct{})
		go func() { defer close(done); f(<-requests) }()
		c, err := a.Dial(ctx, "BETA::TALK", cfg)
		<-done
		return c, err
	}
	_, err = answer(func(r *Request) {
		if r.Peer() != a.Addr() || r.Connect().Src.Name != "TESTER" || string(r.Connect().Data) != "hello" || r.Connect().Access.User != "SMITH" {
			t.Errorf("%v", r.Connect())
		}
		r.Reject([]byte("not now"))
	})
	if !errors.As(err, &e) || e.Reason != scp.Normal || string(e.Data) != "not now" {
		t.Errorf("rejected: %v", err)
	}
	for _, abort := range []bool{false, true} {
		var cb *scp.Conn
		ca, err := answer(func(r *Request) { cb, _ = r.Accept([]byte("welcome")) })
		if err != nil || string(ca.AcceptData()) != "welcome" {
			t.Fatal(err)
		}
		if _, err := ca.Write([]byte("last words")); err != nil {
			t.Fatal(err)
		}
		if abort {
			if got, err := cb.Receive(ctx); err != nil || string(got) != "last words" {
				t.Errorf("%q, %v", got, err)
			}
			ca.Abort([]byte("enough"))
			if _, err := cb.Read(make([]byte, 1)); !errors.As(err, &e) || e.Reason != scp.Aborted || string(e.Data) != "enough" || e.Local {
				t.Errorf("aborted: %v", err)
			}
		} else {
			if err := ca.Disconnect(ctx, []byte("bye")); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(cb); err != nil || string(got) != "last words" {
				t.Errorf("%q, %v", got, err)
			}
			if _, err := cb.Write([]byte("x")); !errors.As(err, &e) || string(e.Data) != "bye" {
				t.Errorf("after the peer's disconnect: %v", err)
			}
		}
		cb.Close()
		if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestRefusals(t *testing.T) {
	a, b := memoryNodes(t)
	ctx := ctxOf(t)
	a.AwaitCircuit(ctx)
	for target, want := range map[string]scp.Reason{"BETA::199": scp.UnknownObject, "BETA::NOBODY": scp.UnknownObject, "1.9::25": scp.Unreachable,
		"GAMMA::25": scp.UnknownNode, "NOSUCHNODE::25": scp.BadNodeName} {
		var e *scp.Error
		if _, err := a.Dial(ctx, target, nil); !errors.As(err, &e) || e.Reason != want {
			t.Errorf("%s: %v, want %v", target, err, want)
		}
	}
	for _, target := range []string{"BETA", "BETA::", "BETA::0"} {
		if _, err := a.Dial(ctx, target, nil); err == nil {
			t.Errorf("%s: no error", target)
		}
	}
	// Cancelled while it waits, taken away while others wait, shut down while links run.
	ln, err := b.Listen("201", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Listen("201", nil); !errors.Is(err, scp.ErrExists) {
		t.Errorf("listens twice: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, err := a.Dial(short, "BETA::201", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	failed := make(chan error)
	go func() { _, err := a.Dial(ctx, "BETA::201", nil); failed <- err }()
	b.awaitRequests(t, ln, 2)
	ln.Close()
	var e *scp.Error
	if err := <-failed; !errors.As(err, &e) || e.Reason != scp.UnknownObject {
		t.Errorf("taken away: %v", err)
	}
	ca, _ := connected(t, a, b, nil)
	b.Close()
	if _, err := ca.Read(make([]byte, 1)); !errors.As(err, &e) || e.Reason != scp.ShuttingDown || e.Local {
		t.Errorf("shut down: %v", err)
	}
	ca.Close()
	a.Close()
	if _, err := a.Dial(ctx, "BETA::25", nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed node dials: %v", err)
	}
}

// awaitRequests waits until so many have asked, since it was made.
func (n *Node) awaitRequests(t *testing.T, ln *Listener, count int) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		n.mu.Lock()
		k := int(n.session.NSP.Counters.Connects)
		n.mu.Unlock()
		if k >= count {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody asks")
		}
		select {
		case <-ln.wake:
		case <-time.After(time.Millisecond):
		}
	}
}

func TestConfigErrors(t *testing.T) {
	la, _ := memory.Pair()
	for _, cfg := range []Config{
		{},
		{Addr: 1},
		{Addr: names["ALPHA"], Name: "TOOLONGNAME"},
		{Addr: names["ALPHA"], Names: map[string]decnet.Addr{"123": names["BETA"]}},
		{Addr: names["ALPHA"], Names: map[string]decnet.Addr{"X": 0}},
		{Addr: names["ALPHA"], Circuits: []Circuit{{Name: "X", Link: la, BlockSize: 10}}},
	} {
		if n, err := New(cfg); err == nil {
			n.Close()
			t.Errorf("%+v: no error", cfg)
		}
	}
}
