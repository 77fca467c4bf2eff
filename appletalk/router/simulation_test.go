package router_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/router"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) uint64 {
	v := os.Getenv("TENUTO_SEEDS")
	if v == "" {
		return 100
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func one(n int) ddp.Range { return ddp.Range{First: uint16(n), Last: uint16(n)} }

// TestSimulation makes random networks that lose and double frames, breaks and mends them, and wants that all routers know all zones and
// the same networks in the end, and that nodes find all zones.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		s := newSim(t, seed)
		simulate(s)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// simulate makes a tree of cables, each joined to an earlier one by a router, and some routers more, which make loops.
func simulate(s *sim) {
	var cables []*cable
	var configs []router.PortConfig
	for i := range 3 + s.rng.IntN(4) {
		kind, c := link.LocalTalk, router.PortConfig{Range: one(10 * (i + 1)), Zones: []string{fmt.Sprint("Zone ", i)}}
		if s.rng.IntN(2) == 0 {
			kind = link.EtherTalk
			c.Range.Last += 4
			c.Zones = append(c.Zones, "Common", fmt.Sprint("Other ", i))
		}
		cables, configs = append(cables, s.cable(fmt.Sprint("c", i), kind)), append(configs, c)
	}
	join := func(name string, i, j int) {
		s.addRouter(name, []*cable{cables[i], cables[j]}, []router.PortConfig{configs[i], configs[j]})
	}
	for i := 1; i < len(cables); i++ {
		join(fmt.Sprint("r", i), i, s.rng.IntN(i))
	}
	for i := range s.rng.IntN(3) {
		j := 1 + s.rng.IntN(len(cables)-1)
		join(fmt.Sprint("x", i), j, s.rng.IntN(j))
	}
	for i, c := range cables {
		s.addNode(fmt.Sprint("n", i), c, node.Settings{})
		c.lose, c.double = s.rng.IntN(15), s.rng.IntN(15)
	}
	s.run(time.Minute)
	for range 3 {
		c := cables[s.rng.IntN(len(cables))]
		c.cut = true
		s.run(time.Duration(s.rng.IntN(200)) * time.Second)
		c.cut = false
		s.run(time.Duration(s.rng.IntN(60)) * time.Second)
	}
	for _, c := range cables {
		c.lose, c.double = 0, 0
	}
	s.run(5 * time.Minute)
	s.judge(configs)
}

// judge compares what routers and nodes know with what there is.
func (s *sim) judge(configs []router.PortConfig) {
	want := map[string]bool{}
	for _, c := range configs {
		for _, z := range c.Zones {
			want[z] = true
		}
	}
	for _, st := range s.stations {
		switch m := st.m.(type) {
		case *router.Machine:
			status := m.Snapshot()
			if len(status.Zones) != len(want) || len(status.Routes) != len(configs) {
				s.t.Errorf("%s knows %q and %d networks", st.name, status.Zones, len(status.Routes))
			}
			for i, r := range status.Routes {
				if r.State != "good" || r.Range != configs[i].Range || len(r.Zones) != len(configs[i].Zones) || int(r.Distance) > len(s.stations) {
					s.t.Errorf("%s: %+v, want %+v", st.name, r, configs[i])
				}
			}
		case *node.Machine:
			l := &node.List{Function: zip.FunctionGetZoneList}
			if err := s.call(st.name, l); err != nil || len(l.Zones()) != len(want) {
				s.t.Errorf("%s: %q, %v", st.name, l.Zones(), err)
			}
		}
	}
}

// TestConvergence has a line of 15 routers: what one end says is known at the other within as many periods of RTMP as there are
// routers between them, which is the book's bound.
func TestConvergence(t *testing.T) {
	const routers = 15
	for seed := range uint64(10) {
		s := newSim(t, seed)
		var cables []*cable
		for i := range routers + 1 {
			cables = append(cables, s.cable(fmt.Sprint("c", i), link.LocalTalk))
		}
		for i := range routers {
			// Each router starts at a time of its own, the first one last of all.
			config := func(j int) router.PortConfig {
				return router.PortConfig{Range: one(j + 1), Zones: []string{fmt.Sprint("Zone ", j)}}
			}
			s.addRouter(fmt.Sprint("r", i), cables[i:i+2], []router.PortConfig{config(i), config(i + 1)})
			s.run(time.Duration(s.rng.Int64N(int64(rtmp.SendTime))))
		}
		s.run(10 * time.Minute)
		last := s.routerOf(fmt.Sprint("r", routers-1))
		first := last.Snapshot().Routes
		if len(first) != routers+1 || first[0].Distance != routers-1 {
			t.Fatalf("seed %d: %+v", seed, first)
		}
		// A cable more at one end.
		extra := s.cable("extra", link.LocalTalk)
		s.addRouter("new", []*cable{extra, cables[0]}, []router.PortConfig{{Range: one(100), Zones: []string{"New"}}, {}})
		if !s.until(s.now.Add(time.Minute), func() bool { return s.routerOf("new").Snapshot().Ports[0].State == router.Up }) {
			t.Fatal("the new cable's port is not up")
		}
		began := s.now
		known := func() bool {
			routes := last.Snapshot().Routes
			return len(routes) == routers+2 && len(routes[routers+1].Zones) == 1
		}
		if !s.until(s.now.Add(10*time.Minute), known) {
			t.Fatalf("seed %d: %+v", seed, last.Snapshot().Routes)
		}
		took := s.now.Sub(began)
		if took > (routers+1)*rtmp.SendTime {
			t.Errorf("seed %d: %v", seed, took)
		}
		t.Logf("seed %d: %.1f periods", seed, took.Seconds()/rtmp.SendTime.Seconds())
	}
}

// FuzzFrames feeds a router and a node frames as a cable may have them, with time between them: they do not panic, and go on.
func FuzzFrames(f *testing.F) {
	for _, frame := range []string{
		"fe 2a 01 00 0d 06 82 03 40 01 12 34 08 00 00 01", "ff 2a 01 00 06 01 01 05 01", "fe 2a 01 00 0b 06 81 06 01 02 00 01 00 03",
		"ff 05 01 00 12 01 01 01 00 01 08 05 00 00 82 00 0c 80 00 0d 82", "fe 05 01 00 0e 06 06 06 02 01 00 0c 04 45 76 6c 6c",
		"fe 2a 01 00 12 02 85 02 11 07 00 01 2a 85 00 01 3d 01 3d 01 2a", "ff 2a 01 00 0c 06 81 06 05 00 00 00 00 00 00",
		"ff 05 01 00 16 06 06 06 07 00 00 00 00 00 05 48 6f 75 73 65 00 03 45 76 6c", "fe 2a 02 00 0e 00 00 00 0b 00 01 0a 2a 04 81 04 01",
	} {
		f.Add(octets(f, frame), octets(f, frame), byte(0))
	}
	ether := "09 00 07 ff ff ff 08 00 07 01 02 03 00 20 aa aa 03 08 00 07 80 9b 00 18 b2 15 00 00 00 04 ff 4d 06 81 06 05 00 00 00 00 00 04 43 41 46 83"
	f.Add(octets(f, ether), octets(f, ether), byte(1))
	f.Fuzz(func(t *testing.T, a, b []byte, wait byte) {
		s := newSim(t, 1)
		home, office := s.cable("home", link.LocalTalk), s.cable("office", link.EtherTalk)
		s.addRouter("r", []*cable{home, office}, []router.PortConfig{{Range: one(1), Zones: []string{"Home"}}, {}})
		s.addRouter("q", []*cable{home, office}, []router.PortConfig{{}, {Range: ddp.Range{First: 3, Last: 5}, Zones: []string{"Office", "Caf\x8e"}}})
		s.addNode("n", home, node.Settings{})
		s.addNode("m", office, node.Settings{})
		for _, frame := range [][]byte{a, b, a} {
			if len(frame) > link.MaxFrame {
				return
			}
			s.run(time.Duration(wait) * time.Second / 4)
			for _, name := range []string{"n", "m"} {
				// Calls that wait for answers, if the node is ready.
				for _, c := range []node.Call{&node.List{Function: zip.FunctionGetZoneList}, &node.Lookup{Entity: nbp.Entity{Object: "=", Type: "=", Zone: "*"}},
					&node.NetInfo{}, &node.Routes{}, &node.Echo{To: ddp.Addr{Net: 1, Node: 9}, Wait: time.Second}} {
					s.do(s.station(name), func(out *link.Output) { s.nodeOf(name).Start(s.now, c, out) })
				}
			}
			s.inject(home, frame)
			s.inject(office, frame)
		}
		s.run(30 * time.Second)
		for _, st := range s.stations {
			if m, ok := st.m.(*router.Machine); ok {
				m.Snapshot()
			}
		}
	})
}
