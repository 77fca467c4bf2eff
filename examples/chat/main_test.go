package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
)

// guest is somebody in the room, with a keyboard and a screen.
type guest struct {
	t      *testing.T
	keys   *io.PipeWriter
	screen *bufio.Scanner
	ended  chan error
}

func newGuest(t *testing.T, url, name string) *guest {
	in, keys := io.Pipe()
	screen, out := io.Pipe()
	g := &guest{t: t, keys: keys, screen: bufio.NewScanner(screen), ended: make(chan error, 1)}
	go func() { g.ended <- run(t.Context(), []string{"join", url, name}, in, out) }()
	return g
}

func (g *guest) types(line string) {
	g.t.Helper()
	if _, err := io.WriteString(g.keys, line+"\n"); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) sees(want string) {
	g.t.Helper()
	if !g.screen.Scan() || g.screen.Text() != want {
		g.t.Fatalf("got %q, want %q (%v)", g.screen.Text(), want, g.screen.Err())
	}
}

func (g *guest) leaves() {
	g.t.Helper()
	if err := g.keys.Close(); err != nil {
		g.t.Fatal(err)
	}
	if err := <-g.ended; err != nil {
		g.t.Error("leaving:", err)
	}
}

func TestChat(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"host", "tenuto+tcp://127.0.0.1:0"}, strings.NewReader(""), w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url) + "/room"

	ada := newGuest(t, url, "Ada")
	ada.sees("Ada is here")
	ben := newGuest(t, url, "Ben")
	ben.sees("Ben is here")
	ada.sees("Ben is here")
	ben.types("hello")
	ada.sees("Ben: hello")
	ben.sees("Ben: hello")
	ben.leaves()
	ada.sees("Ben has left")
	ada.leaves()
	stop()
	if err := <-ended; err != nil {
		t.Error("host, asked to stop:", err)
	}
}

func TestThrownOutForLongMessage(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"host", "tenuto+tcp://127.0.0.1:0"}, strings.NewReader(""), w) }()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, strings.TrimSpace(url)+"/room", "Cy")
	g.sees("Cy is here")
	g.types(strings.Repeat("x", maxMessage+1))
	if err := <-g.ended; err == nil {
		t.Error("got no error, want an abort")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("host, asked to stop:", err)
	}
}
