package cotp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScripts runs testdata/*.txt: two machines, I and R, and what is on the wire between them. The output is what each end gets, and
// what that means to it. go test -rewrite makes the outputs anew.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
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
	i, r *Machine
	toI  []byte // on the wire; user data of DT and ED are zeros
	toR  []byte
	out  strings.Builder
}

func (s *script) printf(f string, a ...any) { fmt.Fprintf(&s.out, f+"\n", a...) }

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	var end string
	var n int
	has := func(name string) bool { return d.HasArg(name) }
	if len(d.CmdArgs) > 0 {
		end = d.CmdArgs[0].Key
	}
	if len(d.CmdArgs) > 1 {
		fmt.Sscan(d.CmdArgs[1].Key, &n)
	}
	m, wire := s.r, &s.toI
	if end == "I" {
		m, wire = s.i, &s.toR
	}
	switch d.Cmd {
	case "new": // new [size=CODE] [rsize=CODE] [expedited] [rexpedited] [calling] [called]
		*s = script{}
		var i, r Offer
		if has("size") {
			d.ScanArgs(t, "size", (*uint8)(&i.Size))
		}
		if has("rsize") {
			d.ScanArgs(t, "rsize", (*uint8)(&r.Size))
		}
		i.Expedited, r.Expedited = has("expedited"), has("rexpedited")
		if has("calling") {
			i.Calling = []byte{0, 1}
		}
		if has("called") {
			i.Called = []byte{0, 2}
		}
		s.i, s.r = NewInitiator(1, i), NewResponder(2, r)
	case "connect": // connect I
		s.say(end, wire, m.Connect())
	case "accept": // accept R
		s.say(end, wire, m.Accept())
	case "refuse": // refuse R REASON
		s.say(end, wire, m.Refuse(Reason(n)))
	case "data": // data END OCTETS [more]: one TSDU, or a part of one
		for rest, over := n, false; !over; {
			k, eot := m.Segment(rest, !has("more"))
			s.send(wire, DT{k, eot})
			rest -= k
			over = rest == 0
		}
	case "expedited": // expedited END OCTETS
		s.send(wire, ED{n})
	case "inject": // inject END [ZEROS], and octets that END gets in place of the peer's
		wire = &s.toR
		if end == "I" {
			wire = &s.toI
		}
		*wire = append(append(*wire, octets(t, d.Input)...), make([]byte, n)...)
	case "deliver": // deliver END: lets the end get what is on the wire
		if end == "I" {
			s.deliver("I", s.i, &s.toI, &s.toR)
		} else {
			s.deliver("R", s.r, &s.toR, &s.toI)
		}
	case "state": // state END
		s.printf("%v, size %d, expedited %v, within a TSDU %v", m.State, m.Size.Octets(), m.Expedited, m.InTSDU)
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
}

func (s *script) send(wire *[]byte, p TPDU) {
	b, err := p.AppendBinary(*wire)
	if err != nil {
		panic(err)
	}
	switch p := p.(type) {
	case DT:
		b = append(b, make([]byte, p.Length)...)
	case ED:
		b = append(b, make([]byte, p.Length)...)
	}
	*wire = b
}

// say is send for what is not data.
func (s *script) say(end string, wire *[]byte, p TPDU) {
	s.printf("%s> %v", end, p)
	s.send(wire, p)
}

var effectNames = [...]string{"nothing", "T-CONNECT indication", "unacceptable", "T-CONNECT confirm", "data", "expedited data", "T-DISCONNECT indication"}

func (s *script) deliver(end string, m *Machine, wire, back *[]byte) {
	for len(*wire) > 0 {
		if m.Left > 0 {
			k := min(m.Left, len(*wire))
			m.Took(k)
			*wire = (*wire)[k:]
			continue
		}
		if m.State == Closed {
			s.printf("%s: %d octets are not looked at", end, len(*wire))
			*wire = nil
			return
		}
		e, n, err := m.Handle(*wire)
		if err != nil {
			s.printf("%s: %v", end, err)
			if p := m.Answer(err); p != nil {
				s.say(end, back, p)
			}
			*wire = nil
			return
		}
		if n == 0 {
			s.printf("%s: waits for more than %d octets", end, len(*wire))
			return
		}
		p, err := Parse((*wire)[:n])
		if err != nil {
			panic(err)
		}
		s.printf("%s< %v: %s", end, p, effectNames[e.Kind])
		*wire = (*wire)[n:]
		if e.Kind == EffectUnacceptable {
			s.say(end, back, m.Refuse(e.Reason))
		}
	}
}
