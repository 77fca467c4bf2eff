package asp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
)

var bg = context.Background()

// A shelf is a handler that keeps what is written, and gives it back.
type shelf struct {
	mu     sync.Mutex
	log    []string
	kept   []byte
	during func(c *ServerConn)
}

func (s *shelf) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *shelf) Opened(c *ServerConn)            { s.note("opened %d", c.ID()) }
func (s *shelf) Closed(c *ServerConn, err error) { s.note("closed %d: %v", c.ID(), err) }

func (s *shelf) Command(c *ServerConn, block []byte) (int32, []byte) {
	s.note("command %q", block)
	s.mu.Lock()
	during, kept := s.during, s.kept
	s.mu.Unlock()
	if during != nil {
		during(c)
	}
	return int32(len(block)), kept
}

// do has something happen during each command from now on.
func (s *shelf) do(f func(c *ServerConn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.during = f
}

// has tells whether the log has a line; as its last one, perhaps.
func (s *shelf) has(last bool, format string, args ...any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.log, fmt.Sprintf(format, args...))
	return i >= 0 && (!last || i == len(s.log)-1)
}

func (s *shelf) Write(_ *ServerConn, block []byte, data func(int) ([]byte, error)) (int32, []byte) {
	b, err := data(Quantum)
	if err != nil {
		s.note("write %q: %v", block, err)
		return -1, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, b...)
	return int32(len(b)), nil
}

// nodes are n nodes on a cable.
func nodes(t testing.TB, n int) (all []*node.Node) {
	t.Helper()
	cable := memory.NewCable(link.LocalTalk)
	for i := range n {
		all = append(all, node.New(cable.Attach(), node.Config{Seed: uint64(i + 1)}))
	}
	t.Cleanup(func() {
		for _, n := range all {
			n.Close()
		}
	})
	return all
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 2)
		h := &shelf{}
		l, err := Listen(bg, all[0], "Shelf", ServerConfig{Status: []byte("full"), PerNode: 2}, h)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := ReadStatus(bg, all[1], "shelf"); string(b) != "full" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		if err := errors.Join(l.SetStatus([]byte("fuller")), l.SetStatus(make([]byte, MaxStatus+1))); err != ErrSize && !errors.Is(err, ErrSize) {
			t.Error(err)
		}
		if b, err := ReadStatus(bg, all[1], l.Addr().String()); string(b) != "fuller" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		c, err := Dial(bg, all[1], "shelf:AFPServer")
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte("book"), 1000)
		if result, _, taken, err := c.Write(bg, []byte("put"), want, 0); int(result) != len(want) || taken != len(want) || err != nil {
			t.Error(result, taken, err)
		}
		if result, reply, err := c.Command(bg, []byte("get"), Quantum); result != 3 || !bytes.Equal(reply, want) || err != nil {
			t.Error(result, len(reply), err)
		}
		if _, reply, err := c.Command(bg, []byte("get"), 10); len(reply) != 10 || err != ErrBuffer {
			t.Error(len(reply), err)
		}

		// Attention, while a command is executed.
		h.do(func(s *ServerConn) {
			if err := s.Attention(bg, 0x2001); err != nil {
				t.Error(err)
			}
		})
		if _, _, err := c.Command(bg, []byte("look"), 0); err != nil && err != ErrBuffer {
			t.Error(err)
		}
		if code, err := c.ReceiveAttention(bg); code != 0x2001 || err != nil {
			t.Error(code, err)
		}

		// A context that ends, and a session that goes on.
		h.do(func(*ServerConn) { time.Sleep(5 * time.Second) })
		short, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		if _, _, err := c.Command(short, []byte("slow"), 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		h.do(nil)
		if _, _, err := c.Command(bg, []byte("next"), Quantum); err != nil {
			t.Error(err)
		}

		other, err := Dial(bg, all[1], "shelf")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(bg, all[1], "shelf"); err != ErrBusy {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, _, err := c.Command(bg, nil, 0); err != ErrSessClosed {
			t.Error(err)
		}
		ended := make(chan error)
		go func() {
			_, err := other.ReceiveAttention(bg)
			ended <- err
		}()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != ErrSessClosed {
			t.Error(err)
		}
		other.Close()
		if !h.has(true, "closed %d: %v", other.c.id, ErrSessClosed) || !h.has(false, "closed %d: <nil>", c.c.id) {
			t.Error(h.log)
		}
		if _, err := Dial(bg, all[1], l.Addr().String()); err != ErrNoServer {
			t.Error(err)
		}
	})
}

// TestNodeGone: all that waits ends with its node, and a server does not wait for workstations that have gone.
func TestNodeGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 2)
		h := &shelf{during: func(s *ServerConn) {
			time.Sleep(time.Second)
			if err := s.Attention(bg, 1); err != ErrNoAck && err != ErrSessClosed {
				t.Error(err)
			}
		}}
		l, err := Listen(bg, all[0], "", ServerConfig{}, h)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Dial(bg, all[1], l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, _, err := c.Command(bg, []byte("?"), 0)
			ended <- err
		}()
		synctest.Wait()
		all[1].Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		l.Close()
		if !h.has(true, "closed %d: %v", c.c.id, ErrSessClosed) {
			t.Error(h.log)
		}

		l, err = Listen(bg, all[0], "", ServerConfig{}, h)
		if err != nil {
			t.Fatal(err)
		}
		all[0].Close()
		l.Close()
	})
}
