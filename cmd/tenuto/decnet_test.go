package main

import (
	"testing"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/node"
)

// The nodes of examples/decnet are understood, and can be each other's neighbours.
func TestDecnetExamples(t *testing.T) {
	addresses := map[string]decnet.Addr{"alpha": decnet.NewAddr(1, 1), "beta": decnet.NewAddr(1, 2)}
	for name, want := range addresses {
		f, err := readDecnet("../../examples/decnet/" + name + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Circuits { // on a port of the test's own
			if c := &f.Circuits[i]; c.Listen != "" {
				c.Listen = "127.0.0.1:0"
			}
		}
		n, err := f.node(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if n.Addr() != want {
			t.Errorf("%s is %v", name, n.Addr())
		}
		for other, a := range addresses {
			if got, err := n.Resolve(other); err != nil || got != a {
				t.Errorf("%s takes %s for %v, %v", name, other, got, err)
			}
		}
	}
}

// Names of counters are what docs/decnet.md promises.
func TestCountersOf(t *testing.T) {
	got := countersOf(node.Info{}.Counters)
	for _, name := range []string{"received", "sent", "malformed", "retransmissions", "no_resources", "gave_up", "flow_violations"} {
		if _, ok := got[name]; !ok {
			t.Errorf("there is no %s among %v", name, got)
		}
	}
}
