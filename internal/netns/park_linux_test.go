package netns

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

const (
	oneWay    = 25 * time.Millisecond
	roundTrip = 2 * oneWay
)

// While ssh waits for a key to be pressed, nothing at all is on the wire; and a key is echoed as soon as a connection can be made.
func TestParkedSSH(t *testing.T) { // not in parallel: what it measures is not the others' load
	l, w := newSlowLab(t, oneWay, sshTools...)
	s := l.startSSHD()
	l.admit("")
	l.serve(overTLS)
	forward := l.forward(overTLS, "--park", "500ms", "--park-poll", "0")

	keys, press, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer press.Close()
	echo, screen, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	if err := echo.SetDeadline(time.Now().Add(maxEvent)); err != nil {
		t.Fatal(err)
	}
	ssh := s.through(localEnd)
	p := l.start(l.near, keys, screen, ssh[0], append(ssh[1:], "-tt", "cat")...)
	_ = keys.Close()
	_ = screen.Close()
	pressed := func(key string) time.Duration {
		start := time.Now()
		if _, err := io.WriteString(press, key); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(key))
		if _, err := io.ReadFull(echo, got); err != nil || string(got) != key {
			t.Fatalf("got %q, %v; want the echo of %q\n%s", got, err, key, &p.stderr)
		}
		return time.Since(start)
	}
	pressed("a")
	for i, key := range []string{"b", "c"} {
		l.wantParked(forward, i+1)
		w.wantSilence(t, time.Second)
		took := pressed(key)
		// TCP's handshake, TLS's and the bridge's, and then the key and its echo.
		t.Logf("a key is echoed after %v, which is %v more than four round trips", took, took-4*roundTrip)
		if took > 4*roundTrip+patience {
			t.Errorf("a key is echoed after %v", took)
		}
	}
	if _, err := io.WriteString(press, "\r\x04"); err != nil { // the end of the line, and of cat's input
		t.Error(err)
	}
	go func() { _, _ = io.Copy(io.Discard, echo) }()
	if err := p.wait(); err != nil {
		t.Error(err)
	}
}

// patience is for a machine that has much else to do: no bound of ours, but below the timers that would help in the end.
const patience = 2 * time.Second

// What the client writes wakes the bridge, and what the server writes while nobody can be reached arrives when the client looks in.
func TestParked(t *testing.T) {
	for _, tt := range []struct {
		name string
		poll string
	}{{"the client writes", "0"}, {"the server writes", "1s"}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, w := newSlowLab(t, oneWay)
			accepted := make(chan *net.TCPConn)
			ended := make(chan struct{})
			defer close(ended)
			l.accept(func(c *net.TCPConn) {
				accepted <- c
				<-ended
			})
			l.admit("")
			l.serve(overTLS)
			forward := l.forward(overTLS, "--park", "100ms", "--park-poll", tt.poll)
			near, err := l.dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer near.Close()
			var far *net.TCPConn
			select {
			case far = <-accepted:
			case <-time.After(maxEvent):
				t.Fatal("no connection has come to the far end")
			}
			if tt.poll != "0" {
				l.wantParked(forward, 1)
				pass(t, far, near)
				return
			}

			trip := l.roundTrip()
			var up, down []time.Duration
			for i := range 5 {
				l.wantParked(forward, i+1)
				w.wantSilence(t, 2*roundTrip)
				start := time.Now()
				pass(t, near, far)
				up = append(up, time.Since(start)-3*trip-trip/2)
				start = time.Now()
				pass(t, far, near)
				down = append(down, time.Since(start)-trip/2)
			}
			slices.Sort(up)
			slices.Sort(down)
			// A new carrier costs a round trip each for TCP's handshake, TLS's and the bridge's; a byte then takes half of one.
			t.Logf("a round trip takes %v; the first byte up, %v more than three and a half of them (from %v to %v); the first one down, %v more than half of one",
				trip, up[len(up)/2], up[0], up[len(up)-1], down[len(down)/2])
			if last := up[len(up)-1]; last > patience {
				t.Errorf("a byte came %v later than a new carrier takes", last)
			}
		})
	}
}

// roundTrip measures what a round trip takes: the wire's delay, and what timers and the kernel add to it. It asks TCP, by connections
// to serve that say nothing.
func (l *lab) roundTrip() time.Duration {
	l.t.Helper()
	var trips []time.Duration
	err := l.near.in(func() error {
		for range 5 {
			start := time.Now()
			c, err := net.DialTimeout("tcp", farAddr+":"+bridgePort, maxEvent)
			if err != nil {
				return err
			}
			trips = append(trips, time.Since(start))
			_ = c.Close()
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	slices.Sort(trips)
	return trips[len(trips)/2]
}

// pass sends a byte that must arrive.
func pass(t *testing.T, from, to net.Conn) {
	t.Helper()
	if err := to.SetReadDeadline(time.Now().Add(maxEvent)); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := io.ReadFull(to, b[:]); err != nil || b[0] != 'x' {
		t.Fatalf("got %q, %v", b, err)
	}
}

// wantParked waits until the program has parked n times, and no TCP connection is left at either end.
func (l *lab) wantParked(p *process, n int) {
	l.t.Helper()
	l.eventually("the bridge is parked", func() bool { return p.stderr.count("msg=parked") >= n })
	for _, h := range []host{l.near, l.far} {
		// TIME-WAIT is a note of the kernel's; no packet comes from it.
		l.eventually("no connection is left", func() bool {
			return len(h.sockets(l.t, "state", "connected", "exclude", "time-wait", isCarrier)) == 0
		})
	}
}

// wantSilence wants no packet for a while. Nothing tells that nothing happens: it takes its time.
func (w *wire) wantSilence(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(w.delay + d/10) // what is under way arrives
	before := w.packets.Load()
	<-time.After(d)
	if got := w.packets.Load() - before; got != 0 {
		t.Errorf("%d packets within %v while the bridge is parked", got, d)
	}
}
