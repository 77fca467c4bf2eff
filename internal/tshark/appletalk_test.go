package tshark

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/tenuto-session/tenuto/appletalk/aarp"
	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/elap"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
	"github.com/tenuto-session/tenuto/appletalk/nbp"
	"github.com/tenuto-session/tenuto/appletalk/rtmp"
	"github.com/tenuto-session/tenuto/appletalk/zip"
	"github.com/tenuto-session/tenuto/internal/pcaptest"
)

// linkTypeLocalTalk is that of captures of LLAP frames without the FCS.
const linkTypeLocalTalk = layers.LinkType(114)

// TestAppleTalk lets tshark look at what our routers and nodes said to others, and at what those said, and wants it to see in each packet
// what our codecs see, and nothing wrong.
func TestAppleTalk(t *testing.T) {
	need(t)
	t.Log(version(t))
	names, err := filepath.Glob("../../appletalk/router/testdata/peers/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no conversations")
	}
	seen := map[string]int{}
	for _, name := range names {
		for kind, frames := range conversation(t, name) {
			if len(frames) == 0 {
				continue
			}
			t.Run(fmt.Sprint(filepath.Base(name), " ", kind), func(t *testing.T) { compareFrames(t, kind, frames, seen) })
		}
	}
	// All that a router and a node say is among them.
	for _, what := range []string{"llap.type", "aarp.opcode", "ddp.type", "rtmp.function", "rtmp.tuple.dist", "zip.function", "zip.network", "zip.zone_name",
		"zip.default_zone", "zip.atp_function", "nbp.op", "nbp.object", "atp.tid"} {
		if seen[what] == 0 {
			t.Errorf("no packet has %s", what)
		}
	}
}

// conversation is the frames of a file, by kind of link.
func conversation(t *testing.T, name string) map[link.Kind][][]byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]link.Kind{}
	frames := map[link.Kind][][]byte{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case f == nil:
		case f[0] == "port":
			kinds[f[1]] = kindOf(f[2])
		case f[0] == "node":
			kinds["0"] = kindOf(f[1])
		case len(f) > 3 && (f[1] == "<" || f[1] == ">"):
			b, err := hex.DecodeString(strings.Join(f[3:], ""))
			if err != nil {
				t.Fatal(err)
			}
			frames[kinds[f[2]]] = append(frames[kinds[f[2]]], b)
		}
	}
	return frames
}

func kindOf(text string) link.Kind {
	if text == link.EtherTalk.String() {
		return link.EtherTalk
	}
	return link.LocalTalk
}

func compareFrames(t *testing.T, kind link.Kind, frames [][]byte, seen map[string]int) {
	linkType := layers.LinkTypeEthernet
	if kind == link.LocalTalk {
		linkType = linkTypeLocalTalk
	}
	f := pcaptest.NewLink(pcaptest.Pcapng, linkType)
	for _, b := range frames {
		f.Packet(b)
	}
	all := packets(t, write(t, f.Bytes()))
	if len(all) != len(frames) {
		t.Fatalf("%d packets of %d", len(all), len(frames))
	}
	for i := range all {
		want, fault := fields{}, isFault(kind, frames[i])
		for _, problem := range complaints(t, all[i:i+1]) {
			if !fault {
				t.Errorf("%s\n% x", problem, frames[i])
			}
		}
		want.frame(t, kind, frames[i])
		for _, name := range slices.Sorted(maps.Keys(want)) {
			var got []string
			for _, p := range all[i].Protocols {
				for _, g := range p.find(name) {
					got = append(got, g.Value)
				}
			}
			seen[name]++
			if !slices.Equal(got, want[name]) && !(fault && got == nil) {
				t.Errorf("packet %d: %s is %q, want %q\n% x", i+1, name, got, want[name], frames[i])
			}
		}
	}
}

// isFault reports whether a packet is one that tshark 4.0.17 calls malformed on LocalTalk, though it is what the book and all routers have: a
// request of RTMP, of one octet, of which it takes two; and the response of four octets, after which it wants more.
func isFault(kind link.Kind, b []byte) bool {
	if kind != link.LocalTalk || len(b) < 8 || llap.Type(b[2]) != llap.TypeShort {
		return false
	}
	t, data := ddp.Type(b[7]), b[8:]
	return t == ddp.TypeRTMPRequest && len(data) == 1 || t == ddp.TypeRTMP && len(data) == 4
}

// fields are what tshark is to have for a packet: names, and the values in hexadecimal.
type fields map[string][]string

func (w fields) add(name string, size int, v int) {
	w[name] = append(w[name], fmt.Sprintf("%0*x", 2*size, v))
}

// bits adds a part of an octet.
func (w fields) bits(name string, v int) { w[name] = append(w[name], fmt.Sprintf("%x", v)) }

// name adds a name with its length.
func (w fields) name(name, text string) {
	w[name] = append(w[name], fmt.Sprintf("%02x%x", len(text), text))
}

