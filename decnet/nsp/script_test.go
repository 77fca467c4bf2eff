package nsp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tenuto-session/tenuto/decnet"
)

var (
	addrA = decnet.NewAddr(1, 1)
	addrB = decnet.NewAddr(1, 2)
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// TestScripts runs testdata/*.txt: two machines, A and B, and what is on the wire between them. The output is what each says and what
// its user hears. go test -rewrite makes the outputs anew.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.command(t, d)
			if s.out.Len() == 0 {
				return "ok"
			}
			return s.out.String()
		})
	})
}

type scriptEnd struct {
	name string
	addr decnet.Addr
	m    *Machine
	wire [][]byte // to this end
	port *Port    // the latest
}

type script struct {
	now  time.Time
	a, b *scriptEnd
	out  strings.Builder
}

func (s *script) printf(f string, a ...any) { fmt.Fprintf(&s.out, f+"\n", a...) }

func (s *script) ends(name string) (e, peer *scriptEnd) {
	if name == "B" {
		return s.b, s.a
	}
	return s.a, s.b
}

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	if d.Cmd == "new" { // new [window=N] [buffer=N] [links=N]: two machines
		*s = script{now: epoch}
		var cfg Config
		for name, v := range map[string]*int{"window": &cfg.Window, "buffer": &cfg.ReceiveBuffer, "send": &cfg.SendBuffer, "links": &cfg.Links, "pending": &cfg.Pending} {
			if d.HasArg(name) {
				d.ScanArgs(t, name, v)
			}
		}
		cfg.PlainRetry = d.HasArg("plain")
		s.a = &scriptEnd{name: "A", addr: addrA, m: New(cfg, 1)}
		s.b = &scriptEnd{name: "B", addr: addrB, m: New(cfg, 2)}
		return
	}
	if d.Cmd == "tick" { // tick DURATION: time passes; what is due happens
		s.tick(t, d.CmdArgs[0].Key)
		return
	}
	e, peer := s.ends(d.CmdArgs[0].Key)
	var n, reason int
	if len(d.CmdArgs) > 1 {
		fmt.Sscan(d.CmdArgs[1].Key, &n)
	}
	if d.HasArg("reason") {
		d.ScanArgs(t, "reason", &reason)
	}
	p, data := e.port, []byte(d.Input)
	var o Options
	for f, name := range flowNames {
		if d.HasArg(name) {
			o.Flow = FlowControl(f)
		}
	}
	if d.HasArg("segsize") {
		d.ScanArgs(t, "segsize", &o.SegSize)
	}
	switch d.Cmd {
	case "connect": // connect END [segment|message] [segsize=N], and what session control says
		if p := e.m.Connect(s.now, peer.addr, data, o); p != nil {
			e.port = p
		} else {
			s.printf("%s: no links left", e.name)
		}
	case "accept": // accept END [segment|message] [segsize=N]
		e.m.Accept(s.now, p, data, o)
	case "reject": // reject END reason=N
		e.m.Reject(s.now, p, uint16(reason), data)
	case "disconnect":
		e.m.Disconnect(s.now, p, uint16(reason), data)
	case "abort":
		e.m.Abort(s.now, p, uint16(reason), data)
	case "release":
		e.m.Release(p)
	case "timer": // timer END SECONDS
		e.m.SetTimer(p, s.now.Add(time.Duration(n)*time.Second))
	case "write": // write END OCTETS [more]: a message, or a part of one
		k, err := e.m.Write(s.now, p, make([]byte, n), !d.HasArg("more"))
		if k < n || err != nil {
			s.printf("%s: took %d of %d, %v", e.name, k, n, err)
		}
	case "cut":
		e.m.CutMessage(p)
	case "interrupt":
		if err := e.m.Interrupt(s.now, p, data); err != nil {
			s.printf("%s: %v", e.name, err)
		}
	case "read": // read END OCTETS: of one message
		k, end := e.m.ReadMessage(p, make([]byte, n))
		s.printf("%s: read %d, end %v", e.name, k, end)
	case "read-interrupt":
		b, ok := e.m.ReadInterrupt(p)
		s.printf("%s: interrupt %q, %v", e.name, b, ok)
	case "drop": // drop END: what is on its way to the end is lost
		s.printf("lost: %d", len(e.wire))
		e.wire = nil
	case "swap": // swap END: the last two messages change places
		i := len(e.wire)
		e.wire[i-1], e.wire[i-2] = e.wire[i-2], e.wire[i-1]
	case "inject": // inject END [returned], and octets in hexadecimal, which may have L and R for the addresses of its port and its peer's
		hex := d.Input
		if p != nil {
			hex = strings.ReplaceAll(hex, "L", fmt.Sprintf("%02x%02x", byte(p.Local), p.Local>>8))
			hex = strings.ReplaceAll(hex, "R", fmt.Sprintf("%02x%02x", byte(p.Remote), p.Remote>>8))
		}
		e.m.Receive(s.now, peer.addr, d.HasArg("returned"), octetsOf(t, hex))
	case "deliver": // deliver END: it gets what is on the wire, and answers
		wire := e.wire
		e.wire = nil
		for _, b := range wire {
			e.m.Receive(s.now, peer.addr, false, b)
		}
	case "run": // run END: until nothing is on the wire
		for range 1000 {
			s.flush()
			if len(s.a.wire)+len(s.b.wire) == 0 {
				break
			}
			for _, e := range []*scriptEnd{s.a, s.b} {
				_, peer := s.ends(e.name)
				wire := e.wire
				e.wire = nil
				for _, b := range wire {
					e.m.Receive(s.now, peer.addr, false, b)
				}
			}
		}
	case "state":
		s.printf("%s: %v, reason %d, data %q, %d links", e.name, p.State, p.Reason, p.Data, e.m.Ports())
	case "counters":
		s.printf("%+v", e.m.Counters)
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
	s.flush()
}

