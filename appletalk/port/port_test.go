package port

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/aarp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
)

var (
	start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	own   = link.Hardware{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}
	other = link.Hardware{0x08, 0x00, 0x07, 0x01, 0x02, 0x03}
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

// frames are what an output has, in hexadecimal; it is empty then.
func frames(out *link.Output) string {
	var all []string
	for _, b := range out.Frames() {
		all = append(all, fmt.Sprintf("% x", b))
	}
	out.Reset()
	return strings.Join(all, "\n")
}

// ready makes a port with an address: 254 on LocalTalk, 4.236 on EtherTalk.
func ready(t testing.TB, kind link.Kind) (*Port, *link.Output) {
	t.Helper()
	p, out := New(Config{Kind: kind, Hardware: own, Server: true, Rand: rand.New(rand.NewPCG(1, 2))}), &link.Output{}
	p.Acquire(start, ddp.Range{First: 3, Last: 5}, ddp.Addr{Net: 4, Node: 236})
	if kind == link.LocalTalk {
		p.Acquire(start, ddp.Range{}, ddp.Addr{})
		p.Net = 1
	}
	for !p.Ready() {
		p.Tick(p.Next(), out)
	}
	out.Reset()
	return p, out
}

func socket(net uint16, node, num uint8) ddp.Socket {
	return ddp.Socket{Addr: ddp.Addr{Net: net, Node: node}, Num: num}
}

func TestLocalTalk(t *testing.T) {
	p, out := ready(t, link.LocalTalk)
	p.Receive(start, octets(t, "fe fe 81"), out)
	if got := frames(out); got != "fe fe 82" {
		t.Errorf("an ENQ is answered %s", got)
	}
	for _, tt := range []struct {
		name, hex string
		want      string
		short     bool
		toAll     bool
	}{
		{"directed", "fe 2a 01 00 0d 06 82 03 40 01 12 34 08 00 00 01", "DDP(0.42:130 to 0.254:6, ATP, hops=0, data=8)", true, false},
		{"broadcast", "ff 2a 01 00 06 01 01 05 01", "DDP(0.42:1 to 0.255:1, RTMP request, hops=0, data=1)", true, true},
		{"D6: long", "fe 2a 02 00 12 0f df 00 03 00 01 00 2a 04 84 04 01 6c 6f 6e 67", "DDP(1.42:132 to 3.0:4, AEP, hops=0, data=5)", false, false},
	} {
		r, ok := p.Receive(start, octets(t, tt.hex), out)
		if !ok || r.D.String() != tt.want || r.Short != tt.short || r.ToAll != tt.toAll {
			t.Errorf("%s: %v, %v", tt.name, &r.D, ok)
		}
	}
	for _, hex := range []string{"2b 2a 01 00 06 01 01 05 01", "fe 2a 84"} { // for others, and RTS
		if r, ok := p.Receive(start, octets(t, hex), out); ok {
			t.Errorf("%s: %v", hex, &r.D)
		}
	}
	if p.Counts != [Causes]uint64{} {
		t.Errorf("counted %v", p.Counts)
	}
	for _, tt := range []struct {
		d    ddp.Datagram
		to   Dest
		want string
	}{
		{ddp.Datagram{Dst: socket(1, 42, 132), Src: socket(1, 254, 4), Type: ddp.TypeAEP, Data: []byte("\x02hello")}, ToNode(ddp.Addr{Net: 1, Node: 42}),
			"2a fe 01 00 0b 84 04 04 02 68 65 6c 6c 6f"}, // D5
		{ddp.Datagram{Dst: socket(0, 255, 1), Src: socket(0, 254, 1), Type: ddp.TypeRTMPRequest, Data: []byte{1}}, ToAll(), "ff fe 01 00 06 01 01 05 01"},
		{ddp.Datagram{Dst: socket(3, 10, 4), Src: socket(1, 254, 4), Type: ddp.TypeAEP, Data: []byte{1}}, ToNode(ddp.Addr{Net: 1, Node: 9}),
			"09 fe 02 00 0e 00 00 00 03 00 01 0a fe 04 04 04 01"},
		{ddp.Datagram{Dst: socket(1, 42, 4), Src: socket(3, 10, 4), Type: ddp.TypeAEP, Data: []byte{1}, Hops: 1}, ToNode(ddp.Addr{Net: 1, Node: 42}),
			"2a fe 02 04 0e 00 00 00 01 00 03 2a 0a 04 04 04 01"},
		{ddp.Datagram{Dst: socket(0, 255, 2), Src: socket(1, 254, 2), Type: ddp.TypeNBP, Data: []byte{1}}, ToGroup(link.Hardware{9, 0, 7, 0, 0, 1}),
			"ff fe 01 00 06 02 02 02 01"},
	} {
		if p.Send(start, &tt.d, tt.to, out); frames(out) != tt.want {
			p.Send(start, &tt.d, tt.to, out)
			t.Errorf("%v: %s, want %s", &tt.d, frames(out), tt.want)
		}
	}
	d := ddp.Datagram{Dst: socket(1, 42, 4), Src: socket(1, 254, 4), Type: ddp.TypeAEP, Data: []byte{1}}
	if p.SendLong(start, &d, ToNode(d.Dst.Addr), out); frames(out) != "2a fe 02 00 0e 00 00 00 01 00 01 2a fe 04 04 04 01" {
		t.Error("SendLong")
	}
}

const arrived = "08 00 07 01 02 03 02 aa bb cc dd ee 00 27 aa aa 03 08 00 07 80 9b 00 1f 17 db 00 04 00 04 4d ec 81 06 06 " +
	"06 00 00 03 00 05 04 43 41 46 83 06 09 00 07 00 00 6e 00 00 00 00 00 00 00"

// TestEtherTalk sends the GetNetInfo Reply that was captured, for which the address is asked first, and hears what is for it.
func TestEtherTalk(t *testing.T) {
	p, out := ready(t, link.EtherTalk)
	d := ddp.Datagram{Dst: socket(4, 77, 129), Src: socket(4, 236, 6), Type: ddp.TypeZIP, Data: octets(t, "06 00 00 03 00 05 04 43 41 46 83 06 09 00 07 00 00 6e")}
	d.Checksum = d.Sum()
	p.Send(start, &d, ToNode(d.Dst.Addr), out)
	request := aarp.Packet{Function: aarp.Request, SrcHW: own, Src: ddp.Addr{Net: 4, Node: 236}, Dst: ddp.Addr{Net: 4, Node: 77}}
	want := fmt.Sprintf("% x", elap.Finish(request.Append(elap.Begin(nil, elap.Broadcast, own, elap.AARP)), 0))
	if got := frames(out); got != want {
		t.Fatalf("sent %s, want %s", got, want)
	}
	response := aarp.Packet{Function: aarp.Response, SrcHW: other, Src: ddp.Addr{Net: 4, Node: 77}, DstHW: own, Dst: ddp.Addr{Net: 4, Node: 236}}
	p.Receive(start, elap.Finish(response.Append(elap.Begin(nil, own, other, elap.AARP)), 0), out)
	if got := frames(out); got != arrived {
		t.Errorf("sent %s, want %s", got, arrived)
	}
	if p.Send(start, &d, ToNode(d.Dst.Addr), out); frames(out) != arrived {
		t.Error("the address is not remembered")
	}
	group := link.Hardware{9, 0, 7, 0, 0, 0x51}
	heard := func(to link.Hardware) bool {
		b, err := d.AppendLong(elap.Begin(nil, to, other, elap.Data))
		if err != nil {
			t.Fatal(err)
		}
		r, ok := p.Receive(start, elap.Finish(b, 0), out)
		if ok && r.ToAll != to.IsMulticast() {
			t.Errorf("to %v: %v", to, r.ToAll)
		}
		return ok
	}
	if !heard(own) || !heard(elap.Broadcast) || heard(other) || heard(group) {
		t.Error("whom it listens for")
	}
	p.Join(group, out)
	p.Join(group, out)
	p.Leave(group, out)
	if !heard(group) || len(out.Joins) != 1 || out.Joins[0].Address != group {
		t.Errorf("joined %v", out.Joins)
	}
	p.Leave(group, out)
	p.Leave(group, out)
	if heard(group) || len(out.Joins) != 2 || !out.Joins[1].Leave {
		t.Errorf("left %v", out.Joins)
	}
}

// TestFaults: what is wrong is counted by cause, and noted once for each cause and minute.
func TestFaults(t *testing.T) {
	local, out := ready(t, link.LocalTalk)
	notes := 0
	for range 10 {
		for _, hex := range []string{"fe", "fe 2a 03 00 05", "fe 2a 01 00 0c 06 82 03 40 01 12 34 08", "fe 2a 02 00 0e 12 34 00 03 00 04 0a 4d 04 81 04 01",
			"fe fe 01 00 06 01 01 05 01"} {
			if r, ok := local.Receive(start, octets(t, hex), out); ok {
				t.Errorf("%s: %v", hex, &r.D)
			}
		}
	}
	notes += len(out.Notes)
	for _, n := range out.Notes {
		if n.Text != "dropped" || n.Level != link.Warning || n.Args[0] != "cause" {
			t.Errorf("%v", n)
		}
	}
	local.Receive(start.Add(time.Minute), octets(t, "fe"), out)
	want := map[Cause]uint64{BadFrame: 21, BadDatagram: 10, BadChecksum: 10, AddressConflict: 10}
	for c := range Causes {
		if local.Counts[c] != want[c] {
			t.Errorf("%v: %d, want %d", c, local.Counts[c], want[c])
		}
	}
	if notes != 4 || len(out.Notes) != 5 {
		t.Errorf("%d notes, then %d", notes, len(out.Notes))
	}
	ether, out := ready(t, link.EtherTalk)
	stolen := aarp.Packet{Function: aarp.Response, SrcHW: other, Src: ether.Addr(), DstHW: own, Dst: ddp.Addr{Net: 4, Node: 1}}
	unasked := aarp.Packet{Function: aarp.Response, SrcHW: other, Src: ddp.Addr{Net: 4, Node: 9}, DstHW: own, Dst: ether.Addr()}
	for _, q := range []aarp.Packet{stolen, unasked} {
		ether.Receive(start, elap.Finish(q.Append(elap.Begin(nil, own, other, elap.AARP)), 0), out)
	}
	ether.Receive(start, elap.Finish(append(elap.Begin(nil, own, other, elap.AARP), 1, 2, 3), 0), out)
	ether.Receive(start, make([]byte, 60), out)
	d := ddp.Datagram{Dst: socket(4, 9, 4), Src: socket(4, 236, 4), Type: ddp.TypeAEP}
	ether.Send(start, &d, ToNode(d.Dst.Addr), out)
	for !ether.Next().IsZero() {
		ether.Tick(ether.Next(), out)
	}
	if ether.Counts[AddressConflict] != 1 || ether.Counts[Unasked] != 1 || ether.Counts[BadFrame] != 2 || ether.Counts[Unresolved] != 1 {
		t.Errorf("%v", ether.Counts)
	}
}

// TestFlood: floods of ENQ and of AARP probes are answered up to a rate.
func TestFlood(t *testing.T) {
	local, out := ready(t, link.LocalTalk)
	for range 1000 {
		local.Receive(start, octets(t, "fe fe 81"), out)
	}
	if out.Len() != maxAnswers || local.Counts[Flood] != 1000-maxAnswers {
		t.Errorf("%d answers, %d dropped", out.Len(), local.Counts[Flood])
	}
	local.Receive(start.Add(time.Second), octets(t, "fe fe 81"), out)
	if out.Len() != maxAnswers+1 {
		t.Error("no answer a second later")
	}
	ether, out := ready(t, link.EtherTalk)
	probe := aarp.Packet{Function: aarp.Probe, SrcHW: other, Src: ether.Addr(), Dst: ether.Addr()}
	frame := elap.Finish(probe.Append(elap.Begin(nil, elap.Broadcast, other, elap.AARP)), 0)
	for range 1000 {
		ether.Receive(start, frame, out)
	}
	if out.Len() != maxAnswers || ether.Counts[Flood] != 1000-maxAnswers || !ether.Ready() {
		t.Errorf("%d answers, %d dropped", out.Len(), ether.Counts[Flood])
	}
}

func TestNotReady(t *testing.T) {
	for _, kind := range []link.Kind{link.LocalTalk, link.EtherTalk} {
		p, out := New(Config{Kind: kind, Hardware: own, Rand: rand.New(rand.NewPCG(1, 2))}), &link.Output{}
		d := ddp.Datagram{Dst: socket(4, 9, 4), Src: socket(4, 236, 4), Type: ddp.TypeAEP}
		p.Send(start, &d, ToAll(), out)
		p.Receive(start, octets(t, "ff 2a 01 00 06 01 01 05 01"), out)
		if out.Len() != 0 || p.Counts[NotUp] != 1 {
			t.Errorf("%v: %d frames, %v", kind, out.Len(), p.Counts)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(octets(f, "fe 2a 01 00 0d 06 82 03 40 01 12 34 08 00 00 01"))
	f.Add(octets(f, "fe fe 81"))
	f.Add(octets(f, arrived))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []link.Kind{link.LocalTalk, link.EtherTalk} {
			p, out := ready(t, kind)
			r, ok := p.Receive(start, b, out)
			if !ok {
				continue
			}
			p.Send(start, &r.D, ToNode(r.D.Src.Addr), out)
			for _, frame := range out.Frames() {
				if len(frame) > link.MaxFrame {
					t.Fatalf("%d octets", len(frame))
				}
			}
		}
	})
}
