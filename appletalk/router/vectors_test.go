package router_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/router"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

// listener hears what is on a cable.
type listener struct {
	*sim
	c *cable
}

// say lets a stranger say something, and wants what is said to it, in any order.
func (l listener) say(name, frame string, want ...string) {
	l.t.Helper()
	l.notes, l.trace = nil, true
	l.inject(l.c, octets(l.t, frame))
	l.run(3 * latency)
	l.wanted(name, want)
}

// wanted compares what was sent on the cable since.
func (l listener) wanted(name string, want []string) {
	l.t.Helper()
	var got []string
	for _, note := range l.notes {
		if _, frame, ok := strings.Cut(note, " > "+l.c.name+": "); ok && !strings.Contains(note, "stranger") {
			got = append(got, frame)
		}
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		l.t.Errorf("%s: sent\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	ltoudp    = "0e 4c 54 6f 55 44 50 20 4e 65 74 77 6f 72 6b"
	ethertalk = "11 45 74 68 65 72 54 61 6c 6b 20 4e 65 74 77 6f 72 6b"
)

// captured is a network as tashrouter had it: net 1 on LocalTalk, 3-5 on EtherTalk.
func captured(t *testing.T) (listener, *router.Machine) {
	s := newSim(t, 1)
	home, ether := s.cable("home", link.LocalTalk), s.cable("ether", link.EtherTalk)
	m := s.addRouter("r", []*cable{home, ether}, []router.PortConfig{
		{Range: ddp.Range{First: 1, Last: 1}, Zones: []string{"LToUDP Network"}},
		{Range: ddp.Range{First: 3, Last: 5}, Zones: []string{"EtherTalk Network", "Caf\x8e", "Third"}, Hint: ddp.Addr{Net: 4, Node: 236}},
	})
	s.run(12e9)
	return listener{s, home}, m
}

// TestVectors has what was captured between a node and tashrouter, byte for byte: requests, and what our router answers. Where tashrouter
// answers an extended reply, ours answers a plain one while it has room; both are the book's.
func TestVectors(t *testing.T) {
	l, _ := captured(t)
	const all = ltoudp + " " + ethertalk + " 04 43 61 66 8e 05 54 68 69 72 64"
	for _, tt := range []struct{ name, say, want string }{
		{"L1, L2", "fe fe 81", "fe fe 82"},
		{"D1, D5", "fe 2a 01 00 0b 04 84 04 01 68 65 6c 6c 6f", "2a fe 01 00 0b 84 04 04 02 68 65 6c 6c 6f"},
		{"D6", "fe 2a 02 00 12 0f df 00 03 00 01 00 2a 04 84 04 01 6c 6f 6e 67", "2a fe 01 00 0a 84 04 04 02 6c 6f 6e 67"},
		{"R1, R2", "ff 2a 01 00 06 01 01 05 01", "2a fe 01 00 09 01 01 01 00 01 08 fe"},
		{"R3", "ff 2a 01 00 06 01 c8 05 02", "2a fe 01 00 12 c8 01 01 00 01 08 fe 00 00 82 00 03 80 00 05 82"},
		{"R4", "fe 2a 01 00 06 01 c8 05 03", "2a fe 01 00 15 c8 01 01 00 01 08 fe 00 00 82 00 01 00 00 03 80 00 05 82"},
		{"Z1, Z2", "ff 2a 01 00 0c 06 81 06 05 00 00 00 00 00 00", "2a fe 01 00 1c 81 06 06 06 e0 00 01 00 01 00 00 " + ltoudp},
		{"Z3", "ff 2a 01 00 1a 06 81 06 05 00 00 00 00 00 0e 6c 74 6f 75 64 70 20 6e 65 74 77 6f 72 6b",
			"2a fe 01 00 1b 81 06 06 06 60 00 01 00 01 0e 6c 74 6f 75 64 70 20 6e 65 74 77 6f 72 6b 00"},
		{"Z9", "fe 2a 01 00 0b 06 81 06 01 02 00 01 00 03", "2a fe 01 00 3b 81 06 06 02 04 00 01 " + ltoudp +
			" 00 03 " + ethertalk + " 00 03 04 43 61 66 8e 00 03 05 54 68 69 72 64"},
		{"Z11", "fe 2a 01 00 09 06 81 06 01 01 00 04", "2a fe 01 00 2a 81 06 06 02 03 00 03 " + ethertalk + " 00 03 04 43 61 66 8e 00 03 05 54 68 69 72 64"},
		{"Z12", "fe 2a 01 00 09 06 81 06 01 01 00 63", ""},
		{"A1, A2", "fe 2a 01 00 0d 06 82 03 40 01 12 34 08 00 00 01", "2a fe 01 00 39 82 06 03 90 00 12 34 01 00 00 04 " + all},
		{"A3", "fe 2a 01 00 0d 06 82 03 40 01 12 35 08 00 00 03", "2a fe 01 00 18 82 06 03 90 00 12 35 01 00 00 02 04 43 61 66 8e 05 54 68 69 72 64"},
		{"A4", "fe 2a 01 00 0d 06 82 03 40 01 12 36 08 00 00 63", "2a fe 01 00 0d 82 06 03 90 00 12 36 01 00 00 00"},
		{"A5", "fe 2a 01 00 0d 06 82 03 40 01 12 37 09 00 00 01", "2a fe 01 00 1c 82 06 03 90 00 12 37 01 00 00 01 " + ltoudp},
		{"A6", "fe 2a 01 00 0d 06 82 03 40 01 12 38 07 00 00 00", "2a fe 01 00 1c 82 06 03 90 00 12 38 00 00 00 01 " + ltoudp},
		{"A7: as jrouter has it", "fe 2a 01 00 0d 06 82 03 60 01 12 39 07 00 00 00", "2a fe 01 00 1c 82 06 03 90 00 12 39 00 00 00 01 " + ltoudp},
		{"N1, N2: with the long header", "fe 2a 01 00 12 02 85 02 11 07 00 01 2a 85 00 01 3d 01 3d 01 2a",
			"ff fe 02 00 27 00 00 00 01 00 01 ff fe 02 02 02 21 07 00 01 2a 85 00 01 3d 01 3d " + ltoudp},
	} {
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		l.say(tt.name, tt.say, want...)
	}
	// R5: what is sent each ten seconds.
	l.notes = nil
	l.run(10e9)
	l.wanted("R5", []string{"ff fe 01 00 12 01 01 01 00 01 08 fe 00 00 82 00 03 80 00 05 82"})
}

// TestConversation has the captured conversation of two routers, with ours in the place of each. What ours sends beyond it are
// requests for the network number.
func TestConversation(t *testing.T) {
	s := newSim(t, 1)
	l := listener{s, s.cable("home", link.LocalTalk)}
	s.trace = true
	m := s.addRouter("r", []*cable{l.c}, []router.PortConfig{{}})
	// Our router wants 254, which the other one has, and takes another one.
	s.run(300e6)
	s.inject(l.c, octets(t, "fe fe 82"))
	s.run(5e9)
	node := m.Snapshot().Ports[0].Addr.Node
	own := func(frame string) string { return strings.ReplaceAll(frame, "XX", fmt.Sprintf("%02x", node)) }
	want := []string{"fe fe 81", "fe fe 81"}
	for range 8 {
		want = append(want, own("XX XX 81"))
	}
	request := own("ff XX 01 00 06 01 01 05 01")
	l.wanted("address", append(want, request, request, request))
	l.say("RTMP Data: a query", "ff fe 01 00 0f 01 01 01 00 01 08 fe 00 00 82 00 01 00", own("ff XX 01 00 09 06 06 06 01 01 00 01"))
	l.say("ZIP Reply: RTMP Data", own("XX fe 01 00 18 06 06 06 02 01 00 01 ")+ltoudp, own("ff XX 01 00 0c 01 01 01 00 01 08 XX 00 00 82"))
	if p := m.Snapshot().Ports[0]; p.State != router.Up || p.Seed || fmt.Sprint(p.Zones) != "[LToUDP Network]" {
		t.Errorf("%+v", p)
	}
	// Our router in the place of the one that learns of 3-5.
	l.say("RTMP Data: a query to the next router", "ff fe 01 00 12 01 01 01 00 01 08 fe 00 00 82 00 03 80 00 05 82", own("fe XX 01 00 09 06 06 06 01 01 00 03"))
	l.say("Extended Reply", own("XX fe 01 00 2a 06 06 06 08 03 00 03 ")+ethertalk+" 00 03 04 43 61 66 8e 00 03 05 54 68 69 72 64")
	if r := m.Snapshot().Routes[1]; r.Range.String() != "3-5" || r.Next.String() != "1.254" || fmt.Sprint(r.Zones) != "[EtherTalk Network Café Third]" {
		t.Errorf("%+v", r)
	}
	// And in the place of the one that tells: the query of the capture, answered with a plain reply.
	l, _ = captured(t)
	l.say("ZIP Query", "fe 5d 01 00 09 06 06 06 01 01 00 03",
		"5d fe 01 00 2a 06 06 06 02 03 00 03 "+ethertalk+" 00 03 04 43 61 66 8e 00 03 05 54 68 69 72 64")
}

// TestForeignNetInfo has the captured frames of GetNetInfo on EtherTalk: an answer to the address where that can be, and a broadcast one for
// a node with an address of another network (vector Z8).
func TestForeignNetInfo(t *testing.T) {
	l, _ := captured(t)
	const own = "02 00 00 00 01 01"
	ask := func(net, zone string) (answers []string) {
		length := 13 + 7 + len(octets(t, zone))
		frame := fmt.Sprintf("09 00 07 ff ff ff 08 00 07 01 02 03 00 %02x aa aa 03 08 00 07 80 9b 00 %02x 00 00 00 00 %s ff 4d 06 81 06 05 00 00 00 00 00 %02x %s",
			length+8, length, net, len(octets(t, zone)), zone)
		b := octets(t, frame)
		b = append(b, make([]byte, max(0, 60-len(b)))...)
		var out link.Output
		l.station("r").m.Frame(l.now, 1, b, &out)
		for _, f := range out.Frames() {
			answers = append(answers, fmt.Sprintf("% x", f))
		}
		return answers
	}
	// From network 999: by broadcast to the socket.
	got := ask("03 e7", "54 68 69 72 64")
	want := "09 00 07 ff ff ff " + own + " 00 28 aa aa 03 08 00 07 80 9b 00 20 00 00 00 00 00 04 ff ec 81 06 06 " +
		"06 00 00 03 00 05 05 54 68 69 72 64 06 09 00 07 00 00 51 00 00 00 00 00 00"
	if len(got) != 1 || got[0] != want {
		t.Errorf("answered\n%q\nwant\n%q", got, want)
	}
	// From 4.77: its hardware address is asked for first.
	got = ask("00 04", "43 41 46 83")
	if len(got) != 1 || !strings.Contains(got[0], "00 00 00 80 f3") {
		t.Errorf("answered %q", got)
	}
	response := octets(t, own+" 08 00 07 01 02 03 00 24 aa aa 03 00 00 00 80 f3 00 01 80 9b 06 04 00 02 08 00 07 01 02 03 00 00 04 4d "+own+" 00 00 04 ec")
	var out link.Output
	l.station("r").m.Frame(l.now, 1, append(response, make([]byte, 10)...), &out)
	want = "08 00 07 01 02 03 " + own + " 00 27 aa aa 03 08 00 07 80 9b 00 1f 00 00 00 04 00 04 4d ec 81 06 06 " +
		"06 00 00 03 00 05 04 43 41 46 83 06 09 00 07 00 00 6e 00 00 00 00 00 00 00"
	for _, f := range out.Frames() {
		if got := fmt.Sprintf("% x", f); got != want {
			t.Errorf("answered\n%s\nwant\n%s", got, want)
		}
	}
	if out.Len() != 1 {
		t.Errorf("%d frames", out.Len())
	}
}
