// Command avsync sends sound and picture as two streams of one group, each over a connection of its own, and shows them in a browser.
//
//	go run ./avsync                                     # a metronome that the program makes itself
//	./avsync/media.sh holiday.mkv media                 # or media of your own (wants ffmpeg)
//	go run ./avsync -sound media/sound.wav -picture media/picture.mjpeg
//
// Then look at http://127.0.0.1:8080. Sound and picture are played in step, and a curve shows how far each is behind the group's clock. A slider
// throttles the picture's connection, and a button cuts it: the picture falls behind, is resynchronized to a later time instead of showing what is old, and
// is in step again when its connection is well; the sound goes on as if nothing were.
//
// Everything runs in this process: the sender, which treats the media as live; a proxy in each connection; the receiver, which hands the units
// up in the order of their times, when they are due; and the page's server, which passes them on over a WebSocket.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "avsync:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("avsync", flag.ContinueOnError)
	f.SetOutput(out)
	addr := f.String("listen", "127.0.0.1:8080", "serve the page at `ADDRESS`")
	sound := f.String("sound", "", "a WAV `FILE`: 48 kHz, 16 bits, one channel; none is a metronome")
	picture := f.String("picture", "", "an MJPEG `FILE`: JPEG pictures one after the other")
	rate := f.Int("fps", 25, "pictures a `SECOND`")
	if err := f.Parse(args); err != nil {
		return err
	}
	m, err := load(*sound, *picture, *rate)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := newPage()
	s, err := newShow(ctx, m, p)
	if err != nil {
		return err
	}
	defer s.close()
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "http://%s/\n", ln.Addr())
	return serve(ctx, ln, p.handler(s))
}

// serve serves until ctx ends.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		srv.Close()
	})
	err := srv.Serve(ln)
	if ctx.Err() != nil {
		err = nil
	}
	stopping.Wait()
	return err
}