func (w fields) frame(t *testing.T, kind link.Kind, b []byte) {
	t.Helper()
	var d ddp.Datagram
	if kind == link.EtherTalk {
		f, err := elap.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if f.Protocol == elap.AARP {
			p, err := aarp.Parse(f.Payload)
			if err != nil {
				t.Fatal(err)
			}
			w.add("aarp.opcode", 2, int(p.Function))
			w["aarp.src.hw_mac"] = []string{fmt.Sprintf("%x", p.SrcHW[:])}
			w["aarp.dst.proto_id"] = []string{fmt.Sprintf("00%04x%02x", p.Dst.Net, p.Dst.Node)}
			return
		}
		if d, err = ddp.ParseLong(f.Payload); err != nil {
			t.Fatal(err)
		}
		w.long(&d)
	} else {
		f, err := llap.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		w.add("llap.dst", 1, int(f.Dst))
		w.add("llap.src", 1, int(f.Src))
		w.add("llap.type", 1, int(f.Type))
		switch f.Type {
		case llap.TypeShort:
			d, err = ddp.ParseShort(f.Data, f.Dst, f.Src)
		case llap.TypeLong:
			if d, err = ddp.ParseLong(f.Data); err == nil {
				w.long(&d)
			}
		default:
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.add("ddp.dst_socket", 1, int(d.Dst.Num))
	w.add("ddp.src_socket", 1, int(d.Src.Num))
	w.add("ddp.type", 1, int(d.Type))
	if err := w.protocol(&d); err != nil {
		t.Fatal(err)
	}
}

func (w fields) long(d *ddp.Datagram) {
	w.add("ddp.dst.net", 2, int(d.Dst.Net))
	w.add("ddp.src.net", 2, int(d.Src.Net))
	w.add("ddp.dst.node", 1, int(d.Dst.Node))
	w.add("ddp.src.node", 1, int(d.Src.Node))
}

func (w fields) protocol(d *ddp.Datagram) error {
	switch d.Type {
	case ddp.TypeRTMPRequest:
		q, err := rtmp.ParseRequest(d.Data)
		w.add("rtmp.function", 1, int(q))
		return err
	case ddp.TypeRTMP:
		r, err := rtmp.ParseData(d.Data)
		w.add("rtmp.net", 2, int(r.Sender.Net))
		w.add("nbp.nodeid", 1, int(r.Sender.Node))
		tuples := r.Tuples
		if r.Extended { // the first tuple is one to tshark as well
			tuples = append([]rtmp.Tuple{{Range: r.Range, Extended: true}}, tuples...)
		}
		for _, u := range tuples {
			if u.Extended {
				w.add("rtmp.tuple.range_start", 2, int(u.Range.First))
				w.add("rtmp.tuple.range_end", 2, int(u.Range.Last))
				w.add("rtmp.tuple.dist", 1, 0x80|int(u.Distance))
			} else {
				w.add("rtmp.tuple.net", 2, int(u.Range.First))
				w.add("rtmp.tuple.dist", 1, int(u.Distance))
			}
		}
		return err
	case ddp.TypeNBP:
		p, err := nbp.Parse(d.Data)
		w.bits("nbp.op", int(p.Function))
		w.add("nbp.tid", 1, int(p.ID))
		for _, u := range p.Tuples {
			w.add("nbp.net", 2, int(u.Addr.Net))
			w.add("nbp.node", 1, int(u.Addr.Node))
			w.add("nbp.port", 1, int(u.Addr.Num))
			w.name("nbp.object", u.Entity.Object)
			w.name("nbp.type", u.Entity.Type)
			w.name("nbp.zone", u.Entity.Zone)
		}
		return err
	case ddp.TypeATP:
		return w.atp(d)
	case ddp.TypeZIP:
		return w.zip(d)
	}
	return nil
}

func (w fields) atp(d *ddp.Datagram) error {
	p, err := atp.Parse(d.Data)
	if err != nil {
		return err
	}
	w.add("atp.tid", 2, int(p.TID))
	if p.Function == atp.TReq {
		w.add("zip.atp_function", 1, int(p.User[0]))
		return nil
	}
	l, err := zip.ParseList(p.User, p.Data)
	for _, z := range l.Zones {
		w.name("zip.zone_name", z)
	}
	return err
}

func (w fields) zip(d *ddp.Datagram) error {
	w.add("zip.function", 1, int(d.Data[0]))
	switch zip.FunctionOf(d.Data) {
	case zip.FunctionQuery:
		q, err := zip.ParseQuery(d.Data)
		for _, n := range q.Nets {
			w.add("zip.network", 2, int(n))
		}
		return err
	case zip.FunctionReply, zip.FunctionExtendedReply:
		r, err := zip.ParseReply(d.Data)
		zones := r.Zones
		if !r.Extended { // the count is that of pairs to it; jrouter has that of networks
			zones = zones[:min(int(r.Count), len(zones))]
		}
		for _, z := range zones {
			w.add("zip.network", 2, int(z.Net))
			w.name("zip.zone_name", z.Name)
		}
		return err
	case zip.FunctionGetNetInfo:
		g, err := zip.ParseGetNetInfo(d.Data)
		w.name("zip.zone_name", g.Zone)
		return err
	case zip.FunctionNetInfoReply:
		n, err := zip.ParseNetInfo(d.Data)
		w.bits("zip.flags.zone_invalid", int(n.Flags&zip.Invalid)/int(zip.Invalid))
		w.bits("zip.flags.use_broadcast", int(n.Flags&zip.UseBroadcast)/int(zip.UseBroadcast))
		w.bits("zip.flags.only_one_zone", int(n.Flags&zip.OnlyOne)/int(zip.OnlyOne))
		w.add("zip.network_start", 2, int(n.Range.First))
		w.add("zip.network_end", 2, int(n.Range.Last))
		w.name("zip.zone_name", n.Requested)
		if n.Flags&zip.Invalid != 0 {
			w.name("zip.default_zone", n.Default)
		}
		return err
	}
	return fmt.Errorf("a ZIP packet that was not said: % x", d.Data)
}
