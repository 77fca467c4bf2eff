package main

import (
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/ltoudp"
)

// TestAtalkExample: the example of the router's file is right, and needs no privilege.
func TestAtalkExample(t *testing.T) {
	f, err := readRouterFile("../../examples/atalk/router.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range f.Ports {
		target, err := ltoudp.ParseURL(p.Link)
		if err != nil || target.Interface != "lo" {
			t.Errorf("%s leaves loopback: %v", p.Link, err)
		}
		if want := uint16(i + 1); p.config.Range != (ddp.Range{First: want, Last: want}) || !p.config.IsSeed() {
			t.Errorf("%s: %+v", p.Link, p.config)
		}
	}
	if got := f.Ports[1].config.Zones[0]; got != "Caf\x8e" {
		t.Errorf("the second zone is %q", got)
	}
}

// TestShown: names of others move no cursor.
func TestShown(t *testing.T) {
	a := &asker{}
	var b strings.Builder
	if err := a.print(&b, nil, [][]string{{"name", "address"}, {"a\x1b[2Jb\tc", "1.2"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "name      address\na\ufffd[2Jb\ufffdc  1.2\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
