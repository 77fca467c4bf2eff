package router_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/port"
	"github.com/tenuto-session/tenuto/appletalk/router"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const latency = time.Millisecond

// sim is a network of machines in simulated time: cables, with routers and nodes on them. What happens depends on the seed alone.
type sim struct {
	t        testing.TB
	now      time.Time
	rng      *rand.Rand
	cables   map[string]*cable
	stations []*station
	queue    events
	seq      int
	notes    []string
	trace    bool
}

// machine is a router or a node.
type machine interface {
	Frame(now time.Time, port int, b []byte, out *link.Output)
	Tick(now time.Time, out *link.Output)
	Next() time.Time
}

// station is one machine with the cables that its ports are on.
type station struct {
	name   string
	m      machine
	cables []*cable
	hw     []link.Hardware
}

type cable struct {
	name         string
	kind         link.Kind
	lose, double int // percent of the frames
	cut          bool
}

// event is a frame that arrives.
type event struct {
	at   time.Time
	seq  int
	to   *station
	port int
	b    []byte
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any     { old := *e; x := old[len(old)-1]; *e = old[:len(old)-1]; return x }

func newSim(t testing.TB, seed uint64) *sim {
	return &sim{t: t, now: start, rng: rand.New(rand.NewPCG(seed, 7)), cables: map[string]*cable{}}
}

func (s *sim) cable(name string, kind link.Kind) *cable {
	c := &cable{name: name, kind: kind}
	s.cables[name] = c
	return c
}

// addRouter adds a router with ports on cables.
func (s *sim) addRouter(name string, cables []*cable, configs []router.PortConfig) *router.Machine {
	s.t.Helper()
	m := router.NewMachine(s.now, rand.New(rand.NewPCG(s.rng.Uint64(), 1)))
	st := &station{name: name, m: m}
	s.stations = append(s.stations, st)
	for i, c := range cables {
		st.plug(c, byte(len(s.stations)))
		if err := m.AddPort(s.now, i, c.kind, st.hw[i], configs[i]); err != nil {
			s.t.Fatal(err)
		}
	}
	return m
}

func (st *station) plug(c *cable, number byte) {
	var hw link.Hardware
	if c.kind == link.EtherTalk {
		hw = link.Hardware{2, 0, 0, 0, number, byte(len(st.cables))}
	}
	st.cables, st.hw = append(st.cables, c), append(st.hw, hw)
}

func (s *sim) addNode(name string, c *cable, settings node.Settings) *node.Machine {
	st := &station{name: name}
	s.stations = append(s.stations, st)
	st.plug(c, byte(len(s.stations)))
	m := node.NewMachine(s.now, c.kind, st.hw[0], settings, rand.New(rand.NewPCG(s.rng.Uint64(), 1)))
	st.m = m
	return m
}

func (s *sim) station(name string) *station {
	i := slices.IndexFunc(s.stations, func(st *station) bool { return st.name == name })
	if i < 0 {
		s.t.Fatalf("there is no %s", name)
	}
	return s.stations[i]
}

// remove takes a station off its cables: it is switched off.
func (s *sim) remove(name string) {
	s.station(name)
	s.stations = slices.DeleteFunc(s.stations, func(st *station) bool { return st.name == name })
}

// run lets a time pass.
func (s *sim) run(d time.Duration) { s.until(s.now.Add(d), func() bool { return false }) }

// until lets time pass until an end, or until something is so.
func (s *sim) until(end time.Time, ok func() bool) bool {
	for !ok() {
		next := end
		var due *station
		for _, st := range s.stations {
			if at := st.m.Next(); !at.IsZero() && at.Before(next) {
				next, due = at, st
			}
		}
		if len(s.queue) > 0 && !s.queue[0].at.After(next) {
			e := heap.Pop(&s.queue).(event)
			s.now = e.at
			if slices.Contains(s.stations, e.to) {
				s.do(e.to, func(out *link.Output) { e.to.m.Frame(s.now, e.port, e.b, out) })
			}
			continue
		}
		if due == nil {
			s.now = end
			return ok()
		}
		if next.After(s.now) {
			s.now = next
		}
		s.do(due, func(out *link.Output) { due.m.Tick(s.now, out) })
	}
	return true
}

// do lets a station do something and sends its frames.
func (s *sim) do(st *station, f func(*link.Output)) {
	var out link.Output
	f(&out)
	for i, b := range out.Frames() {
		s.write(st, st.cables[i], b)
	}
	for _, n := range out.Notes {
		s.note(st, &n)
	}
}

func (s *sim) note(st *station, n *link.Note) {
	var b strings.Builder
	fmt.Fprintf(&b, "%7.3f %s: ", s.now.Sub(start).Seconds(), st.name)
	if n.Level == link.Warning {
		b.WriteString("WARN ")
	}
	b.WriteString(n.Text)
	if n.Port >= 0 && len(st.cables) > 1 {
		fmt.Fprintf(&b, " port=%s", st.cables[n.Port].name)
	}
	for i := 0; i+1 < len(n.Args); i += 2 {
		fmt.Fprintf(&b, " %v=%v", n.Args[i], n.Args[i+1])
	}
	s.notes = append(s.notes, b.String())
}

// write lets all other stations of a cable have a frame, some time later, as often as the cable's disturbance says.
func (s *sim) write(from *station, c *cable, b []byte) {
	if s.trace {
		s.notes = append(s.notes, fmt.Sprintf("%7.3f %s > %s: %s", s.now.Sub(start).Seconds(), from.name, c.name, describe(c.kind, b)))
	}
	if c.cut {
		return
	}
	for _, st := range s.stations {
		for i, on := range st.cables {
			if on != c || st == from {
				continue
			}
			copies := 1
			switch p := s.rng.IntN(100); {
			case p < c.lose:
				copies = 0
			case p < c.lose+c.double:
				copies = 2
			}
			for j := range copies {
				s.seq++
				heap.Push(&s.queue, event{s.now.Add(latency + time.Duration(j)*latency), s.seq, st, i, slices.Clone(b)})
			}
		}
	}
}

// describe writes a frame in the notation of its protocols.
func describe(kind link.Kind, b []byte) string {
	if kind == link.EtherTalk {
		f, err := elap.Parse(b)
		if err != nil {
			return err.Error()
		}
		return f.String()
	}
	return fmt.Sprintf("% x", b)
}

// inject lets all stations of a cable have a frame of nobody's.
func (s *sim) inject(c *cable, b []byte) { s.write(&station{name: "stranger"}, c, b) }

// routerOf is a station's router.
func (s *sim) routerOf(name string) *router.Machine {
	m, ok := s.station(name).m.(*router.Machine)
	if !ok {
		s.t.Fatalf("%s is no router", name)
	}
	return m
}

func (s *sim) nodeOf(name string) *node.Machine {
	m, ok := s.station(name).m.(*node.Machine)
	if !ok {
		s.t.Fatalf("%s is no node", name)
	}
	return m
}

// call lets a node make a call, and time pass until it is over.
func (s *sim) call(name string, c node.Call) error {
	m, st := s.nodeOf(name), s.station(name)
	var err error
	s.do(st, func(out *link.Output) { err = m.Start(s.now, c, out) })
	if err != nil {
		return err
	}
	over := false
	s.until(s.now.Add(time.Minute), func() bool {
		over = over || slices.Contains(m.Done(), c)
		return over
	})
	if !over {
		return fmt.Errorf("no end after a minute")
	}
	return c.Err()
}

// dropped lists what a station has dropped, by cause.
func dropped(counts [port.Causes]uint64) string {
	var all []string
	for c, n := range counts {
		if n > 0 {
			all = append(all, fmt.Sprintf("%v=%d", port.Cause(c), n))
		}
	}
	return strings.Join(all, ", ")
}
