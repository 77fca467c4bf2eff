package bench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
	tcpcarrier "github.com/tenuto-session/tenuto/carrier/tcp"
)

const (
	purgeRate   = 1e6 // octets a second of the path
	purgeDelay  = 10 * time.Millisecond
	purgeOctets = 8 << 20 // sent
	purgeSSDU   = 64 << 10
	purgeAfter  = 512 << 10 // received when the request is made: all that lies between is full
	purgeRounds = 3         // in one step of the benchmark
)

// BenchmarkPurge measures how long the confirm of a request takes that withdraws what was sent before (invariant S2), while 8 MiB are
// being sent on a path of 1 MB/s with a round trip of 20 ms: S-RESYNCHRONIZE by who sends and by who receives, S-ACTIVITY-INTERRUPT and
// DISCARD, and S-U-ABORT, which has no confirm: there it is the time until the peer hears of it. Stale is what the receiver gets after the
// request.
//
// The bridge and RFC 1006 with expedited data send one SSDU, which is cut. Without expedited data one that has begun cannot be: there
// they are of 64 KiB.
func BenchmarkPurge(b *testing.B) {
	for _, over := range purgeTransports {
		b.Run(over.name, func(b *testing.B) {
			for _, s := range purgeServices {
				b.Run(s.name, func(b *testing.B) { purge(b, over, s) })
			}
		})
	}
}

// TestPurgeOvertakes: little of what was sent before comes out once the request is made. No time is looked at, but the path's rate makes
// octets of it, so that "little" leaves a busy machine a second.
func TestPurgeOvertakes(t *testing.T) {
	for _, over := range purgeTransports {
		for _, s := range purgeServices {
			t.Run(over.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				sender, receiver := purgePair(t, over, s)()
				_, stale, err := purgeOnce(t.Context(), over.ssdu, s, sender, receiver)
				if err != nil {
					t.Fatal(err)
				}
				if stale > purgeRate {
					t.Errorf("%d octets came", stale)
				}
			})
		}
	}
}

var purgeTransports = []purgeTransport{
	{"tenuto-tcp", anyHostScheme + "://here", bridgeURL, 0, purgeOctets},
	{"tenuto-osi-expedited", osiURL("127.0.0.1:0"), osiURL, tenuto.Expedited, purgeOctets},
	{"tenuto-osi", osiURL("127.0.0.1:0"), osiURL, 0, purgeSSDU},
}

type purgeTransport struct {
	name   string
	listen string
	dial   func(addr string) string
	units  tenuto.Units
	ssdu   int // octets of each SSDU
}

func bridgeURL(string) string { return anyHostScheme + "://shared/bench" }

type purgeService struct {
	name       string
	units      tenuto.Units
	byReceiver bool
	ask        func(context.Context, *tenuto.Session) error
}

const (
	purgeResync   = tenuto.Duplex | tenuto.MinorSync | tenuto.Resync
	purgeActivity = tenuto.Duplex | tenuto.MinorSync | tenuto.Activity
)

var purgeServices = []purgeService{
	{"resynchronize", purgeResync, false, resynchronize},
	{"resynchronize_receiver", purgeResync, true, resynchronize},
	{"interrupt", purgeActivity, false, func(ctx context.Context, s *tenuto.Session) error { return s.InterruptActivity(ctx, 0, nil) }},
	{"discard", purgeActivity, false, func(ctx context.Context, s *tenuto.Session) error { return s.DiscardActivity(ctx, 0, nil) }},
	{"abort", tenuto.Duplex, false, func(_ context.Context, s *tenuto.Session) error { return s.Abort(nil) }},
}

func resynchronize(ctx context.Context, s *tenuto.Session) error {
	return s.Resynchronize(ctx, tenuto.Abandon, 0, tenuto.TokenSettings{}, nil)
}

func purge(b *testing.B, over purgeTransport, service purgeService) {
	dial := purgePair(b, over, service)
	var took, stale []float64
	for range b.N * purgeRounds {
		sender, receiver := dial()
		t, octets, err := purgeOnce(b.Context(), over.ssdu, service, sender, receiver)
		if err != nil {
			b.Fatal(err)
		}
		took, stale = append(took, t.Seconds()*1e3), append(stale, float64(octets)/1024)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(took), "ms/confirm")
	b.ReportMetric(middle(stale), "KiB-stale")
}

