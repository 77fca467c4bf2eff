package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

func TestPublishAndSubscribe(t *testing.T) {
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), []string{"publish", "tenuto+tcp://127.0.0.1:0"}, strings.NewReader("21.4\n\n21.5\n"), w)
	}()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := run(t.Context(), []string{"subscribe", strings.TrimSpace(url) + "/feed"}, nil, &got); err != nil {
		t.Fatal(err)
	}
	if want := "21.4\n21.5\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	if err := <-ended; err != nil {
		t.Error("publish:", err)
	}
}

// air is a network of memory, and how often a carrier came after another.
type air struct {
	nw      *memory.Network
	resumed atomic.Int32
}

func (a *air) endpoint(t *testing.T) *tenuto.Endpoint {
	ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{a.nw}, Events: func(e tenuto.Event) {
		if e.Kind == tenuto.Resumed {
			a.resumed.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return ep
}

// TestCuts: whichever way the carrier is cut, each reading arrives once and in order.
func TestCuts(t *testing.T) {
	const readings, every = 2000, 100
	for name, cut := range map[string]func(*memory.Conn){
		"reset":      (*memory.Conn).Cut,
		"silence":    (*memory.Conn).Stall,
		"subscriber": (*memory.Conn).HalfOpen,
		"publisher":  func(c *memory.Conn) { c.Peer().HalfOpen() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &air{nw: memory.New()}
				here, there := a.endpoint(t), a.endpoint(t)
				defer here.Close()
				defer there.Close()
				in, sensor := io.Pipe()
				ended := make(chan error, 1)
				go func() { ended <- publish(t.Context(), there, "memory://sensor", in, io.Discard) }()
				synctest.Wait() // it listens
				go func() {
					for i := range readings {
						fmt.Fprintln(sensor, i, 200+i*i%50)
						if i%every == every/2 {
							for _, c := range a.nw.Conns() {
								cut(c)
							}
						}
					}
					sensor.Close()
				}()
				var got strings.Builder
				if err := subscribe(t.Context(), here, "memory://sensor/feed", &got); err != nil {
					t.Error(err)
				}
				if err := <-ended; err != nil {
					t.Error("publish:", err)
				}
				lines := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
				for i, line := range lines {
					if want := fmt.Sprint(i, " ", 200+i*i%50); line != want {
						t.Fatalf("got %q, want %q", line, want)
					}
				}
				if len(lines) != readings {
					t.Errorf("got %d readings, want %d", len(lines), readings)
				}
				if a.resumed.Load() == 0 {
					t.Error("nothing was cut")
				}
			})
		})
	}
}

// stopper stops something when the first reading comes.
type stopper func()

func (s stopper) Write(b []byte) (int, error) {
	s()
	return len(b), nil
}

// TestGone: a publisher whose sensor is silent hears that its subscriber is gone.
func TestGone(t *testing.T) {
	a := &air{nw: memory.New()}
	here, there := a.endpoint(t), a.endpoint(t)
	defer here.Close()
	defer there.Close()
	in, sensor := io.Pipe()
	defer sensor.Close()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- publish(t.Context(), there, "memory://sensor", in, w) }()
	if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { fmt.Fprintln(sensor, "1") }()
	if err := subscribe(ctx, here, "memory://sensor/feed", stopper(stop)); !errors.Is(err, context.Canceled) {
		t.Error("subscribe:", err)
	}
	if _, aborted := errors.AsType[*tenuto.AbortError](<-ended); !aborted {
		t.Error("publish did not hear of it")
	}
}

// TestTooLong: a sensor that says too much at a time ends the feed, for both.
func TestTooLong(t *testing.T) {
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), []string{"publish", "tenuto+tcp://127.0.0.1:0"}, strings.NewReader(strings.Repeat("x", maxReading+1)), w)
	}()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"subscribe", strings.TrimSpace(url) + "/feed"}, nil, io.Discard); err == nil {
		t.Error("subscribe: got no error")
	}
	if err := <-ended; !errors.Is(err, bufio.ErrTooLong) {
		t.Error("publish:", err)
	}
}

// TestOneWay: a subscriber can not send, nor come by the right to; and one that would take part in another kind of session gets nothing.
func TestOneWay(t *testing.T) {
	a := &air{nw: memory.New()}
	here, there := a.endpoint(t), a.endpoint(t)
	defer here.Close()
	defer there.Close()
	in, sensor := io.Pipe()
	defer sensor.Close()
	for _, simplex := range []bool{true, false} {
		ctx, stop := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan error, 1)
		url := fmt.Sprintf("memory://sensor%v", simplex)
		go func() { ended <- publish(ctx, there, url, in, w) }()
		if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		s, err := here.Dial(ctx, url+"/feed", &tenuto.Config{Units: tenuto.HalfDuplex, Simplex: simplex,
			Tokens: tenuto.TokenSettings{There: tenuto.DataToken}})
		if simplex && err != nil { // the other one may be aborted before it is there
			t.Fatal(err)
		}
		if simplex {
			if _, ok := errors.AsType[*tenuto.NotAllowedError](s.Send(ctx, []byte("x"))); !ok {
				t.Error("a subscriber has sent something")
			}
			if err := s.PleaseTokens(ctx, tenuto.DataToken, nil); !errors.Is(err, tenuto.ErrSimplex) {
				t.Errorf("a subscriber has asked for the token: %v", err)
			}
			stop()
		}
		if err := <-ended; err == nil || !simplex && !strings.Contains(err.Error(), "not simplex") {
			t.Error("publish:", err)
		}
		stop()
	}
}
