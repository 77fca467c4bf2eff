package scp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	addrA = decnet.NewAddr(1, 1)
	addrB = decnet.NewAddr(1, 2)
)

// TestScripts runs testdata/scripts: two nodes, A and B, and what is on the wire between them. go test -rewrite makes the outputs anew.
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
	wire [][]byte
	link *Link
}

type script struct {
	now  time.Time
	a, b *scriptEnd
	out  strings.Builder
}

func (s *script) printf(f string, a ...any) { fmt.Fprintf(&s.out, f+"\n", a...) }

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	switch d.Cmd {
	case "new": // new [backlog=N]: two nodes; B has the objects 25 and CHAT
		*s = script{now: epoch}
		var cfg Config
		if d.HasArg("backlog") {
			d.ScanArgs(t, "backlog", &cfg.Backlog)
		}
		s.a = &scriptEnd{name: "A", addr: addrA, m: New(cfg, nsp.New(nsp.Config{}, 1))}
		s.b = &scriptEnd{name: "B", addr: addrB, m: New(cfg, nsp.New(nsp.Config{}, 2))}
		for _, o := range []Descriptor{ByNumber(25), ByName("CHAT")} {
			if err := s.b.m.Register(&Object{Descriptor: o}); err != nil {
				t.Fatal(err)
			}
		}
		return
	case "tick":
		s.tick(t, d.CmdArgs[0].Key)
		return
	}
	e, peer := s.a, s.b
	if d.CmdArgs[0].Key == "B" {
		e, peer = s.b, s.a
	}
	l, data := e.link, []byte(d.Input)
	var reason int
	if d.HasArg("reason") {
		d.ScanArgs(t, "reason", &reason)
	}
	ok := true
	switch d.Cmd {
	case "connect": // connect END OBJECT, and data
		dst, err := ParseObject(d.CmdArgs[1].Key)
		if err != nil {
			t.Fatal(err)
		}
		if e.link, err = e.m.Connect(s.now, peer.addr, Connect{Dst: dst, Src: ByName("TESTER"), Data: data}, nsp.Options{}); err != nil {
			s.printf("%v", err)
		}
	case "accept":
		ok = e.m.Accept(s.now, l, data, nsp.Options{})
	case "reject":
		ok = e.m.Reject(s.now, l, Reason(reason), data)
	case "disconnect":
		ok = e.m.Disconnect(s.now, l, data)
	case "abort":
		ok = e.m.Abort(s.now, l, Reason(reason), data)
	case "forget":
		e.m.Forget(s.now, l)
	case "stop": // the peer stops the link
		m := nsp.Message{Type: nsp.TypeLinkService, Dst: l.Port.Local, Src: l.Port.Remote, Number: 1, Switch: nsp.Xoff}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		e.m.NSP.Receive(s.now, peer.addr, false, b)
	case "write": // write END OCTETS
		if _, err := e.m.NSP.Write(s.now, l.Port, make([]byte, 10), true); err != nil {
			s.printf("%v", err)
		}
	case "shutdown":
		e.m.Shutdown = true
	case "lose": // what is on its way to the end is lost
		e.wire = nil
	case "inject": // what session control says in a connect initiate, in hexadecimal
		m := nsp.Message{Type: nsp.TypeConnect, Src: 0x77, Info: nsp.Info40, SegSize: 500, Data: octetsOf(t, d.Input)}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		e.m.NSP.Receive(s.now, peer.addr, false, b)
	case "run":
		s.run()
	case "links":
		s.printf("%s: %d links", e.name, e.m.NSP.Ports())
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
	if !ok {
		s.printf("not now")
	}
	s.flush()
}

func (s *script) run() {
	for range 100 {
		s.flush()
		for _, v := range [][2]*scriptEnd{{s.a, s.b}, {s.b, s.a}} {
			wire := v[0].wire
			v[0].wire = nil
			for _, b := range wire {
				v[0].m.NSP.Receive(s.now, v[1].addr, false, b)
			}
		}
	}
}

func (s *script) flush() {
	for _, v := range [][2]*scriptEnd{{s.a, s.b}, {s.b, s.a}} {
		e := v[0]
		for l, ev, ok := e.m.NextEvent(s.now); ok; l, ev, ok = e.m.NextEvent(s.now) {
			if ev&Incoming != 0 {
				e.link = l
				s.printf("%s! incoming: %v", e.name, &l.Connect)
			}
			if ev&Accepted != 0 {
				s.printf("%s! accepted: %v, %q", e.name, l.State, l.Accept)
			}
			if ev&Over != 0 {
				s.printf("%s! over: %v, %v, local %v, %q", e.name, l.State, l.Reason, l.Local, l.Data)
			}
		}
		for k, ok := e.m.NSP.Next(s.now); ok; k, ok = e.m.NSP.Next(s.now) {
			m, err := nsp.Parse(k.Message)
			if err != nil {
				panic(err)
			}
			s.printf("%s> %v", e.name, m.Type)
			v[1].wire = append(v[1].wire, append([]byte(nil), k.Message...))
		}
	}
}

func (s *script) tick(t *testing.T, text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	for end := s.now.Add(d); s.now.Before(end); s.flush() {
		s.now = end
		for _, e := range []*scriptEnd{s.a, s.b} {
			if n := e.m.NSP.NextTimeout(); !n.IsZero() && n.Before(s.now) {
				s.now = n
			}
		}
		s.a.m.NSP.Tick(s.now)
		s.b.m.NSP.Tick(s.now)
	}
}

func TestRegister(t *testing.T) {
	m := New(Config{}, nsp.New(nsp.Config{}, 1))
	mirror, chat := &Object{Descriptor: ByNumber(25)}, &Object{Descriptor: ByName("Chat")}
	for _, o := range []*Object{mirror, chat} {
		if err := m.Register(o); err != nil {
			t.Fatal(err)
		}
		if err := m.Register(&Object{Descriptor: o.Descriptor}); !errors.Is(err, ErrExists) {
			t.Errorf("%v twice: %v", o.Descriptor, err)
		}
	}
	for _, d := range []Descriptor{{}, {Format: 1}, {Format: 2, Name: "x"}} {
		if err := m.Register(&Object{Descriptor: d}); err == nil {
			t.Errorf("%v is registered", d)
		}
	}
	for _, row := range []struct {
		d    Descriptor
		want *Object
	}{{ByNumber(25), mirror}, {ByName("mirror"), mirror}, {ByName("CHAT"), chat}, {ByName("chat"), chat}, {ByNumber(26), nil}, {ByName("talk"), nil}} {
		if got := m.Lookup(row.d); got != row.want {
			t.Errorf("%v: %v", row.d, got)
		}
	}
	m.Unregister(mirror)
	m.Unregister(chat)
	if m.Lookup(ByNumber(25)) != nil || m.Lookup(ByName("chat")) != nil {
		t.Error("still there")
	}
}
