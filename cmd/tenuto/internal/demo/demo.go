// Package demo shows on one machine what sessions are for: a TCP client sends data through a forwarder to a TCP server that
// sends them back, while the connections below the session are cut again and again.
package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/forward"
)

// MinGap is the least number of octets between two cuts.
const MinGap = 256 << 10

// Options say what to do.
type Options struct {
	Size     int64                        // octets to send and to get back
	Cuts     int                          // connections to cut meanwhile
	Progress func(octets int64, cuts int) // called often by one goroutine; may be nil
	Logger   *slog.Logger
}

// Check tells whether the cuts find room in the size.
func (o Options) Check() error {
	if o.Cuts < 0 || o.Size <= 0 {
		return errors.New("the size must be positive, and the cuts not negative")
	}
	if o.Cuts > 0 && lastCut(o.Size)/int64(o.Cuts) < MinGap {
		least := (int64(o.Cuts)*MinGap*100/lastCutPercent)>>20 + 1
		return fmt.Errorf("%d cuts need a size of at least %dMiB", o.Cuts, least)
	}
	return nil
}

// The last cut comes when so much has passed that a good part is still to come.
const lastCutPercent = 85

func lastCut(size int64) int64 { return size / 100 * lastCutPercent }

// marks spaces the cuts evenly up to the last.
func (o Options) marks() []int64 {
	marks := make([]int64, o.Cuts)
	for i := range marks {
		marks[i] = lastCut(o.Size) / int64(o.Cuts) * int64(i+1)
	}
	return marks
}

// service is the name that the demonstration's session asks for.
const service = "demo"

// Run does it and reports. An error means that the transfer did not come to its end; whether the octets are the same is in
// the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()

	server, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	parts.Go(func() { returnAll(ctx, server) })

	near, far, err := endpoints(o.Logger)
	if err != nil {
		return nil, err
	}
	defer near.Close()
	defer far.Close()
	ln, err := far.Listen(ctx, "tenuto+tcp://127.0.0.1:0", nil)
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	target, err := forward.NewRegistry().Parse(server.Addr().String())
	if err != nil {
		return nil, err
	}
	s := &forward.Server{Services: map[string]forward.Target{service: target}, Logger: o.Logger}
	parts.Go(func() { s.Serve(ctx, forward.Listener(ln, nil)) })

	cutter, err := newCutter(ln.Addr().String(), o.marks())
	if err != nil {
		return nil, err
	}
	defer cutter.close()
	local, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	url := "tenuto+tcp://" + cutter.address() + "/" + service
	f := &forward.Forwarder{Dial: forward.DialURL(near.Endpoint, url, nil), Logger: o.Logger}
	parts.Go(func() { f.Serve(ctx, local) })

	t := transfer{size: o.Size, cutter: cutter, progress: o.Progress}
	if err := t.run(ctx, local.Addr().String()); err != nil {
		return nil, err
	}
	return t.report(near.resumed.Load()), nil
}

// listen returns a TCP listener on loopback that closes when ctx ends.
func listen(ctx context.Context) (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		context.AfterFunc(ctx, func() { ln.Close() })
	}
	return ln, err
}

// returnAll is the server: it sends back what it gets, and closes.
func returnAll(ctx context.Context, ln net.Listener) {
	c, err := ln.Accept()
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	io.Copy(c, c)
}

// side is an endpoint that counts how often its bridge went on over another connection.
type side struct {
	*tenuto.Endpoint
	resumed atomic.Int64
}

func endpoints(log *slog.Logger) (near, far *side, err error) {
	near, far = new(side), new(side)
	for _, s := range []*side{near, far} {
		s.Endpoint, err = tenuto.NewEndpoint(&tenuto.EndpointConfig{Logger: log, Events: func(e tenuto.Event) {
			if e.Kind == tenuto.Resumed {
				s.resumed.Add(1)
			}
		}})
		if err != nil {
			if near.Endpoint != nil && s == far {
				near.Close()
			}
			return nil, nil, err
		}
	}
	return near, far, nil
}

// transfer is the client's work.
type transfer struct {
	size     int64
	cutter   *cutter
	progress func(int64, int)

	took     time.Duration
	received int64
	sent     hash.Hash
	got      hash.Hash
}

// run sends and receives all.
func (t *transfer) run(ctx context.Context, address string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()

	t.sent, t.got = sha256.New(), sha256.New()
	began := time.Now()
	var serr error
	var sender sync.WaitGroup
	sender.Go(func() {
		serr = t.send(c.(*net.TCPConn))
		if serr != nil {
			c.Close()
		}
	})
	rerr := t.receive(c)
	if rerr != nil {
		c.Close()
	}
	sender.Wait()
	t.took = time.Since(began)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if serr != nil && !errors.Is(serr, net.ErrClosed) {
		return serr
	}
	return rerr
}

const portion = 64 << 10

func (t *transfer) send(c *net.TCPConn) error {
	var seed [32]byte
	rand.Read(seed[:])
	random := mathrand.NewChaCha8(seed)
	buf := make([]byte, portion)
	for left := t.size; left > 0; {
		b := buf[:min(left, portion)]
		random.Read(b)
		t.sent.Write(b)
		n, err := c.Write(b)
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return c.CloseWrite()
}

func (t *transfer) receive(c net.Conn) error {
	buf := make([]byte, portion)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			t.cutter.arrived(time.Now())
			t.got.Write(buf[:n])
			t.received += int64(n)
			if t.progress != nil {
				t.progress(t.received, t.cutter.made())
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
