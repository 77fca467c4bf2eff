package router_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/router"
)

// net is a router between LocalTalk and EtherTalk with a node on each, as drivers on memory links.
type net struct {
	t            *testing.T
	home, office *memory.Cable
	r            *router.Router
	near, far    *node.Node
	log          bytes.Buffer
}

func newNet(t *testing.T) *net {
	n := &net{t: t, home: memory.NewCable(link.LocalTalk), office: memory.NewCable(link.EtherTalk)}
	n.r = router.New(router.Config{Seed: 1, Logger: slog.New(slog.NewTextHandler(&n.log, nil))})
	n.add(n.home, router.PortConfig{Range: one(1), Zones: []string{"Home"}})
	n.add(n.office, router.PortConfig{Range: ddp.Range{First: 3, Last: 5}, Zones: []string{"Office", "Third"}})
	time.Sleep(10 * time.Second)
	n.near = node.New(n.home.Attach(), node.Config{Seed: 2})
	n.far = node.New(n.office.Attach(), node.Config{Seed: 3, Settings: node.Settings{Zone: "third"}})
	for _, m := range []*node.Node{n.near, n.far} {
		if err := m.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *net) add(c *memory.Cable, config router.PortConfig) int {
	n.t.Helper()
	port, err := n.r.Add(c.Attach(), config)
	if err != nil {
		n.t.Fatal(err)
	}
	return port
}

func (n *net) close() {
	for _, c := range []interface{ Close() error }{n.near, n.far, n.r, n.r, n.near} {
		if err := c.Close(); err != nil {
			n.t.Error(err)
		}
	}
}

func want(t *testing.T, what string, got any, err error, want string) {
	t.Helper()
	if fmt.Sprint(got) != want || err != nil {
		t.Errorf("%s: %v, %v; want %s", what, got, err, want)
	}
}

// TestDrivers asks everything that a node can ask.
func TestDrivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNet(t)
		defer n.close()
		ctx := t.Context()
		zones, err := n.near.Zones(ctx)
		want(t, "zones", zones, err, "[Home Office Third]")
		zones, err = n.far.LocalZones(ctx)
		want(t, "local zones", zones, err, "[Office Third]")
		zone, err := n.near.MyZone(ctx)
		want(t, "my zone", zone, err, "Home")
		info, _, err := n.far.NetInfo(ctx, "OFFICE")
		want(t, "net info", info.Range, err, "3-5")
		if _, err = n.far.MyZone(ctx); err == nil {
			t.Error("GetMyZone on EtherTalk")
		}
		s, err := n.far.Open(0)
		want(t, "socket", s.Num() >= ddp.FirstDynamic, err, "true")
		name := nbp.Entity{Object: "Carol", Type: "Test", Zone: "*"}
		want(t, "register", "", n.far.Register(ctx, name, s), "")
		found, err := n.near.Lookup(ctx, nbp.Entity{Object: "=", Type: "test", Zone: "THIRD"})
		want(t, "lookup", found, err, fmt.Sprintf("[Carol:Test@third=%v:%d/0]", n.far.Status().Addr, s.Num()))
		confirmed, err := n.near.Confirm(ctx, nbp.Entity{Object: "Carol", Type: "Test", Zone: "Third"}, n.far.Status().Addr)
		want(t, "confirm", confirmed, err, fmt.Sprint(found))
		confirmed, err = n.near.Confirm(ctx, nbp.Entity{Object: "Carol", Type: "Test", Zone: "*"}, ddp.Addr{Net: 1, Node: 254})
		want(t, "confirm of what a node does not have", confirmed, err, "[]")
		took, err := n.near.Ping(ctx, n.far.Status().Addr, []byte("text"), time.Second)
		want(t, "ping", took < time.Second, err, "true")
		routes, err := n.near.Routes(ctx)
		want(t, "routes", routes.Tuples, err, "[1:0 3-5:0]")
		// Datagrams of the user's own.
		from, err := n.near.Open(200)
		want(t, "socket", from.Num(), err, "200")
		if _, err := n.near.Open(200); err == nil {
			t.Error("a socket is opened twice")
		}
		if err := from.Send(found[0].Addr, ddp.TypeADSP, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		d, err := s.Receive(ctx)
		want(t, "datagram", string(d.Data)+" "+d.Src.String(), err, "hello "+ddp.Socket{Addr: n.near.Status().Addr, Num: 200}.String())
		n.far.Unregister(name)
		found, err = n.near.Lookup(ctx, nbp.Entity{Object: "=", Type: "Test", Zone: "Third"})
		want(t, "lookup of what is gone", len(found), err, "0")
		if st := n.r.Status(); st.Forwarded == 0 || len(st.Ports) != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// TestEnds: what waits ends with its context, and with the node.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNet(t)
		defer n.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := n.near.Lookup(ctx, nbp.Entity{Object: "x", Type: "y", Zone: "*"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		s, err := n.near.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { _, err := s.Receive(t.Context()); ended <- err }()
		go func() { _, err := n.near.Ping(t.Context(), ddp.Addr{Net: 1, Node: 3}, nil, time.Hour); ended <- err }()
		synctest.Wait()
		n.near.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, node.ErrClosed) {
				t.Errorf("%v", err)
			}
		}
		if _, err := n.near.Zones(t.Context()); !errors.Is(err, node.ErrClosed) {
			t.Errorf("%v", err)
		}
		// A socket that is shut ends its reader.
		if s, err = n.far.Open(0); err != nil {
			t.Fatal(err)
		}
		go func() { _, err := s.Receive(t.Context()); ended <- err }()
		synctest.Wait()
		s.Close()
		if err := <-ended; !errors.Is(err, node.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// TestReconfigure renames a zone, and adds and removes a port, while the router runs.
func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNet(t)
		defer n.close()
		if err := n.r.Configure(1, router.PortConfig{Range: ddp.Range{First: 3, Last: 5}, Zones: []string{"Office", "Neu"}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if zone := n.far.Status().Zone; zone != "Neu" {
			t.Errorf("the node is in %s", zone)
		}
		attic := n.add(memory.NewCable(link.LocalTalk), router.PortConfig{Range: one(20), Zones: []string{"Attic"}})
		if _, err := n.r.Add(memory.NewCable(link.LocalTalk).Attach(), router.PortConfig{Range: ddp.Range{First: 20, Last: 21}}); err == nil {
			t.Error("two numbers on LocalTalk")
		}
		time.Sleep(10 * time.Second)
		zones, err := n.near.Zones(t.Context())
		want(t, "zones", zones, err, "[Home Office Neu Attic]")
		if err := n.r.Remove(attic); err != nil {
			t.Fatal(err)
		}
		zones, err = n.near.Zones(t.Context())
		want(t, "zones", zones, err, "[Home Office Neu]")
		for _, err := range []error{n.r.Remove(attic), n.r.Configure(attic, router.PortConfig{})} {
			if err == nil {
				t.Error("a port that is gone")
			}
		}
		n.r.Close()
		if _, err := n.r.Add(memory.NewCable(link.LocalTalk).Attach(), router.PortConfig{}); !errors.Is(err, router.ErrClosed) {
			t.Errorf("%v", err)
		}
		if !strings.Contains(n.log.String(), `msg="port up" link=memory://1 address=1.254 range=1 seed=true zones=[Home]`) {
			t.Errorf("log:\n%s", n.log.String())
		}
	})
}

// TestForwardingAllocates nothing: LocalTalk to LocalTalk, and both ways to EtherTalk, once the address is known.
func TestForwardingAllocates(t *testing.T) {
	s := newSim(t, 1)
	a, b := s.cable("a", link.LocalTalk), s.cable("b", link.LocalTalk)
	m := s.addRouter("r", []*cable{a, b}, []router.PortConfig{{Range: one(1), Zones: []string{"A"}}, {Range: one(2), Zones: []string{"B"}}})
	s.run(10 * time.Second)
	frame := octets(t, "fe 2a 02 00 13 28 81 00 02 00 01 0a 2a 04 81 04 01 68 65 6c 6c 6f")
	d := ddp.Datagram{Dst: ddp.Socket{Addr: ddp.Addr{Net: 2, Node: 10}, Num: 4}, Src: ddp.Socket{Addr: ddp.Addr{Net: 1, Node: 42}, Num: 129}, Type: ddp.TypeAEP,
		Data: []byte("\x01hello")}
	d.Checksum = d.Sum()
	frame, err := d.AppendLong(frame[:3])
	if err != nil {
		t.Fatal(err)
	}
	var out link.Output
	m.Frame(s.now, 0, frame, &out)
	for port, got := range out.Frames() {
		if want := "0a fe 02 00 13"; port != 1 || !strings.HasPrefix(fmt.Sprintf("% x", got), want) {
			t.Errorf("port %d: % x", port, got)
		}
	}
	if out.Len() != 1 {
		t.Fatalf("%d frames", out.Len())
	}
	if n := testing.AllocsPerRun(1000, func() {
		out.Reset()
		m.Frame(s.now, 0, frame, &out)
		m.Next()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
