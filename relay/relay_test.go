package relay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

// A chain is a listener, and a relay before it that is dialled.
type chain struct {
	ep   *tenuto.Endpoint
	far  *tenuto.Listener
	near *tenuto.Listener
	stop func() // ends the relay, and waits for it
}

// newChain makes a chain of bridges in memory. dial may take the place of the relay's own.
func newChain(t *testing.T, dial func(ctx context.Context, near *tenuto.Incoming, cfg *tenuto.Config) (*tenuto.Session, error)) *chain {
	t.Helper()
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{memory.New()}})
	if err != nil {
		t.Fatal(err)
	}
	c := &chain{ep: ep}
	for _, l := range []struct {
		url string
		ln  **tenuto.Listener
	}{{"memory://far", &c.far}, {"memory://near", &c.near}} {
		if *l.ln, err = ep.Listen(t.Context(), l.url, &tenuto.Config{Units: Units, Relay: true}); err != nil {
			t.Fatal(err)
		}
	}
	if dial == nil {
		dial = func(ctx context.Context, _ *tenuto.Incoming, cfg *tenuto.Config) (*tenuto.Session, error) {
			return ep.Dial(ctx, "memory://far/test", cfg)
		}
	}
	r := &Relay{Dial: dial, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	ctx, cancel := context.WithCancel(bg)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := r.Serve(ctx, c.near); err != nil {
			t.Error(err)
		}
	})
	c.stop = func() {
		cancel()
		serving.Wait()
	}
	t.Cleanup(func() {
		c.stop()
		ep.Close()
	})
	return c
}

// accept takes the next session as cb says and hands it on, with what was proposed.
func (c *chain) accept(t *testing.T, cb *tenuto.Config) (accepted chan *tenuto.Session, proposed chan tenuto.Parameters) {
	accepted, proposed = make(chan *tenuto.Session, 1), make(chan tenuto.Parameters, 1)
	go func() {
		defer close(accepted)
		in, err := c.far.Next(bg)
		if err != nil {
			t.Error(err)
			return
		}
		proposed <- in.Parameters()
		s, err := in.Accept(bg, cb)
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- s
	}()
	return accepted, proposed
}

func (c *chain) open(t *testing.T, ca, cb *tenuto.Config) (a, b *tenuto.Session) {
	t.Helper()
	accepted, _ := c.accept(t, cb)
	a, err := c.ep.Dial(bg, "memory://near/test", ca)
	if err != nil {
		t.Fatal(err)
	}
	return a, <-accepted
}

// TestParameters: what is proposed arrives as it was, and so does the answer.
func TestParameters(t *testing.T) {
	c := newChain(t, nil)
	const units = Units &^ tenuto.Activity &^ tenuto.CapabilityData // activities have numbers of their own
	accepted, proposed := c.accept(t, &tenuto.Config{
		Responding: "answer", Units: units &^ tenuto.Duplex &^ tenuto.TypedData, Reference: tenuto.Reference{Called: []byte("you"), Common: []byte("c2")}, UserData: []byte("welcome"),
		Tokens: tenuto.TokenSettings{Here: tenuto.MinorToken}, Serial: 17, TSDUSize: 800, Concatenation: true})
	a, err := c.ep.Dial(bg, "memory://near/test", &tenuto.Config{
		Units: units, Reference: tenuto.Reference{Calling: []byte("me"), Common: []byte("c"), Additional: []byte("x")}, UserData: bytes.Repeat([]byte("long "), 4000),
		Tokens: tenuto.TokenSettings{There: tenuto.DataToken, Choose: tenuto.MinorToken | tenuto.MajorToken}, Serial: 12, TSDUSize: 2000, ReceiveTSDUSize: 3000})
	if err != nil {
		t.Fatal(err)
	}
	b := <-accepted
	p := <-proposed
	data := len(p.UserData)
	p.UserData = nil
	if p.Units != units || !reflect.DeepEqual(p.Reference, tenuto.Reference{Calling: []byte("me"), Common: []byte("c"), Additional: []byte("x")}) ||
		p.Serial != 12 || p.SendSize != 3000 || p.ReceiveSize != 2000 || data != 20000 || p.Concatenation ||
		p.Tokens != (tenuto.TokenSettings{Here: tenuto.DataToken, There: tenuto.ReleaseToken, Choose: tenuto.MinorToken | tenuto.MajorToken}) {
		t.Errorf("proposed %+v", p)
	}
	q := a.Parameters()
	if q.Units != b.Units() || q.Units&(tenuto.Duplex|tenuto.TypedData) != 0 || string(q.UserData) != "welcome" || q.Serial != 17 || q.SendSize != 800 || q.ReceiveSize != 800 ||
		string(q.Reference.Called) != "you" || string(q.Reference.Common) != "c2" || !q.Concatenation || q.Responding != "answer" {
		t.Errorf("answered %+v", q)
	}
	available, here := a.Tokens()
	_, there := b.Tokens()
	if here != tenuto.MajorToken|tenuto.ReleaseToken || there != tenuto.DataToken|tenuto.MinorToken || here|there != available {
		t.Errorf("tokens %v here, %v there", here, there)
	}
}

