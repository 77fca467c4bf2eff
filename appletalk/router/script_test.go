package router_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/router"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// TestScripts runs testdata/*.txt: whole networks in simulated time. What is printed are the notes that machines made while time passed,
// with the second since the start, and what was asked for. go test -rewrite makes the outputs anew.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") || strings.Contains(path, "peers") {
			return
		}
		s := &script{sim: newSim(t, 1)}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.notes = t, nil
			s.out.Reset()
			s.command(d)
			text := strings.Join(append(s.notes, s.out.String()), "\n")
			if text = strings.Trim(text, "\n"); text == "" {
				return "ok"
			}
			return text
		})
	})
}

type script struct {
	*sim
	out strings.Builder
}

func (s *script) printf(f string, a ...any) { fmt.Fprintf(&s.out, f+"\n", a...) }

// arg is an argument NAME=VALUE.
func arg(d *datadriven.TestData, name string) string {
	for _, a := range d.CmdArgs {
		if a.Key == name && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return ""
}

func encode(t testing.TB, text string) string {
	t.Helper()
	name, err := macroman.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (s *script) command(d *datadriven.TestData) {
	var first string
	if len(d.CmdArgs) > 0 {
		first = d.CmdArgs[0].Key
	}
	switch d.Cmd {
	case "cable": // cable NAME localtalk|ethertalk
		kind := link.LocalTalk
		if d.CmdArgs[1].Key == "ethertalk" {
			kind = link.EtherTalk
		}
		s.cable(first, kind)
	case "router": // router NAME, and lines of a cable, a range or -, and zones set apart by commas
		s.makeRouter(first, d.Input)
	case "node": // node NAME CABLE [zone=ZONE] [hint=ADDRESS]
		settings := node.Settings{Zone: encode(s.t, arg(d, "zone"))}
		if hint := arg(d, "hint"); hint != "" {
			settings.Hint = s.addr(hint)
		}
		s.addNode(first, s.cables[d.CmdArgs[1].Key], settings)
	case "run": // run TIME
		s.run(s.duration(first))
	case "off": // off NAME: without a word
		s.remove(first)
	case "close": // close ROUTER: in order
		s.do(s.station(first), func(out *link.Output) { s.routerOf(first).Close(s.now, out) })
		s.remove(first)
	case "disturb": // disturb CABLE [lose=PERCENT] [double=PERCENT] [cut]
		c := s.cables[first]
		c.lose, c.double, c.cut = 0, 0, d.HasArg("cut")
		d.MaybeScanArgs(s.t.(*testing.T), "lose", &c.lose)
		d.MaybeScanArgs(s.t.(*testing.T), "double", &c.double)
	case "inject": // inject CABLE, and frames in hexadecimal, one a line
		for line := range strings.Lines(d.Input) {
			b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
			if err != nil {
				s.t.Fatal(err)
			}
			s.inject(s.cables[first], b)
		}
		s.run(2 * latency)
	case "trace": // trace on|off
		s.trace = first == "on"
	case "rename": // rename ROUTER CABLE, and OLD > NEW
		s.rename(first, d)
	case "configure": // configure ROUTER, and a line as of router
		s.configure(first, d)
	default:
		s.show(d, first)
	}
}

func (s *script) duration(text string) time.Duration {
	v, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *script) addr(text string) ddp.Addr {
	a, err := ddp.ParseAddr(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *script) config(network, zones string) (c router.PortConfig) {
	if network == "-" {
		return c
	}
	var err error
	if c.Range, err = ddp.ParseRange(network); err != nil {
		s.t.Fatal(err)
	}
	for z := range strings.SplitSeq(zones, ",") {
		c.Zones = append(c.Zones, encode(s.t, z))
	}
	return c
}

func (s *script) makeRouter(name, input string) {
	var cables []*cable
	var configs []router.PortConfig
	for line := range strings.Lines(input) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		cables = append(cables, s.cables[f[0]])
		configs = append(configs, s.config(f[1], strings.Join(f[2:], "")))
	}
	s.addRouter(name, cables, configs)
}

// portOn is the index of a station's port on a cable.
func (s *script) portOn(st *station, cable string) int {
	for i, c := range st.cables {
		if c.name == cable {
			return i
		}
	}
	s.t.Fatalf("%s is not on %s", st.name, cable)
	return 0
}

func (s *script) rename(name string, d *datadriven.TestData) {
	st := s.station(name)
	old, renamed, _ := strings.Cut(d.Input, " > ")
	s.do(st, func(out *link.Output) {
		if !s.routerOf(name).Rename(s.now, s.portOn(st, d.CmdArgs[1].Key), encode(s.t, old), encode(s.t, renamed), out) {
			s.printf("not renamed")
		}
	})
}

func (s *script) configure(name string, d *datadriven.TestData) {
	st := s.station(name)
	s.do(st, func(out *link.Output) {
		f := strings.SplitN(d.Input, " ", 3)
		c := s.config(f[1], strings.Join(f[2:], ""))
		if err := s.routerOf(name).Configure(s.now, s.portOn(st, f[0]), c, out); err != nil {
			s.printf("%v", err)
		}
	})
}

// show is the commands that ask.
func (s *script) show(d *datadriven.TestData, name string) {
	began := s.now
	switch d.Cmd {
	case "ports": // ports ROUTER
		for _, p := range s.routerOf(name).Snapshot().Ports {
			s.printf("%s %v %v %v seed=%v zones=%s %s", s.station(name).cables[p.Index].name, p.State, p.Addr, p.Range, p.Seed, strings.Join(p.Zones, ","), p.Conflict)
		}
	case "routes": // routes ROUTER
		for _, r := range s.routerOf(name).Snapshot().Routes {
			s.printf("%v distance=%d %s %s via %v zones=%s", r.Range, r.Distance, r.State, s.station(name).cables[r.Port].name, r.Next, strings.Join(r.Zones, ","))
		}
	case "zones-of": // zones-of ROUTER
		s.printf("%s", strings.Join(s.routerOf(name).Snapshot().Zones, ","))
	case "counters": // counters NAME
		if m, ok := s.station(name).m.(*node.Machine); ok {
			s.printf("%s", dropped(m.Counts))
			return
		}
		for _, p := range s.routerOf(name).Snapshot().Ports {
			s.printf("%s: %s", s.station(name).cables[p.Index].name, dropped(p.Dropped))
		}
	case "status": // status NODE
		n := s.nodeOf(name).Snapshot()
		s.printf("%v %v cable=%v router=%v zone=%s", n.State, n.Addr, n.Cable.Range, n.Cable.Router, macroman.Decode(n.Zone))
	case "zones": // zones NODE [local|my]
		l := &node.List{Function: zip.FunctionGetZoneList}
		if d.HasArg("local") {
			l.Function = zip.FunctionGetLocalZones
		}
		if d.HasArg("my") {
			l.Function = zip.FunctionGetMyZone
		}
		err := s.call(name, l)
		s.answer(began, macroman.Decode(strings.Join(l.Zones(), ",")), err)
	case "netinfo": // netinfo NODE [zone=ZONE]
		n := &node.NetInfo{Zone: encode(s.t, arg(d, "zone"))}
		err := s.call(name, n)
		s.answer(began, fmt.Sprintf("%v from %v", n.Info, n.From), err)
	case "lookup": // lookup NODE, and a name
		l := &node.Lookup{Entity: s.entity(d.Input)}
		err := s.call(name, l)
		s.answer(began, strings.Trim(fmt.Sprint(l.Found()), "[]"), err)
	case "register": // register NODE, and a name
		r := &node.Register{Lookup: node.Lookup{Entity: s.entity(d.Input)}, Socket: 200}
		s.answer(began, "registered", s.call(name, r))
	case "ping": // ping NODE ADDRESS
		e := &node.Echo{To: s.addr(d.CmdArgs[1].Key), Data: []byte("text"), Wait: 2 * time.Second}
		s.answer(began, "answered", s.call(name, e))
	case "rdr": // rdr NODE
		r := &node.Routes{}
		err := s.call(name, r)
		s.answer(began, r.Data.String(), err)
	default:
		d.Fatalf(s.t, "no command %s", d.Cmd)
	}
}

func (s *script) entity(text string) nbp.Entity {
	e, err := nbp.ParseEntity(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *script) answer(began time.Time, text string, err error) {
	if err != nil {
		text = err.Error()
	}
	s.printf("%s (after %v)", text, s.now.Sub(began))
}
