package tenuto

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestADay is a day of a laptop in simulated time: a mail client's connection that stays idle for most of it, and short sessions in
// between, on one bridge that is parked, woken, taken through tunnels, and in the end restarted under.
func TestADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		events := map[EventKind]int{}
		e := newEndpoints(t, false, func(c, s *EndpointConfig) {
			c.Park, c.ParkPoll = 10*time.Minute, time.Minute
			s.ParkRetention = 12 * time.Hour
			count := c.Events
			c.Events = func(ev Event) {
				count(ev)
				mu.Lock()
				defer mu.Unlock()
				events[ev.Kind]++
			}
		})
		var serving sync.WaitGroup
		clients := make(chan net.Conn, 100) // the server's ends
		serve := func(ln *Listener) {
			serving.Go(func() {
				for {
					c, err := NetListener(ln).Accept()
					if err != nil {
						return
					}
					clients <- c
					serving.Go(func() { echoLines(c) })
				}
			})
		}
		serve(e.ln)
		dial := func() net.Conn {
			s, err := e.client.Dial(t.Context(), e.url+"/mail", nil)
			if err != nil {
				t.Fatal(err)
			}
			return s.Conn()
		}
		state := func() string { return e.client.Bridges()[0].Info().State.String() }
		within := func(what string, limit time.Duration, f func()) {
			t.Helper()
			start := time.Now()
			f()
			if d := time.Since(start); d > limit {
				t.Errorf("%s took %v", what, d)
			}
		}

		// 08:00. The mail client connects, and is idle.
		mail := dial()
		inbox := <-clients
		ask(t, mail, "08:00")
		time.Sleep(20*time.Minute + 30*time.Second)
		if state() != "parked" {
			t.Errorf("after twenty idle minutes the bridge is %s", state())
		}

		// Work: short sessions, pauses for coffee. Each first octet after a pause arrives at once.
		for k := range 20 {
			within("a session", 10*time.Millisecond, func() {
				c := dial()
				ask(t, c, fmt.Sprint("work ", k))
				c.Close()
				<-clients
			})
			time.Sleep(time.Duration(k) * time.Minute)
		}

		// 12:00. Mail arrives while nobody asks: at the next look.
		within("mail", time.Minute+time.Second, func() {
			io.WriteString(inbox, "mail!\n")
			if line, err := bufio.NewReader(mail).ReadString('\n'); line != "mail!\n" || err != nil {
				t.Fatalf("%q, %v", line, err)
			}
		})

		// 13:00. The train: every tunnel stalls the carrier, in the middle of talk.
		for k := range 10 {
			e.nw.Conns()[0].Stall()
			within("a tunnel", 3*time.Second, func() { ask(t, mail, fmt.Sprint("tunnel ", k)) })
			time.Sleep(time.Minute)
		}

		// 15:00. The lid closes on a parked bridge: six hours without a network. Then it opens.
		time.Sleep(15*time.Minute + 30*time.Second)
		if state() != "parked" {
			t.Errorf("before the lid closes the bridge is %s", state())
		}
		e.ln.Close()
		time.Sleep(6 * time.Hour)
		listen := func(ep *Endpoint) *Listener {
			ln, err := ep.Listen(t.Context(), e.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			serve(ln)
			return ln
		}
		e.ln = listen(e.server)
		within("the morning's first word", 10*time.Millisecond, func() { ask(t, mail, "lid open") })

		// The lid closes in mid-work, for longer than the server keeps a lost bridge: the session ends, and says why.
		e.ln.Close()
		for _, c := range e.nw.Conns() {
			c.Stall()
		}
		io.WriteString(mail, "lost\n")
		time.Sleep(20 * time.Minute)
		var aborted *AbortError
		if _, err := mail.Read(make([]byte, 1)); !errors.As(err, &aborted) || aborted.By != Provider {
			t.Errorf("after the window: %v", err)
		}
		mail.Close()
		e.ln = listen(e.server)
		mail = dial()
		ask(t, mail, "again")

		// 22:00. The server is restarted while the bridge is parked: the next word finds out at once, and a new session works.
		time.Sleep(11*time.Minute + 30*time.Second)
		e.server.Close()
		serving.Wait()
		server, err := NewEndpoint(&EndpointConfig{Carriers: e.carriers()})
		if err != nil {
			t.Fatal(err)
		}
		listen(server)
		io.WriteString(mail, "anyone?\n")
		within("finding out", time.Second, func() {
			if _, err := mail.Read(make([]byte, 1)); !errors.As(err, &aborted) {
				t.Errorf("after the restart: %v", err)
			}
		})
		mail.Close()
		mail = dial()
		ask(t, mail, "good night")
		mail.Close()

		e.client.Close()
		server.Close()
		serving.Wait()
		if n := len(e.nw.Conns()); n != 0 {
			t.Errorf("%d carriers are left", n)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, k := range []EventKind{Attached, Detached, Resumed, Parked, Expired} {
			if events[k] == 0 {
				t.Errorf("the day had no %v", k)
			}
		}
	})
}

// echoLines sends back each line.
func echoLines(c net.Conn) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

// ask sends a line and wants it back.
func ask(t *testing.T, c net.Conn, line string) {
	t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	got := make([]byte, len(line)+1)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != line+"\n" {
		t.Fatalf("%s: got %q, %v", line, got, err)
	}
}
