package adsp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

// A room is a cable with nodes on it.
type room struct {
	t     testing.TB
	cable *memory.Cable
	seed  uint64
}

func newRoom(t testing.TB) *room { return &room{t: t, cable: memory.NewCable(link.LocalTalk)} }

// node adds a node.
func (r *room) node() *node.Node {
	r.t.Helper()
	n := r.begin()
	if err := n.Ready(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// begin adds a node that is not ready yet, as everything that waits for it is.
func (r *room) begin() *node.Node {
	r.seed++
	n := node.New(r.cable.Attach(), node.Config{Seed: r.seed})
	r.t.Cleanup(func() { n.Close() })
	return n
}

func (r *room) listen(n *node.Node, name string, cfg Config) *Listener {
	r.t.Helper()
	l, err := Listen(context.Background(), n, name, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// connect opens a connection between two nodes.
func (r *room) connect(n *node.Node, l *Listener) (near, far *Conn) {
	r.t.Helper()
	near, err := Dial(context.Background(), n, l.Addr().String(), Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	if far, err = l.AcceptContext(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	return near, far
}

func TestConn(t *testing.T) {
	r := newRoom(t)
	a, b := r.begin(), r.node()
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		l, err := Listen(context.Background(), b, "", Config{})
		if err != nil {
			return nil, nil, nil, err
		}
		near, err := Dial(context.Background(), a, l.Addr().String(), Config{})
		if err != nil {
			return nil, nil, nil, err
		}
		far, err := l.Accept()
		if err != nil {
			return nil, nil, nil, err
		}
		return near, far, func() {
			near.Abort()
			far.(*Conn).Abort()
			l.Close()
		}, nil
	})
}

// TestByName: a connection by a name, messages, attention, reset and close.
func TestByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		r := newRoom(t)
		a, b := r.node(), r.node()
		l := r.listen(b, "Echo Chamber", Config{})
		near, err := Dial(ctx, a, "echo chamber:adsp", Config{})
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.AcceptContext(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if near.RemoteAddr() != l.Addr() || far.RemoteAddr() != near.LocalAddr() || far.LocalAddr().Network() != "adsp" {
			t.Error(near.RemoteAddr(), l.Addr(), far.RemoteAddr(), near.LocalAddr())
		}
		for _, text := range []string{"first", "", "third"} {
			if _, err := near.WriteMessage([]byte(text)); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 10)
			n, end, err := far.ReadPart(b)
			if string(b[:n]) != text || !end || err != nil {
				t.Errorf("%q, %v, %v", b[:n], end, err)
			}
		}
		for i := range uint16(3) {
			go func() {
				if err := near.Attention(ctx, 100+i, []byte("look")); err != nil {
					t.Error(err)
				}
			}()
		}
		sum := uint16(0)
		for range 3 {
			code, data, err := far.ReceiveAttention(ctx)
			if err != nil || string(data) != "look" {
				t.Errorf("%q, %v", data, err)
			}
			sum += code
		}
		if sum != 303 {
			t.Error(sum)
		}
		if err := near.Attention(ctx, 0xF000, nil); err == nil {
			t.Error("a reserved code is taken")
		}

		if _, err := near.Write([]byte("void")); err != nil {
			t.Fatal(err)
		}
		if err := near.Reset(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := far.Read(make([]byte, 10)); !errors.Is(err, ErrReset) {
			t.Error(err)
		}
		go near.WriteMessage([]byte("whole"))
		var got [10]byte
		if n, err := io.ReadFull(far, got[:5]); string(got[:n]) != "whole" {
			t.Error(n, err)
		}
		near.Close()
		if n, err := far.Read(got[:]); n != 0 || err != io.EOF {
			t.Error(n, err)
		}
		<-near.Done()
		<-far.Done()
		if _, _, err := far.ReceiveAttention(ctx); !errors.Is(err, ErrPeer) {
			t.Error(err)
		}
		if _, err := near.Write(nil); err != nil {
			t.Error(err)
		}
		if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if _, err := Dial(short, a, l.Addr().String(), Config{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := Dial(ctx, a, l.Addr().String(), Config{Tries: 2}); !errors.Is(err, ErrNoAnswer) {
			t.Error(err)
		}
		if _, err := Dial(ctx, a, "nobody", Config{}); !errors.Is(err, node.ErrNoAnswer) {
			t.Error(err)
		}
		if _, err := Dial(ctx, a, "nobody", Config{Window: -1}); err == nil {
			t.Error("a window of -1")
		}
		a.Close()
		b.Close()
	})
}

// TestManyConnections: those at one socket do not get in each other's way, on a cable that loses some of all.
func TestManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		a, b := r.node(), r.node()
		l := r.listen(b, "", Config{})
		var frames int
		r.cable.Disturb(func([]byte) int {
			if frames++; frames%17 == 0 {
				return 0
			}
			return 1
		})
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(c, c)
					c.Close()
				}()
			}
		}()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				c, err := Dial(context.Background(), a, l.Addr().String(), Config{})
				if err != nil {
					t.Error(err)
					return
				}
				want := bytes.Repeat([]byte(fmt.Sprintf("%02d", i)), 30_000)
				go c.Write(want)
				got := make([]byte, len(want))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
					t.Errorf("connection %d: %v", i, err)
				}
				c.Close()
				<-c.Done()
			})
		}
		all.Wait()
		l.Close()
		time.Sleep(5 * time.Minute) // all is forgotten
		l.h.d.Do(func(time.Time) {
			if n := len(l.h.ids); n != 0 {
				t.Errorf("%d connections are left", n)
			}
		})
		a.Close()
		b.Close()
	})
}

// TestFlood: who opens connections without end is denied, and others are served when there is room again.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		a, b, c := r.node(), r.node(), r.node()
		l := r.listen(b, "", Config{})
		s, err := a.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		to := l.Addr().(Addr).Socket
		for id := range uint16(1000) {
			p := Packet{ConnID: 1 + id, Window: 1000, Control: true, Code: OpenRequest, Open: Open{Version: Version}}
			if err := s.Send(to, 7, p.Append(nil)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if _, err := Dial(context.Background(), c, l.Addr().String(), Config{}); !errors.Is(err, ErrDenied) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		go l.Accept()
		near, err := Dial(context.Background(), c, l.Addr().String(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		near.Abort()
		l.Close()
		for _, n := range []*node.Node{a, b, c} {
			n.Close()
		}
	})
}

// TestNodeGone: a node that is closed ends all that waits.
func TestNodeGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		a, b := r.node(), r.node()
		l := r.listen(b, "", Config{})
		near, _ := r.connect(a, l)
		if err := near.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		near.SetDeadline(time.Time{})
		ended := make(chan error, 2)
		go func() { ended <- second(near.Read(make([]byte, 1))) }()
		go func() { ended <- second(l.Accept()) }()
		a.Close()
		b.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
