package netns

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/tcp"
)

const (
	narrowRate  = 1e6 // octets a second
	narrowDelay = 10 * time.Millisecond
	queued      = 8 << 20 // octets that are to be sent
	received    = 2 << 20 // of which so many have come when they are withdrawn: TCP has filled what there is on the way
)

// What was sent before a resynchronization or an abort is not what its other end waits for (S2): of 8 MiB on a path of 1 MB/s few octets
// come after the request. The time is logged. What is looked at are octets, and they leave a busy machine a second.
func TestPurgeOvertakes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		url   string
		units tenuto.Units
		ssdu  int
		abort bool
	}{
		{"resynchronize over a bridge", labURL, 0, queued, false},
		{"abort over a bridge", labURL, 0, queued, true},
		{"resynchronize over OSI with expedited data", osiURL, tenuto.Expedited, queued, false},
		{"abort over OSI with expedited data", osiURL, tenuto.Expedited, queued, true},
		{"resynchronize over OSI", osiURL, 0, 64 << 10, false}, // where one SSDU cannot be cut
		{"abort over OSI", osiURL, 0, 64 << 10, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newWireLab(t, &wire{delay: narrowDelay, rate: narrowRate})
			ctx, cancel := context.WithTimeout(t.Context(), maxEvent)
			defer cancel()
			sender, receiver := l.session(ctx, tt.url, tenuto.Duplex|tenuto.MinorSync|tenuto.Resync|tt.units)
			took, stale, err := withdraw(ctx, sender, receiver, tt.ssdu, tt.abort)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("after %v and %d KiB", took.Round(time.Millisecond), stale>>10)
			if stale > narrowRate {
				t.Errorf("%d octets came after the request", stale)
			}
		})
	}
}

const (
	labScheme = "lab"
	labURL    = labScheme + "://" + farAddr + ":" + bridgePort
	osiURL    = tenuto.SchemeOSI + "://" + farAddr
)

// labNetwork makes carriers on a host, from whatever goroutine.
type labNetwork struct {
	tcp.Network
	host host
}

func (*labNetwork) Scheme() string { return labScheme }

func (nw *labNetwork) Dial(ctx context.Context, u *url.URL) (c carrier.Conn, err error) {
	err = nw.host.in(func() error {
		c, err = nw.Network.Dial(ctx, plainTCP(u))
		return err
	})
	return c, err
}

func (nw *labNetwork) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	return nw.Network.Listen(ctx, plainTCP(u))
}

func plainTCP(u *url.URL) *url.URL { return &url.URL{Scheme: tcp.Scheme, Host: u.Host} }

// session makes one from the near host to the far one.
func (l *lab) session(ctx context.Context, rawURL string, units tenuto.Units) (sender, receiver *tenuto.Session) {
	l.t.Helper()
	cfg := &tenuto.Config{Units: units}
	far, near := l.endpoint(l.far), l.endpoint(l.near)
	var ln *tenuto.Listener
	if err := l.far.in(func() (err error) {
		ln, err = far.Listen(ctx, rawURL, cfg)
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	accepted := make(chan *tenuto.Session, 1)
	go func() {
		s, _ := ln.Accept(ctx) // where that fails, Dial does, too
		accepted <- s
	}()
	if err := l.near.in(func() (err error) {
		sender, err = near.Dial(ctx, rawURL+"/purge", cfg)
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	return sender, <-accepted
}

func (l *lab) endpoint(h host) *tenuto.Endpoint {
	l.t.Helper()
	nw := &labNetwork{tcp.Network{AllowAnywhere: true}, h}
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{AllowPlaintext: true, Carriers: []carrier.Network{nw}, Peers: anybody{}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = ep.Close() })
	return ep
}

// anybody may be a peer.
type anybody struct{}

func (anybody) Verify(string, ed25519.PublicKey) error        { return nil }
func (anybody) Admit(string, ed25519.PublicKey, string) error { return nil }

// withdraw has the sender send in SSDUs of a size, and resynchronize, or abort, in the midst of it. It tells how long the confirm takes, or the abort
// until it arrives, and how many octets the receiver gets meanwhile.
func withdraw(ctx context.Context, sender, receiver *tenuto.Session, ssdu int, abort bool) (took time.Duration, stale int64, err error) {
	var running sync.WaitGroup
	defer running.Wait()
	defer func() {
		_ = sender.Abort(nil)
		_ = receiver.Abort(nil)
	}()
	running.Go(func() {
		for n := 0; n < queued; n += ssdu {
			if sender.Send(ctx, make([]byte, ssdu)) != nil { // ErrPurged
				return
			}
		}
	})
	var octets atomic.Int64
	flows, confirmed, aborted := make(chan struct{}), make(chan struct{}), make(chan struct{})
	running.Go(func() {
		defer close(aborted)
		for {
			ind, err := receiver.Receive(ctx)
			switch ind := ind.(type) {
			case tenuto.Data:
				if n := octets.Add(int64(len(ind.B))); n >= received && n-int64(len(ind.B)) < received {
					close(flows)
				}
			case tenuto.ResyncInd:
				_ = receiver.RespondResync(ctx, 0, 0, nil)
			}
			if err != nil {
				return
			}
		}
	})
	select {
	case <-flows:
	case <-aborted:
		return 0, 0, errors.New("the session ended early")
	}
	start, before := time.Now(), octets.Load()
	if abort {
		err = sender.Abort(nil)
		<-aborted
		return time.Since(start), octets.Load() - before, err
	}
	running.Go(func() {
		defer close(confirmed)
		for {
			if ind, err := sender.Receive(ctx); err != nil {
				return
			} else if _, ok := ind.(tenuto.ResyncCnf); ok {
				return
			}
		}
	})
	err = sender.Resynchronize(ctx, tenuto.Abandon, 0, tenuto.TokenSettings{}, nil)
	<-confirmed
	return time.Since(start), octets.Load() - before, err
}
