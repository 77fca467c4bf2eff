package tenuto

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tenuto-session/tenuto/transport"
	"github.com/tenuto-session/tenuto/transport/transporttest"
)

// TestConnScripts runs testdata/conn: two Conns in a bubble, where time passes by tick alone. With -rewrite the outputs are written.
//
//	new [normal] [delivered] [window=N] [linger=D] [size=N]   a dials b, over such a pipe
//	SIDE write N CHAR | read N | readall | closewrite | close | abort N | deadline D
//	tick D
//	break                                         the provider cannot carry the transport connection any more
//
// Each call is shown when it returns; one that waits is shown as such, and its result below the command that ends it.
func TestConnScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/conn", func(t *testing.T, path string) {
		synctest.Test(t, func(t *testing.T) {
			s := new(script)
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
			s.end()
		})
	})
}

type script struct {
	l     *link
	calls []*call
}

// A call is a call of a Conn that may wait.
type call struct {
	name   string
	done   chan string
	waited bool
}

func (s *script) end() {
	if s.l != nil {
		s.l.ta.Disconnect(transport.ReasonShutdown)
		s.l.tb.Disconnect(transport.ReasonShutdown)
		synctest.Wait()
	}
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "new":
		s.end()
		s.calls = nil
		o := transporttest.Options{NoExpedited: d.HasArg("normal"), Delivered: d.HasArg("delivered")}
		c := new(Config)
		var linger string
		d.MaybeScanArgs(t, "window", &o.Window)
		d.MaybeScanArgs(t, "size", &c.TSDUSize)
		d.MaybeScanArgs(t, "linger", &linger)
		c.Linger, _ = time.ParseDuration(linger)
		_, _, s.l = conns(t, o, c)
		return ""
	case "tick":
		time.Sleep(duration(t, d.CmdArgs[0].Key))
	case "break":
		s.l.ta.Break(transport.ReasonExpired)
	case "a":
		s.start(t, d, s.l.a.Conn())
	case "b":
		s.start(t, d, s.l.b.Conn())
	default:
		d.Fatalf(t, "no such command")
	}
	synctest.Wait()
	var out strings.Builder
	var waiting []*call
	for _, c := range s.calls {
		select {
		case r := <-c.done:
			fmt.Fprintf(&out, "%s: %s\n", c.name, r)
		default:
			if !c.waited {
				fmt.Fprintf(&out, "%s: waits\n", c.name)
			}
			c.waited = true
			waiting = append(waiting, c)
		}
	}
	s.calls = waiting
	return out.String()
}

func duration(t *testing.T, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// start runs a call of a Conn.
func (s *script) start(t *testing.T, d *datadriven.TestData, c *Conn) {
	arg := func(i int) string { return d.CmdArgs[i].Key }
	n := 0
	if len(d.CmdArgs) > 1 {
		fmt.Sscan(arg(1), &n)
	}
	var f func() string
	switch arg(0) {
	case "write":
		data := []byte(strings.Repeat(arg(2), n))
		f = func() string {
			m, err := c.Write(data)
			return fmt.Sprintf("%d%s", m, problem(err))
		}
	case "read":
		f = func() string {
			b := make([]byte, n)
			m, err := c.Read(b)
			return text(b[:m]) + problem(err)
		}
	case "readall":
		f = func() string {
			b, err := io.ReadAll(c)
			return text(b) + problem(err)
		}
	case "closewrite":
		f = func() string { return "done" + problem(c.CloseWrite()) }
	case "close":
		f = func() string {
			begin := time.Now()
			err := c.Close()
			return fmt.Sprintf("after %v%s", time.Since(begin), problem(err))
		}
	case "abort":
		f = func() string { return "done" + problem(c.Session().Abort([]byte(strings.Repeat("!", n)))) }
	case "deadline":
		f = func() string { return "set" + problem(c.SetDeadline(time.Now().Add(duration(t, arg(1))))) }
	default:
		d.Fatalf(t, "no such call")
	}
	k := &call{name: d.Cmd + " " + arg(0), done: make(chan string, 1)}
	s.calls = append(s.calls, k)
	go func() { k.done <- f() }()
}

// text shows octets as runs: 3×a 2×b.
func text(b []byte) string {
	var out []string
	for len(b) > 0 {
		n := 0
		for n < len(b) && b[n] == b[0] {
			n++
		}
		out = append(out, fmt.Sprintf("%d×%c", n, b[0]))
		b = b[n:]
	}
	if out == nil {
		return "nothing"
	}
	return strings.Join(out, " ")
}

func problem(err error) string {
	var ae *AbortError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &ae):
		side := "here"
		if ae.Remote {
			side = "peer"
		}
		return fmt.Sprintf(", aborted by %v (%s): %v, %d octets of data, sent %d received %d consumed %d",
			ae.By, side, ae.Reason, len(ae.Data), ae.Sent, ae.Received, ae.Consumed)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ", deadline exceeded"
	case errors.Is(err, net.ErrClosed):
		return ", closed"
	}
	return ", " + err.Error()
}
