package rfc1006

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/transport"
)

// patience bounds what a test waits for. Nothing takes that long unless it is broken.
const patience = 20 * time.Second

// octets reads hexadecimal.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// journal is a log whose lines can be waited for.
type journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan struct{}
}

func newJournal() *journal { return &journal{lines: make(chan struct{}, 1000)} }

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines <- struct{}{}
	return j.text.Write(b)
}

// want waits for a line that holds what is wanted.
func (j *journal) want(t testing.TB, what string) {
	t.Helper()
	for {
		j.mu.Lock()
		text := j.text.String()
		j.mu.Unlock()
		if strings.Contains(text, what) {
			return
		}
		select {
		case <-j.lines:
		case <-time.After(patience):
			t.Fatalf("the log does not say %q but\n%s", what, text)
		}
	}
}

func dialTCP(t testing.TB, ln *Listener) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// TestHostilePeers: what comes in place of CR is answered as the standard has it, or not at all; the log says what was wrong; and the
// next one is served.
func TestHostilePeers(t *testing.T) {
	for _, tt := range []struct{ name, sends, gets, log string }{
		{"HTTP", hex.EncodeToString([]byte("GET / HTTP/1.1\r\n\r\n")), "", "cotp: TPKT: version 71 is not 3"},
		{"TLS", "16 03 01 00 05 01 00 00 01 00", "", "cotp: TPKT: version 22 is not 3"},
		{"a TPKT too short", "03 00 00 04", "", "cotp: TPKT: length 4 is less than 7"},
		{"a TPKT too long for a CR", "03 00 FF FF 06 E0 00 00 12 34 00", "03 00 00 0C 07 70 00 00 03 C1 01 06", "cotp: CR: packet of 65535 octets exceeds 323"},
		{"a wrong LI", "03 00 00 0B 0A E0 00 00 12 34 00", "03 00 00 0C 07 70 00 00 03 C1 01 0A", "cotp: CR: LI 10 exceeds 6"},
		{"an absurd size", "03 00 00 0E 09 E0 00 00 12 34 00 C0 01 63", "03 00 00 15 10 70 12 34 03 C1 0A 09 E0 00 00 12 34 00 C0 01 63",
			"code 63 does not exist"},
		{"a parameter beyond the header", "03 00 00 0D 08 E0 00 00 12 34 00 C1 7F", "03 00 00 14 0F 70 12 34 03 C1 09 08 E0 00 00 12 34 00 C1 7F",
			"parameter C1 exceeds the header"},
		{"class 2 and nothing else", "03 00 00 0B 06 E0 00 00 12 34 20", "03 00 00 0B 06 80 12 34 00 00 82", "a CR that would not do with class 0"},
		{"data at once", "03 00 00 08 02 F0 80 AA", "03 00 00 0D 08 70 00 00 02 C1 02 02 F0", "cotp: DT: while awaiting CR"},
		{"data behind CR", "03 00 00 0B 06 E0 00 00 12 34 00 03 00 00 08 02 F0 80 AA", "03 00 00 0D 08 70 12 34 02 C1 02 02 F0",
			"cotp: DT: while awaiting response"},
		{"CC", "03 00 00 0B 06 D0 00 01 00 01 00", "03 00 00 0D 08 70 00 00 02 C1 02 06 D0", "cotp: CC: while awaiting CR"},
		{"DR", "03 00 00 0B 06 80 00 01 00 01 80", "", "cotp: DR: while awaiting CR"},
		{"AK", "03 00 00 09 04 60 00 01 00", "03 00 00 0D 08 70 00 00 02 C1 02 04 60", "cotp: AK: not a TPDU of class 0"},
		{"nobody's TSAP", "03 00 00 0F 0A E0 00 00 12 34 00 C2 02 00 09", "03 00 00 0B 06 80 12 34 00 00 03", "nobody has the TSAP 0009"},
		{"nothing, and goes", "", "", "disconnected by peer: normal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := newJournal()
			ln := listen(t, &Config{TSAPs: [][]byte{{0, 1}}, Logger: j.logger()})
			c := dialTCP(t, ln)
			if _, err := c.Write(octets(t, tt.sends)); err != nil {
				t.Fatal(err)
			}
			if tt.sends == "" {
				c.CloseWrite()
			}
			got, err := io.ReadAll(c)
			if err != nil && tt.gets != "" || !bytes.Equal(got, octets(t, tt.gets)) {
				t.Errorf("got % x, %v; want %s", got, err, tt.gets)
			}
			j.want(t, tt.log)
			a, b := connect(t, ln, &Config{Called: []byte{0, 1}})
			exchange(t, a, b)
		})
	}
}