// purgePair makes two endpoints with a path between them, and returns what makes sessions.
func purgePair(tb testing.TB, over purgeTransport, service purgeService) (dial func() (sender, receiver *tenuto.Session)) {
	network := &tcpcarrier.Network{}
	server := purgeEndpoint(tb, endpointConfig(1, anyHost{network, "127.0.0.1:0"}))
	units := service.units | over.units
	ln, err := server.Listen(tb.Context(), over.listen, &tenuto.Config{Units: units})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := newPath(ln.Addr().String(), purgeRate, purgeDelay)
	if err != nil {
		tb.Fatal(err)
	}
	client := purgeEndpoint(tb, endpointConfig(0, anyHost{network, p.Addr().String()}))
	tb.Cleanup(func() { _ = p.Close() }) // first: nobody waits for what is still on its way
	return func() (sender, receiver *tenuto.Session) {
		accepted := make(chan *tenuto.Session, 1)
		go func() {
			s, _ := ln.Accept(tb.Context()) // where that fails, Dial does, too
			accepted <- s
		}()
		sender, err := client.Dial(tb.Context(), over.dial(p.Addr().String()), &tenuto.Config{Units: units})
		if err != nil {
			tb.Fatal(err)
		}
		return sender, <-accepted
	}
}

func purgeEndpoint(tb testing.TB, cfg *tenuto.EndpointConfig) *tenuto.Endpoint {
	ep, err := tenuto.NewEndpoint(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ep.Close() })
	return ep
}

// purgeOnce sends until the path is full, makes the request, and tells how long it took and what the receiver got meanwhile.
func purgeOnce(ctx context.Context, ssdu int, service purgeService, sender, receiver *tenuto.Session) (took time.Duration, stale int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if service.units&tenuto.Activity != 0 {
		if err := sender.StartActivity(ctx, []byte("bench"), nil); err != nil {
			return 0, 0, err
		}
	}
	from, to := newPurgeEnd(sender), newPurgeEnd(receiver)
	var running sync.WaitGroup
	running.Go(func() { from.receive(ctx) })
	running.Go(func() { to.receive(ctx) })
	running.Go(func() {
		for n := 0; n < purgeOctets; n += ssdu {
			if sender.Send(ctx, make([]byte, ssdu)) != nil { // ErrPurged
				return
			}
		}
	})
	defer running.Wait()
	defer func() {
		_ = sender.Abort(nil)
		_ = receiver.Abort(nil)
	}()
	select {
	case <-to.full:
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	asks, done := from, from.confirmed
	switch {
	case service.byReceiver:
		asks, done = to, to.confirmed
	case service.name == "abort":
		done = to.aborted
	}
	start, before := time.Now(), to.octets.Load()
	if err := service.ask(ctx, asks.Session); err != nil {
		return 0, 0, err
	}
	select {
	case <-done:
		return time.Since(start), to.octets.Load() - before, nil
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
}

// A purgeEnd receives, and answers at once.
type purgeEnd struct {
	*tenuto.Session
	octets    atomic.Int64
	full      chan struct{} // closed when purgeAfter octets have come
	confirmed chan struct{} // closed when the confirm has
	aborted   chan struct{} // closed when the peer's abort has
}

func newPurgeEnd(s *tenuto.Session) *purgeEnd {
	return &purgeEnd{Session: s, full: make(chan struct{}), confirmed: make(chan struct{}), aborted: make(chan struct{})}
}

func (e *purgeEnd) receive(ctx context.Context) {
	for {
		ind, err := e.Receive(ctx)
		if err != nil {
			var ae *tenuto.AbortError
			if errors.As(err, &ae) && ae.Remote {
				close(e.aborted)
			}
			return
		}
		switch ind := ind.(type) {
		case tenuto.Data:
			if n := e.octets.Add(int64(len(ind.B))); n >= purgeAfter && n-int64(len(ind.B)) < purgeAfter {
				close(e.full)
			}
		case tenuto.ResyncInd:
			_ = e.RespondResync(ctx, 0, 0, nil)
		case tenuto.ActivityInterruptInd:
			_ = e.RespondInterrupt(ctx, nil)
		case tenuto.ActivityDiscardInd:
			_ = e.RespondDiscard(ctx, nil)
		case tenuto.ResyncCnf, tenuto.ActivityInterruptCnf, tenuto.ActivityDiscardCnf:
			close(e.confirmed)
		}
	}
}
