package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestScripts runs testdata/*.txt: two machines, I and R, on carriers that the script attaches and cuts. The output is what each
// end gets, and what that means to it. go test -rewrite makes the outputs anew.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		s := newScript()
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
	ends map[string]*Machine
	wire map[string][]Frame // towards the end
	now  time.Time
	out  strings.Builder
}

func newScript() *script {
	s := &script{wire: map[string][]Frame{}, now: simStart, ends: map[string]*Machine{}}
	limits := Limits{Streams: 4, Window: MinCredit}
	for name, role := range map[string]Role{"I": InitiatorRole, "R": ResponderRole} {
		s.ends[name] = New(role, Keys{}, new(testSettings), testSettings, limits)
	}
	return s
}

func other(end string) string {
	if end == "I" {
		return "R"
	}
	return "I"
}

func (s *script) printf(f string, a ...any) { fmt.Fprintf(&s.out, f+"\n", a...) }

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	arg := func(i int) string {
		if i >= len(d.CmdArgs) {
			d.Fatalf(t, "%s: argument %d is missing", d.Cmd, i)
		}
		return d.CmdArgs[i].Key
	}
	num := func(i int) (n int) {
		if _, err := fmt.Sscan(arg(i), &n); err != nil {
			d.Fatalf(t, "%s: %v", d.Cmd, err)
		}
		return n
	}
	stream := func() (*Machine, *Stream) {
		m := s.ends[arg(0)]
		st := m.Streams[uint32(num(1))]
		if st == nil {
			d.Fatalf(t, "%s has no stream %s", arg(0), arg(1))
		}
		return m, st
	}
	switch d.Cmd {
	case "attach": // attach
		for _, m := range s.ends {
			m.Keys.Epoch++
			m.Attach(s.now)
			m.Parked = false // as after ATTACHED
		}
	case "cut": // cut
		for _, m := range s.ends {
			m.Detach()
		}
		clear(s.wire)
	case "open": // open END
		if st := s.ends[arg(0)].Open(); st != nil {
			s.printf("stream %d", st.ID)
		} else {
			s.printf("the peer takes no more streams")
		}
	case "write": // write END STREAM OCTETS
		m, st := stream()
		m.Write(st, num(2))
	case "expedited": // expedited END STREAM OCTETS
		m, st := stream()
		if !st.ExpeditedRoom() {
			s.printf("full")
			return
		}
		m.WriteExpedited(st, num(2))
	case "purge": // purge END STREAM [cut]
		m, st := stream()
		m.Purge(st, len(d.CmdArgs) > 2)
		s.printf("next offset %d", st.Written)
	case "parking": // parking DURATION: I parks after it
		for _, m := range s.ends {
			m.Local.Parked, m.Peer.Parked = time.Hour, time.Hour
		}
		var err error
		if s.ends["I"].ParkAfter, err = time.ParseDuration(arg(0)); err != nil {
			d.Fatalf(t, "%v", err)
		}
	case "glance":
		s.ends["I"].Glance()
	case "close": // close END STREAM REASON
		m, st := stream()
		m.Close(st, uint64(num(2)))
	case "take": // take END STREAM OCTETS
		m, st := stream()
		m.Consumed(st, num(2))
	case "take-expedited": // take-expedited END STREAM
		m, st := stream()
		m.ConsumedExpedited(st)
	case "grow": // grow END STREAM WINDOW
		m, st := stream()
		m.Grow(st, uint64(num(2)))
	case "restore": // restore END
		b, err := s.ends[arg(0)].MarshalBinary()
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		m := new(Machine)
		if err := m.UnmarshalBinary(b); err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.ends[arg(0)] = m
	case "tick": // tick DURATION
		dur, err := time.ParseDuration(arg(0))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.now = s.now.Add(dur)
		for _, end := range []string{"I", "R"} {
			if s.ends[end].Tick(s.now) {
				s.printf("%s: the carrier is dead", end)
			}
		}
	case "send": // send END [FRAMES]: puts what is due on the wire
		n := 1000
		if len(d.CmdArgs) > 1 {
			n = num(1)
		}
		s.send(arg(0), n)
	case "deliver": // deliver END [FRAMES]: lets the end get what is on the wire
		n := 1000
		if len(d.CmdArgs) > 1 {
			n = num(1)
		}
		s.deliver(arg(0), n)
	case "stabilize": // stabilize: sends and delivers until nothing is due
		for s.ends["I"].Want() || s.ends["R"].Want() || len(s.wire["I"])+len(s.wire["R"]) > 0 {
			for _, end := range []string{"I", "R"} {
				s.send(end, 1000)
				s.deliver(other(end), 1000)
			}
		}
	case "state": // state END
		m := s.ends[arg(0)]
		if m.Parked {
			s.printf("parked; wanting: %v", m.Wanting())
		}
		for _, id := range m.ids() {
			st := m.Streams[id]
			s.printf("%d: acknowledged %d sent %d written %d credit %d; received %d consumed %d granted %d; closing %v", id, st.Acked, st.Sent,
				st.Written, st.Credit, st.Next, st.Consumed, st.Granted, st.Closing)
		}
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
}

func (s *script) send(end string, n int) {
	for ; n > 0; n-- {
		f, _, ok := s.ends[end].Next(s.now)
		if !ok {
			return
		}
		s.wire[other(end)] = append(s.wire[other(end)], f)
	}
}

var effectNames = [...]string{"", "opened", "data", "expedited", "acked", "skipped", "closed", "gone", "synced", "bye", "parked"}

func (s *script) deliver(end string, n int) {
	m := s.ends[end]
	for ; n > 0 && len(s.wire[end]) > 0; n-- {
		f := s.wire[end][0]
		s.wire[end] = s.wire[end][1:]
		e, err := m.Handle(s.now, f)
		switch {
		case err != nil:
			s.printf("%s< %v: %v", end, f, err)
		case e.Kind == EffectData && e.Stream == nil, e.Kind == EffectExpect && e.Stream == nil:
			s.printf("%s< %v: dropped", end, f)
		case e.Kind == EffectData && e.Drop > 0:
			s.printf("%s< %v: data but for %d", end, f, e.Drop)
		case e.Kind == EffectNone || e.Kind == EffectAcked:
			s.printf("%s< %v", end, f)
		default:
			s.printf("%s< %v: %s", end, f, effectNames[e.Kind])
		}
		for _, st := range e.Lost {
			s.printf("   stream %d is lost", st.ID)
		}
		if e.Kind == EffectData && e.Stream != nil {
			m.Advance(e.Stream, f.Length-e.Drop)
		}
		if e.Kind == EffectExpect && e.Stream != nil {
			m.AdvanceExpedited(e.Stream)
		}
	}
}