// TestSilentPeers: who connects and says nothing has HandshakeTime, and takes the place of a limited number of others.
func TestSilentPeers(t *testing.T) {
	j := newJournal()
	ln := listen(t, &Config{Logger: j.logger(), HandshakeTime: 100 * time.Millisecond, Limits: Limits{HalfOpen: 2}})
	var silent []*net.TCPConn
	for range 3 {
		silent = append(silent, dialTCP(t, ln))
	}
	j.want(t, "too many")
	for _, c := range silent {
		if _, err := c.Write([]byte{3}); err != nil {
			continue // it was the third
		}
		if got, err := io.ReadAll(c); len(got) > 0 {
			t.Errorf("got % x, %v", got, err)
		}
	}
	j.want(t, "no answer in time")
	a, b := connect(t, ln, nil)
	exchange(t, a, b)
}

// TestConnectionLimit: connections beyond the limit are closed, and there is room again when one ends.
func TestConnectionLimit(t *testing.T) {
	j := newJournal()
	ln := listen(t, &Config{Logger: j.logger(), Limits: Limits{Connections: 1}})
	a, b := connect(t, ln, nil)
	if _, err := Dial(t.Context(), ln.Addr().String(), nil); err == nil {
		t.Fatal("a second connection")
	}
	j.want(t, "too many")
	a.Disconnect(transport.ReasonNormal)
	if _, _, err := b.Receive(transport.Never, make([]byte, 1)); err == nil {
		t.Fatal("no disconnect")
	}
	for conns := 1; conns > 0; runtime.Gosched() { // the connection has ended, and is about to be counted so
		ln.mu.Lock()
		conns = ln.conns
		ln.mu.Unlock()
	}
	connect(t, ln, nil)
}

// TestBacklog: connections beyond those that may wait for Accept are refused for congestion.
func TestBacklog(t *testing.T) {
	ln := listen(t, &Config{Limits: Limits{Backlog: 1}})
	first := dialTCP(t, ln)
	if _, err := first.Write(octets(t, "03 00 00 0B 06 E0 00 00 12 34 00")); err != nil {
		t.Fatal(err)
	}
	for len(ln.queue) == 0 {
		runtime.Gosched()
	}
	_, err := Dial(t.Context(), ln.Addr().String(), nil)
	var r *RefusedError
	if !errors.As(err, &r) {
		t.Fatal(err)
	}
	if dr, ok := r.TPDU.(cotp.DR); !ok || dr.Reason != cotp.ReasonCongestion {
		t.Errorf("refused with %v", r)
	}
}

// fakeResponder answers the CR of Dial with any octets.
func fakeResponder(t *testing.T, answer string) (addr string, cr <-chan []byte) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		rest := make([]byte, int(b[2])<<8+int(b[3])-4)
		if _, err := io.ReadFull(c, rest); err != nil {
			return
		}
		got <- append(b, rest...)
		a := octets(t, answer)
		if len(a) > 9 && a[5] == 0xd0 && a[6] == 0xff { // the reference of CR
			copy(a[6:8], rest[4:6])
		}
		c.Write(a)
		if tc := c.(*net.TCPConn); answer == "" || a[0] == 3 && a[5] != 0xd0 {
			tc.CloseWrite()
		}
		more, _ := io.ReadAll(c)
		got <- more
	}()
	return ln.Addr().String(), got
}

