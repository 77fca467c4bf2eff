package routing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tenuto-session/tenuto/decnet"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestScripts runs testdata/scripts: one end node, 1.1, and what its neighbours send. go test -rewrite makes the outputs anew.
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

type script struct {
	now time.Time
	e   *EndNode
	out strings.Builder
}

func (s *script) printf(f string, a ...any) { fmt.Fprintf(&s.out, f+"\n", a...) }

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	var i int
	if len(d.CmdArgs) > 0 {
		fmt.Sscan(d.CmdArgs[0].Key, &i)
	}
	switch d.Cmd {
	case "new": // new, and a line for each circuit: NAME [ethernet] [inplace] [cost=N] [block=N] [verify=TEXT] [say=TEXT]
		var circuits []Circuit
		for line := range strings.Lines(d.Input) {
			circuits = append(circuits, circuitOf(t, strings.Fields(line)))
		}
		s.now, s.e = epoch, New(Config{Node: node1}, circuits)
	case "up":
		s.e.Up(s.now, i)
	case "down":
		s.e.Down(s.now, i, "its link is lost")
	case "receive": // receive CIRCUIT [mac=NODE], and hexadecimal
		var mac decnet.MAC
		if d.HasArg("mac") {
			mac = addr(t, d.CmdArgs[1].Vals[0]).MAC()
		}
		if p, ok := s.e.Receive(s.now, i, mac, octetsOf(t, d.Input)); ok {
			s.printf("data of %v, returned %v: %x", p.Src, p.Returned, p.Payload)
		}
	case "route": // route NODE [again]
		to := addr(t, d.CmdArgs[0].Key)
		w, ok := s.e.Route(s.now, to, d.HasArg("again"))
		if !ok {
			s.printf("no way")
			return
		}
		s.printf("%s %v, %d octets, %x", s.e.Info(w.Circuit).Name, w.MAC, s.e.SegSize(s.now, to, 11), s.e.Header(nil, w, to, d.HasArg("return")))
	case "tick":
		s.tick(t, d.CmdArgs[0].Key)
		return
	case "info":
		s.printf("%+v", s.e.Info(i))
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
	s.flush()
}

func addr(t *testing.T, text string) decnet.Addr {
	a, err := decnet.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func circuitOf(t *testing.T, words []string) Circuit {
	c := Circuit{Name: words[0]}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "ethernet":
			c.Ethernet = true
		case "inplace":
			c.InPlace = true
		case "cost":
			fmt.Sscan(value, &c.Cost)
		case "block":
			fmt.Sscan(value, &c.BlockSize)
		case "verify":
			c.Verify = []byte(value)
		case "say":
			c.Say = []byte(value)
		default:
			t.Fatalf("no option %s", w)
		}
	}
	return c
}

func (s *script) flush() {
	for v, ok := s.e.NextEvent(); ok; v, ok = s.e.NextEvent() {
		s.printf("! %s up %v, %v %s", s.e.Info(v.Circuit).Name, v.Up, v.Neighbour, v.Reason)
	}
	for o, ok := s.e.Next(); ok; o, ok = s.e.Next() {
		name := s.e.Info(o.Circuit).Name
		if o.Restart {
			s.printf("%s> restart", name)
			continue
		}
		s.printf("%s> %x", name, o.Packet)
	}
}

func (s *script) tick(t *testing.T, text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	for end := s.now.Add(d); ; {
		at := end
		if n := s.e.NextTimeout(); !n.IsZero() && n.Before(at) {
			at = n
		}
		s.now = at
		s.e.Tick(at)
		before := s.out.Len()
		s.flush()
		if s.out.Len() > before {
			text := s.out.String()
			s.out.Reset()
			s.out.WriteString(text[:before])
			s.printf("+%v", at.Sub(epoch))
			s.out.WriteString(text[before:])
		}
		if !at.Before(end) {
			return
		}
	}
}