// TestVersion1: a far peer with the old version alone makes the near session one of that.
func TestVersion1(t *testing.T) {
	a, b := newChain(t, nil).open(t, &tenuto.Config{Version: tenuto.Version1 | tenuto.Version2, Serial: 9, Units: tenuto.HalfDuplex | tenuto.MinorSync},
		&tenuto.Config{Version: tenuto.Version1, Units: tenuto.HalfDuplex | tenuto.MinorSync})
	if v := a.Parameters().Version; v != tenuto.Version1 {
		t.Errorf("version %d", v)
	}
	if n, err := a.SyncMinor(bg, tenuto.Explicit, nil); n != 9 || err != nil {
		t.Errorf("point %d: %v", n, err)
	}
	if ind, err := b.Receive(bg); err != nil || !reflect.DeepEqual(ind, tenuto.SyncMinorInd{Serial: 9}) {
		t.Errorf("%v, %v", ind, err)
	}
}

// TestRefused: the near peer hears why the far one refuses, or that it is not there.
func TestRefused(t *testing.T) {
	c := newChain(t, nil)
	for _, row := range []struct {
		reason tenuto.RefuseReason
		data   string
		want   tenuto.RefuseReason
	}{
		{tenuto.RefusedCongestion, "", tenuto.RefusedCongestion},
		{tenuto.RefusedByUser, "", tenuto.RefusedByUser},
		{tenuto.RefusedByUser, "not today", tenuto.RefusedWithData},
		{tenuto.RefusedServiceUnknown, "", tenuto.RefusedServiceUnknown},
	} {
		go func() {
			in, err := c.far.Next(bg)
			if err != nil {
				t.Error(err)
				return
			}
			if err := in.Refuse(row.reason, []byte(row.data)); err != nil {
				t.Error(err)
			}
		}()
		_, err := c.ep.Dial(bg, "memory://near/test", nil)
		if re, ok := errors.AsType[*tenuto.RefusedError](err); !ok || re.Reason != row.want || string(re.Data) != row.data {
			t.Errorf("%v, want %v %q", err, row.want, row.data)
		}
	}
	nobody := newChain(t, func(context.Context, *tenuto.Incoming, *tenuto.Config) (*tenuto.Session, error) {
		return nil, errors.New("nobody there")
	})
	_, err := nobody.ep.Dial(bg, "memory://near/test", nil)
	if re, ok := errors.AsType[*tenuto.RefusedError](err); !ok || re.Reason != tenuto.RefusedServiceNotThere {
		t.Errorf("%v", err)
	}
}