// TestHostileResponders: what comes in place of CC is told, and a wrong TPDU is answered by ER.
func TestHostileResponders(t *testing.T) {
	for _, tt := range []struct{ name, sends, text, er string }{
		{"refused", "03 00 00 0B 06 80 00 01 00 00 03", "disconnected by peer: no listener: rfc1006: the peer sent DR(dst=0001, src=0000, reason=address unknown)", ""},
		{"congestion", "03 00 00 0B 06 80 00 01 00 00 01", "disconnected by peer: congestion", ""},
		{"for no reason", "03 00 00 0B 06 80 00 01 00 00 00", "disconnected by peer: normal", ""},
		{"ER", "03 00 00 09 04 70 00 01 01", "ER(dst=0001, cause=invalid parameter code)", ""},
		{"closed", "", "disconnected by peer: normal", ""},
		{"SSH", hex.EncodeToString([]byte("SSH-2.0-OpenSSH_9.2\r\n")), "disconnected by provider: protocol error: cotp: TPKT: version 83 is not 3", ""},
		{"data", "03 00 00 08 02 F0 80 AA", "cotp: DT: while awaiting CC", "03 00 00 0D 08 70 00 00 02 C1 02 02 F0"},
		{"class 2", "03 00 00 0B 06 D0 FF FF 00 07 20", "cotp: CC: class 2 answers class 0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, got := fakeResponder(t, tt.sends)
			_, err := Dial(t.Context(), addr, nil)
			if err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v; want %s", err, tt.text)
			}
			var de *transport.DisconnectError
			if !errors.As(err, &de) {
				t.Errorf("%v is no DisconnectError", err)
			}
			<-got
			if more := <-got; tt.er != "" && !bytes.Equal(more, octets(t, tt.er)) {
				t.Errorf("answered by % x, want %s", more, tt.er)
			}
		})
	}
}

// TestDialWaits no longer than it may.
func TestDialWaits(t *testing.T) {
	ln := listen(t, nil) // nobody accepts
	began := time.Now()
	if _, err := Dial(t.Context(), ln.Addr().String(), &Config{HandshakeTime: 50 * time.Millisecond}); !errors.Is(err, errHandshakeTime) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	if _, err := Dial(ctx, ln.Addr().String(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("both took %v", d)
	}
}

// raw returns a connection and the TCP connection that is its peer.
func raw(t *testing.T, cfg *Config) (*Conn, *net.TCPConn) {
	t.Helper()
	ln := listen(t, cfg)
	p := dialTCP(t, ln)
	if _, err := p.Write(octets(t, "03 00 00 0E 09 E0 00 00 00 07 00 C6 01 01")); err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect(transport.ReasonNormal) })
	cc := make([]byte, 14)
	if _, err := io.ReadFull(p, cc); err != nil || cc[5] != 0xd0 {
		t.Fatalf("% x, %v", cc, err)
	}
	return c, p
}

