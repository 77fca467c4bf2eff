package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

// person is one end, with a keyboard and a screen.
type person struct {
	t      *testing.T
	keys   *io.PipeWriter
	screen *bufio.Scanner
	ended  chan error
}

func newPerson(t *testing.T, begin func(in io.Reader, out io.Writer) error) *person {
	in, keys := io.Pipe()
	screen, out := io.Pipe()
	p := &person{t: t, keys: keys, screen: bufio.NewScanner(screen), ended: make(chan error, 1)}
	go func() { p.ended <- begin(in, out) }()
	t.Cleanup(func() { keys.Close() })
	return p
}

func (p *person) types(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keys, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) sees(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if !p.screen.Scan() || p.screen.Text() != want {
			p.t.Fatalf("got %q, want %q (%v)", p.screen.Text(), want, p.screen.Err())
		}
	}
}

func (p *person) ends() {
	p.t.Helper()
	if err := <-p.ended; err != nil {
		p.t.Error(err)
	}
}

// TestTurns: one speaks at a time, and the token goes where it is asked for, though the carrier is cut all the time.
func TestTurns(t *testing.T) {
	nw := memory.New()
	endpoint := func() *tenuto.Endpoint {
		ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{nw}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ep.Close() })
		return ep
	}
	cut := func() {
		for _, c := range nw.Conns() {
			c.Cut()
		}
	}
	here, there := endpoint(), endpoint()
	ben := newPerson(t, func(in io.Reader, out io.Writer) error { return wait(t.Context(), there, "memory://ben", in, out) })
	ben.sees("memory://ben")
	ada := newPerson(t, func(in io.Reader, out io.Writer) error { return call(t.Context(), here, "memory://ben/turns", in, out) })

	ada.types("can you hear me?")
	ada.sees("-> can you hear me?")
	ben.sees("<- can you hear me?")
	cut()
	ben.types("I can")
	ben.sees("-> S-TOKEN-PLEASE")
	ada.sees("<- S-TOKEN-PLEASE", "-> S-TOKEN-GIVE")
	ben.sees("<- S-TOKEN-GIVE", "-> I can")
	ada.sees("<- I can")
	cut()
	ben.types("and you?") // his turn goes on until she asks
	ben.sees("-> and you?")
	ada.sees("<- and you?")
	ada.types("I can, too")
	ada.sees("-> S-TOKEN-PLEASE")
	ben.sees("<- S-TOKEN-PLEASE", "-> S-TOKEN-GIVE")
	cut()
	ada.sees("<- S-TOKEN-GIVE", "-> I can, too")
	ben.sees("<- I can, too")

	ben.keys.Close() // to take leave wants the token as well
	ben.sees("-> S-TOKEN-PLEASE")
	ada.sees("<- S-TOKEN-PLEASE", "-> S-TOKEN-GIVE")
	ben.sees("<- S-TOKEN-GIVE", "-> S-RELEASE")
	ada.sees("<- S-RELEASE")
	ben.ends()
	ada.ends()
}

// TestNotYourTurn: the session holds who speaks without the token to it, not the program.
func TestNotYourTurn(t *testing.T) {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ben := newPerson(t, func(in io.Reader, out io.Writer) error {
		return run(ctx, []string{"wait", "tenuto+tcp://127.0.0.1:0"}, in, out)
	})
	if !ben.screen.Scan() {
		t.Fatal(ben.screen.Err())
	}
	s, err := ep.Dial(ctx, strings.TrimSpace(ben.screen.Text())+"/turns", &tenuto.Config{Units: tenuto.HalfDuplex})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.GiveTokens(ctx, tenuto.DataToken, nil); err != nil {
		t.Fatal(err)
	}
	ben.sees("<- S-TOKEN-GIVE")
	if err := s.Send(ctx, []byte("but")); err == nil {
		t.Error("spoke without the token")
	} else if _, ok := errors.AsType[*tenuto.NotAllowedError](err); !ok {
		t.Error(err)
	}
	stop()
	if err := <-ben.ended; !errors.Is(err, context.Canceled) {
		t.Error("asked to stop:", err)
	}
}
