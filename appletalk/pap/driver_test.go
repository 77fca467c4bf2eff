package pap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

var bg = context.Background()

// nodes are n nodes on a cable.
func nodes(t testing.TB, n int) (all []*node.Node, cable *memory.Cable) {
	t.Helper()
	cable = memory.NewCable(link.LocalTalk)
	for i := range n {
		all = append(all, node.New(cable.Attach(), node.Config{Seed: uint64(i + 1)}))
	}
	t.Cleanup(func() {
		for _, n := range all {
			n.Close()
		}
	})
	return all, cable
}

// all reads a job.
func all(ctx context.Context, c *Conn) (job []byte, err error) {
	b := make([]byte, 1000)
	for {
		n, err := c.Read(ctx, b)
		if job = append(job, b[:n]...); err == io.EOF {
			return job, nil
		} else if err != nil {
			return job, err
		}
	}
}

// TestPrinter: two workstations print on a printer that takes one at a time, on a cable that loses some of all frames.
func TestPrinter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, cable := nodes(t, 3)
		l, err := Listen(bg, n[0], "Laser", 1, "idle")
		if err != nil {
			t.Fatal(err)
		}
		frames := 0
		cable.Disturb(func([]byte) int {
			if frames++; frames%19 == 0 {
				return 0
			}
			return 1
		})
		jobs := make(chan []byte, 4)
		go func() {
			for {
				c, err := l.Accept(bg)
				if err != nil {
					close(jobs)
					return
				}
				l.SetStatus("busy: printing")
				for {
					job, err := all(bg, c)
					if err != nil {
						if !errors.Is(err, ErrPeer) || len(job) > 0 {
							t.Errorf("%d octets, %v", len(job), err)
						}
						break
					}
					time.Sleep(10 * time.Second)
					jobs <- job
					if _, err := c.Write(bg, []byte("printed")); err != nil {
						t.Error(err)
					}
					if err := c.End(bg); err != nil {
						t.Error(err)
					}
				}
				l.SetStatus("idle")
			}
		}()
		want := [][]byte{bytes.Repeat([]byte("first"), 20_000), nil, []byte("%!PS"), []byte("last")}
		print := func(i int, busy func(string)) {
			c, err := Dial(bg, n[i], "laser", busy)
			if err != nil {
				t.Error(err)
				return
			}
			for _, job := range want[2*i-2:][:2] {
				if _, err := c.Write(bg, job); err != nil {
					t.Error(err)
				}
				if err := c.End(bg); err != nil {
					t.Error(err)
				}
				if answer, err := all(bg, c); string(answer) != "printed" || err != nil {
					t.Errorf("%q, %v", answer, err)
				}
			}
			if err := c.Close(bg); err != nil {
				t.Error(err)
			}
			if _, err := c.Write(bg, []byte("x")); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
		done := make(chan bool)
		go func() { print(1, nil); done <- true }()
		time.Sleep(3 * time.Second)
		if s, err := ReadStatus(bg, n[2], l.Addr().String()); s != "busy: printing" || err != nil {
			t.Error(s, err)
		}
		said := ""
		print(2, func(s string) { said = s })
		<-done
		if said != "busy: printing" {
			t.Errorf("it said %q", said)
		}
		l.Close()
		var got [][]byte
		for job := range jobs {
			got = append(got, job)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%d jobs", len(got))
		}
		time.Sleep(5 * time.Minute) // all is forgotten
		for _, n := range n {
			n.Close()
		}
	})
}

// TestContexts: what waits ends with its context, or its node.
func TestContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := nodes(t, 2)
		l, err := Listen(bg, n[0], "", 1, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := Dial(bg, n[1], l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		at, err := l.Accept(bg)
		if err != nil || at.Peer() == c.Peer() {
			t.Fatal(err)
		}
		short := func() context.Context {
			ctx, cancel := context.WithTimeout(bg, 30*time.Second)
			t.Cleanup(cancel)
			return ctx
		}
		busy := 0
		if _, err := Dial(short(), n[1], l.Addr().String(), func(string) { busy++ }); !errors.Is(err, context.DeadlineExceeded) || busy < 5 {
			t.Errorf("%v, busy %d times", err, busy)
		}
		if _, err := c.Write(short(), make([]byte, 100_000)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := c.Read(short(), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := l.Accept(short()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := c.Close(short()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		b := make([]byte, 1<<20)
		for err = nil; err == nil; {
			_, err = at.Read(bg, b)
		}
		if !errors.Is(err, ErrPeer) {
			t.Error(err)
		}
		ended := make(chan error)
		go func() {
			_, err := l.Accept(bg)
			ended <- err
		}()
		synctest.Wait()
		n[0].Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := Dial(bg, n[1], l.Addr().String(), nil); err != ErrNoAnswer {
			t.Error(err)
		}
		if _, err := Listen(bg, n[1], "", 0, ""); err == nil {
			t.Error("a printer without connections")
		}
		n[1].Close()
	})
}