// TestOpenErrors: what a peer does wrong in an open connection ends it with an ER, and what came before is received.
func TestOpenErrors(t *testing.T) {
	for _, tt := range []struct{ name, sends, gets, text string }{
		{"no TPKT", "FF", "", "cotp: TPKT: version 255 is not 3"},
		{"ED too long", "03 00 00 18 02 10 80", "03 00 00 0C 07 70 00 07 03 C1 01 02", "cotp: ED: 17 octets of user data"},
		{"wrong LI", "03 00 00 09 04 F0 80 AA BB", "03 00 00 0C 07 70 00 07 03 C1 01 04", "cotp: DT: LI 4 is not 2"},
		{"CR again", "03 00 00 0B 06 E0 00 00 12 34 00", "03 00 00 0D 08 70 00 07 02 C1 02 06 E0", "cotp: CR: while open"},
		{"DR, as ISODE says it", "03 00 00 0B 06 80 00 07 00 01 80", "", "disconnected by peer: normal: rfc1006: the peer sent DR(dst=0007, src=0001, reason=normal disconnect)"},
		{"ER", "03 00 00 09 04 70 00 01 00", "", "disconnected by peer: protocol error: rfc1006: the peer sent ER(dst=0001, cause=not specified)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, p := raw(t, &Config{Expedited: true})
			// What follows the wrong TPDU is not read, and must not cost the peer the answer.
			if _, err := p.Write(append(octets(t, "03 00 00 09 02 F0 80 68 69"+tt.sends), make([]byte, 100_000)...)); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, c); string(got) != "hi" {
				t.Errorf("received %q", got)
			}
			_, _, err := c.Receive(transport.Never, make([]byte, 10))
			var de *transport.DisconnectError
			if !errors.As(err, &de) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v; want %s", err, tt.text)
			}
			c.Disconnect(transport.ReasonNormal) // does not take the ER back
			if got, err := io.ReadAll(p); !bytes.Equal(got, octets(t, tt.gets)) || err != nil && tt.gets != "" {
				t.Errorf("got % x, %v; want %s", got, err, tt.gets)
			}
		})
	}
}

// TestLastWordWaits: an ER leaves behind what was being sent, though the user is gone and the peer was not reading.
func TestLastWordWaits(t *testing.T) {
	c, p := raw(t, nil)
	fill(t, c, 32<<20)
	if _, err := p.Write(octets(t, "03 00 00 0B 06 E0 00 00 12 34 00")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Receive(transport.Never, make([]byte, 10)); err == nil {
		t.Fatal("no error")
	}
	c.Disconnect(transport.ReasonNormal)
	got, err := io.ReadAll(p)
	if want := octets(t, "03 00 00 0D 08 70 00 07 02 C1 02 06 E0"); err != nil || !bytes.HasSuffix(got, want) {
		t.Errorf("got %d octets that end with % x, %v; want % x", len(got), got[max(0, len(got)-20):], err, want)
	}
	for len(got) > 0 { // and whole TPDUs before it
		if len(got) < 4 || got[0] != 3 {
			t.Fatalf("% x is no TPKT", got[:min(len(got), 20)])
		}
		got = got[min(len(got), int(got[2])<<8|int(got[3])):]
	}
}

// TestEndlessTSDU: a TSDU whose end never comes costs the window, and its sender waits.
func TestEndlessTSDU(t *testing.T) {
	c, p := raw(t, nil)
	c.Notify(func() {}) // somebody reads, and nobody receives
	dt := append(octets(t, "03 00 40 07 02 F0 00"), make([]byte, 16<<10)...)
	p.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	sent := 0
	for {
		n, err := p.Write(dt)
		sent += n
		if err != nil {
			break
		}
		if sent > 1<<30 {
			t.Fatal("a gigabyte was taken")
		}
	}
	c.mu.Lock()
	held := c.in.held()
	c.mu.Unlock()
	if held > DefaultReceiveWindow {
		t.Errorf("%d octets are held", held)
	}
	if n, end, err := c.Receive(transport.Never, make([]byte, 100)); n != 100 || end || err != nil {
		t.Errorf("Receive: %d, %v, %v", n, end, err)
	}
}

// TestEmptyTPDUs: a peer that sends TPDUs of nothing does not keep a Receive from being cancelled.
func TestEmptyTPDUs(t *testing.T) {
	c, p := raw(t, nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		flood := bytes.Repeat(octets(t, "03 00 00 07 02 F0 00"), 1000)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := p.Write(flood); err != nil {
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	defer context.AfterFunc(ctx, c.Wake)()
	began := time.Now()
	if _, _, err := c.Receive(ctx, make([]byte, 10)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Receive: %v", err)
	}
	if d := time.Since(began); d > 300*time.Millisecond {
		t.Errorf("cancelled after %v", d)
	}
	close(stop)
	c.Disconnect(transport.ReasonNormal)
	<-stopped
}