// flush takes what the machines say, and what their users hear.
func (s *script) flush() {
	for _, e := range []*scriptEnd{s.a, s.b} {
		_, peer := s.ends(e.name)
		for p, ev, ok := e.m.NextEvent(); ok; p, ev, ok = e.m.NextEvent() {
			if ev&EventConnect != 0 {
				e.port = p
			}
			s.printf("%s! %v", e.name, eventText(p, ev))
		}
		for k, ok := e.m.Next(s.now); ok; k, ok = e.m.Next(s.now) {
			m, err := Parse(k.Message)
			if err != nil {
				panic(err)
			}
			s.printf("%s> %v", e.name, &m)
			peer.wire = append(peer.wire, append([]byte(nil), k.Message...))
		}
	}
}

func eventText(p *Port, ev Events) string {
	var f []string
	for i, name := range []string{"connect", "accepted", "readable", "writable", "interrupt", "credit", "ended", "timer"} {
		if ev&(1<<i) != 0 {
			f = append(f, name)
		}
	}
	s := strings.Join(f, ", ") + ": " + p.State.String()
	if p.Reason != 0 {
		s += fmt.Sprintf(", reason %d", p.Reason)
	}
	return s
}

func (s *script) tick(t *testing.T, text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	end := s.now.Add(d)
	for {
		at := end
		for _, e := range []*scriptEnd{s.a, s.b} {
			if n := e.m.NextTimeout(); !n.IsZero() && n.Before(at) {
				at = n
			}
		}
		s.now = at
		before := s.out.Len()
		s.a.m.Tick(at)
		s.b.m.Tick(at)
		mark := s.out.Len()
		s.flush()
		if s.out.Len() > mark {
			text := s.out.String()
			rest := text[before:]
			s.out.Reset()
			s.out.WriteString(text[:before])
			s.printf("+%v", at.Sub(epoch))
			s.out.WriteString(rest)
		}
		if !at.Before(end) {
			return
		}
	}
}
