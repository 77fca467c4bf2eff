// Package carriertest is the suite that every kind of carrier passes.
//
//	func TestCarrier(t *testing.T) { carriertest.Run(t, memory.New(), "memory://x") }
package carriertest

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/carrier"
)

// patience is how long a call may take that should return at once. It passes only in a test that fails.
const patience = 20 * time.Second

// Run checks a network against the contract of package carrier. It listens on listenURL again and again, one listener at a
// time; a port of 0 in it is fine, the listener's Addr is what it dials.
func Run(t *testing.T, network carrier.Network, listenURL string) {
	u, err := url.Parse(listenURL)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != network.Scheme() {
		t.Fatalf("URL %s for a network of scheme %s", listenURL, network.Scheme())
	}
	e := env{network: network, listen: u}
	for _, c := range []struct {
		name string
		run  func(*testing.T, env)
	}{
		{"octets arrive whole and in order, both ways", testOctets},
		{"Write keeps nothing and changes nothing", testWriteKeepsNothing},
		{"TryWrite keeps nothing and changes nothing", testTryWriteKeepsNothing},
		{"TryWrite says when it is full, and Write goes on", testTryWriteFull},
		{"octets left over come again, sliced otherwise", testLeftOver},
		{"what cannot TryWrite takes nothing", testNoTryWrite},
		{"Interrupt ends the Read", testInterrupt},
		{"Interrupt twice counts once", testInterruptTwice},
		{"Interrupt loses no octet", testInterruptLosesNothing},
		{"Close ends Read and Write here", testCloseHere},
		{"Close ends Read and Write at the peer", testCloseThere},
		{"what was written arrives before the end", testWriteThenClose},
		{"both ends agree on the binding and the features", testProperties},
		{"Accept waits for no peer", testAccept},
		{"a listener ends", testListenerClose},
		{"nobody listens", testRefused},
		{"a context cancels the Dial and not the carrier", testDialContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, e) })
	}
}

type env struct {
	network carrier.Network
	listen  *url.URL
}

// listener listens, and returns the URL to dial.
func (e env) listener(t *testing.T) (carrier.Listener, *url.URL) {
	t.Helper()
	ln, err := e.network.Listen(t.Context(), e.listen)
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { ln.Close() })
	u := *e.listen
	u.Host = ln.Addr().String()
	if e.listen.Host == "" { // the kind says where by path
		u.Host, u.Path = "", ln.Addr().String()
	}
	return ln, &u
}

// pair returns the two ends of a new carrier; near has dialled.
func (e env) pair(t *testing.T) (near, far carrier.Conn) {
	t.Helper()
	ln, u := e.listener(t)
	near, far = e.dial(t, t.Context(), ln, u)
	ln.Close()
	return near, far
}

// dial makes a carrier to a listener. ctx is for the Dial alone.
func (e env) dial(t *testing.T, ctx context.Context, ln carrier.Listener, u *url.URL) (near, far carrier.Conn) {
	t.Helper()
	accepted := start(func() {
		var err error
		if far, err = ln.Accept(); err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		far.Binding() // its part of shaking hands, if there is any
	})
	near, err := e.network.Dial(ctx, u)
	if err != nil {
		ln.Close()
		wait(t, "Accept", accepted)
		t.Fatalf("dial: %v", err)
	}
	wait(t, "Accept", accepted)
	if far == nil {
		near.Close()
		t.FailNow()
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// within runs f and fails the test if it does not return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	wait(t, what, done)
}

func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s did not return within %v", what, patience)
	}
}

// start runs f and returns what closes when it has returned.
func start(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return done
}

// canceled returns a context that is over.
func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