// TestGivesUp: a near peer that does not wait ends the dialling.
func TestGivesUp(t *testing.T) {
	given := make(chan error, 1)
	dialled := make(chan struct{})
	c := newChain(t, func(ctx context.Context, _ *tenuto.Incoming, _ *tenuto.Config) (*tenuto.Session, error) {
		close(dialled)
		<-ctx.Done()
		given <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(bg)
	go func() {
		<-dialled
		cancel()
	}()
	if _, err := c.ep.Dial(ctx, "memory://near/test", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
	if _, ok := errors.AsType[*tenuto.AbortError](<-given); !ok {
		t.Error("the dialling was ended by something else")
	}
}

// TestEnds: each end of a session is the same at the other end of a relay.
func TestEnds(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(a *tenuto.Session)
		by   tenuto.Source
		data string
	}{
		"abort":           {func(a *tenuto.Session) { a.Abort([]byte("enough")) }, tenuto.User, "enough"},
		"abort, long":     {func(a *tenuto.Session) { a.Abort(bytes.Repeat([]byte("x"), 3000)) }, tenuto.User, string(bytes.Repeat([]byte("x"), 3000))},
		"provider":        {func(a *tenuto.Session) { a.Break() }, tenuto.Provider, ""},
		"within an SSDU":  {func(a *tenuto.Session) { a.SendPart(bg, []byte("half"), false); a.Abort(nil) }, tenuto.User, ""},
		"beside releases": {func(a *tenuto.Session) { a.Release(bg, nil); a.Abort([]byte("no")) }, tenuto.User, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []string{"near", "far"} {
				a, b := newChain(t, nil).open(t, nil, nil)
				if from == "far" {
					a, b = b, a
				}
				row.end(a)
				ae, ok := errors.AsType[*tenuto.AbortError](end(b))
				if !ok || ae.By != row.by || !ae.Remote || string(ae.Data) != row.data {
					t.Errorf("from the %s end: %v", from, ae)
				}
			}
		})
	}
}

// end receives until the session has ended.
func end(s *tenuto.Session) error {
	for {
		if _, err := s.Receive(bg); err != nil {
			return err
		}
	}
}

// TestStopped: when the relay stops both ends hear of an abort.
func TestStopped(t *testing.T) {
	c := newChain(t, nil)
	a, b := c.open(t, nil, nil)
	c.stop()
	for _, s := range []*tenuto.Session{a, b} {
		if ae, ok := errors.AsType[*tenuto.AbortError](end(s)); !ok || !ae.Remote {
			t.Errorf("%v", ae)
		}
	}
}

// TestFlow: a relay holds little of what nobody reads, and what withdraws it does not wait.
func TestFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &tenuto.Config{Units: tenuto.Duplex | tenuto.MinorSync | tenuto.Resync, Serial: 5}
		a, b := newChain(t, nil).open(t, cfg, cfg)
		sent := make(chan int, 1)
		go func() {
			n := 0
			part := make([]byte, 64<<10)
			for {
				m, err := a.SendPart(bg, part, false)
				if n += m; err != nil {
					if !errors.Is(err, tenuto.ErrPurged) {
						t.Errorf("SendPart: %v", err)
					}
					sent <- n
					return
				}
			}
		}()
		synctest.Wait()
		if err := a.Resynchronize(bg, tenuto.Set, 100, tenuto.TokenSettings{}, []byte("stop")); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d octets were taken", <-sent)
		for {
			ind, err := b.Receive(bg)
			if err != nil {
				t.Fatal(err)
			}
			if i, ok := ind.(tenuto.ResyncInd); ok {
				if i.Serial != 100 || string(i.Data) != "stop" {
					t.Errorf("got %v", i)
				}
				break
			}
		}
		if err := b.RespondResync(bg, 100, 0, nil); err != nil {
			t.Fatal(err)
		}
		if ind, err := a.Receive(bg); err != nil || reflect.TypeOf(ind) != reflect.TypeFor[tenuto.ResyncCnf]() {
			t.Fatalf("%v, %v", ind, err)
		}
		if err := a.Send(bg, []byte("fresh")); err != nil {
			t.Fatal(err)
		}
		if ind, err := b.Receive(bg); err != nil || !reflect.DeepEqual(ind, tenuto.Data{B: []byte("fresh"), End: true}) {
			t.Errorf("%v, %v", ind, err)
		}
		a.Abort(nil)
		end(b)
	})
}

// TestLargeSSDU: parts of an SSDU go through as they come.
func TestLargeSSDU(t *testing.T) {
	a, b := newChain(t, nil).open(t, nil, nil)
	want := make([]byte, 5<<20)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	go func() {
		if err := a.Send(bg, want); err != nil {
			t.Error(err)
		}
	}()
	var got []byte
	for parts := 0; ; parts++ {
		ind, err := b.Receive(bg)
		if err != nil {
			t.Fatal(err)
		}
		d := ind.(tenuto.Data)
		if got = append(got, d.B...); d.End {
			if parts == 0 || !slices.Equal(got, want) {
				t.Errorf("%d octets in %d parts", len(got), parts+1)
			}
			return
		}
	}
}
