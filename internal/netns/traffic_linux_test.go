package netns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

// source makes octets that no two sources share and that never repeat, and knows their digest.
type source struct {
	random *rand.ChaCha8
	left   int64
	gate   *gate
	digest hash.Hash
}

func newSource(size int64, seed byte, g *gate) *source {
	return &source{random: rand.NewChaCha8([32]byte{seed}), left: size, gate: g, digest: sha256.New()}
}

func (s *source) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), s.left, 64<<10)]
	if s.gate != nil {
		s.gate.pass(len(b))
	}
	n, err := s.random.Read(b)
	s.left -= int64(n)
	s.digest.Write(b[:n])
	return n, err
}

func (s *source) sum() string { return hex.EncodeToString(s.digest.Sum(nil)) }

// digest reads r to its end.
func digest(r io.Reader) (sum string, size int64, err error) {
	h := sha256.New()
	size, err = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, make([]byte, 64<<10))
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// gatedDigest is the digest of what a program prints, which it may do as fast as its gate allows.
type gatedDigest struct {
	hash hash.Hash
	gate *gate
}

func (d *gatedDigest) Write(b []byte) (int, error) {
	d.gate.pass(len(b))
	return d.hash.Write(b)
}

func (d *gatedDigest) sum() string { return hex.EncodeToString(d.hash.Sum(nil)) }

// listen opens the target in the far namespace.
func (l *lab) listen() net.Listener {
	l.t.Helper()
	var ln net.Listener
	err := l.far.in(func() (err error) {
		ln, err = net.Listen("tcp", target)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// accept serves handle with each connection that arrives at the target.
func (l *lab) accept(handle func(*net.TCPConn)) {
	l.t.Helper()
	ln := l.listen()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c.(*net.TCPConn))
			}()
		}
	}()
}

// dial connects to forward's end in the near namespace.
func (l *lab) dial(ctx context.Context) (*net.TCPConn, error) {
	var c net.Conn
	err := l.near.in(func() (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, "tcp", localEnd)
		return err
	})
	if err != nil {
		return nil, err
	}
	// No test takes so long, but a broken one would wait for ever.
	return c.(*net.TCPConn), c.SetDeadline(time.Now().Add(2 * maxEvent))
}

// together runs traffic in the background. The first error of each is the test's; end waits for all.
type together struct {
	l    *lab
	errs []chan error
}

func (l *lab) together() *together { return &together{l: l} }

func (tg *together) run(what string, f func(ctx context.Context) error) {
	ctx := tg.l.t.Context()
	done := make(chan error, 1)
	tg.errs = append(tg.errs, done)
	go func() {
		if err := f(ctx); err != nil {
			done <- fmt.Errorf("%s: %w", what, err)
			return
		}
		done <- nil
	}()
}

func (tg *together) end() {
	tg.l.t.Helper()
	timer := time.NewTimer(2 * maxEvent)
	defer timer.Stop()
	for _, done := range tg.errs {
		select {
		case err := <-done:
			if err != nil {
				tg.l.t.Error(err)
			}
		case <-timer.C:
			tg.l.t.Fatalf("traffic did not end within %v", 2*maxEvent)
		}
	}
}
