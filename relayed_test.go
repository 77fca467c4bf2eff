package tenuto

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// PassOn is package relay's, which the tests of this package cannot import: it passes an S-CONNECT indication on, and returns when both
// sessions have ended. RelayConfig is what its listeners have.
var (
	PassOn      func(ctx context.Context, in *Incoming, dial func(context.Context, *Config) (*Session, error)) error
	RelayConfig *Config
)

// relayed are the transports on both sides of a relay. Those without an expedited flow withdraw nothing, as RFC 1006 does not what it has begun to send.
// From one with an expedited flow to one without only what is whole can be passed on (TestRelayedCut).
var relayed = map[string][2]transporttest.Options{
	"expedited":        {{}, {}},
	"normal":           {{NoExpedited: true, Delivered: true}, {NoExpedited: true, Delivered: true}},
	"narrow":           {{Window: 1000}, {Window: 1000}},
	"to the narrow":    {{}, {Window: 100}},
	"to expedited":     {{NoExpedited: true, Delivered: true}, {}},
	"all is delivered": {{Delivered: true}, {Delivered: true}},
}

// openRelayed connects two sessions through a relay between pipes.
func openRelayed(t *testing.T, o [2]transporttest.Options, ca, cb *Config) (a, b *Session) {
	t.Helper()
	ta, tn := transporttest.Pipe(o[0])
	tf, tb := transporttest.Pipe(o[1])
	var passing sync.WaitGroup
	ctx, cancel := context.WithCancel(bg)
	t.Cleanup(func() {
		cancel()
		passing.Wait()
		for _, tc := range []transport.Conn{ta, tn, tf, tb} {
			tc.Disconnect(transport.ReasonShutdown)
		}
	})
	passing.Go(func() {
		in, err := readConnect(transport.Never, tn, RelayConfig)
		if err != nil {
			t.Errorf("relay: %v", err)
			return
		}
		err = PassOn(ctx, in, func(ctx context.Context, cfg *Config) (*Session, error) { return connect(ctx, tf, cfg) })
		if err != nil && ctx.Err() == nil && !errors.As(err, new(*AbortError)) && !errors.Is(err, ErrUnfinished) {
			t.Errorf("relay: %v", err)
		}
	})
	accepted := make(chan *Session, 1)
	passing.Go(func() {
		in, err := readConnect(transport.Never, tb, cb)
		if err != nil {
			t.Errorf("far user: %v", err)
			close(accepted)
			return
		}
		s, err := in.Accept(bg, cb)
		if err != nil {
			t.Errorf("Accept: %v", err)
		}
		accepted <- s
	})
	a, err := connect(bg, ta, ca)
	try(t, err, "connect through a relay")
	return a, <-accepted
}

// gateways connects two sessions by way of relays: over RFC 1006 to one, over a bridge to the next if there are two, and over RFC 1006 again.
func gateways(bridged bool, units Units) opener {
	return func(t *testing.T, ca, cb *Config) (a, b *Session) {
		t.Helper()
		ep, ln := osiEndpoint(t, nil, cb)
		url := ln.URL()
		if bridged {
			url = passURL(t, "tenuto+tcp://127.0.0.1:0", url) + "/any"
		}
		url = passURL(t, "osi://127.0.0.1:0", url)
		accepted := make(chan *Session, 1)
		go func() {
			s, err := ln.Accept(bg)
			if err != nil {
				t.Errorf("Accept: %v", err)
			}
			accepted <- s
		}()
		c := *ca
		c.Units |= units
		a, err := ep.Dial(bg, url, &c)
		try(t, err, "Dial")
		return a, <-accepted
	}
}

// passURL listens at a URL, passes sessions on to another, and returns the URL to dial.
func passURL(t *testing.T, listen, target string) (url string) {
	t.Helper()
	ep, err := NewEndpoint(nil)
	try(t, err, "NewEndpoint")
	ln, err := ep.Listen(bg, listen, RelayConfig)
	try(t, err, "Listen")
	ctx, cancel := context.WithCancel(bg)
	var passing sync.WaitGroup
	t.Cleanup(func() { cancel(); passing.Wait(); ep.Close() })
	passing.Go(func() {
		for {
			in, err := ln.Next(ctx)
			if err != nil {
				return
			}
			passing.Go(func() {
				PassOn(ctx, in, func(ctx context.Context, cfg *Config) (*Session, error) { return ep.Dial(ctx, target, cfg) })
			})
		}
	})
	return ln.URL()
}

// throughRelays runs a conversation through relays.
func throughRelays(t *testing.T, f func(t *testing.T, open opener)) {
	for name, o := range relayed {
		t.Run("relay/"+name, func(t *testing.T) {
			f(t, func(t *testing.T, ca, cb *Config) (a, b *Session) { return openRelayed(t, o, ca, cb) })
		})
	}
	t.Run("gateway/osi", func(t *testing.T) { f(t, gateways(false, 0)) })
	t.Run("gateway/osi/expedited", func(t *testing.T) { f(t, gateways(false, Expedited)) })
	t.Run("gateway/bridge", func(t *testing.T) { f(t, gateways(true, 0)) })
	t.Run("gateway/bridge/expedited", func(t *testing.T) { f(t, gateways(true, Expedited)) })
}
