package zip

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

const (
	ltoudp    = "0e 4c 54 6f 55 44 50 20 4e 65 74 77 6f 72 6b"          // LToUDP Network
	ethertalk = "11 45 74 68 65 72 54 61 6c 6b 20 4e 65 74 77 6f 72 6b" // EtherTalk Network
	cafe      = "Caf\x8e"
)

var (
	net1  = ddp.Range{First: 1, Last: 1}
	net35 = ddp.Range{First: 3, Last: 5}
	hwA6  = link.Hardware{9, 0, 7, 0, 0, 0xa6}
)

// pdu is what all packets have in common, for the table.
type pdu interface {
	fmt.Stringer
	Append([]byte) []byte
}

func parse(b []byte) (pdu, error) {
	switch FunctionOf(b) {
	case FunctionQuery:
		return ParseQuery(b)
	case FunctionReply, FunctionExtendedReply:
		return ParseReply(b)
	case FunctionGetNetInfo:
		return ParseGetNetInfo(b)
	case FunctionNetInfoReply:
		return ParseNetInfo(b)
	case FunctionNotify:
		return ParseNotify(b)
	}
	return nil, fmt.Errorf("no function %d", FunctionOf(b))
}

// codecTable has the vectors Z1 to Z14 and Z16.
var codecTable = []struct {
	name     string
	p        pdu
	str, hex string
}{
	{"Z1", GetNetInfo{}, `ZIPGetNetInfo(zone="")`, "05 00 00 00 00 00 00"},
	{"Z2", NetInfo{Flags: Invalid | UseBroadcast | OnlyOne, Range: net1, Default: "LToUDP Network"},
		`ZIPNetInfoReply(flags=invalid+broadcast+only one, range=1, zone="", multicast=00:00:00:00:00:00, default="LToUDP Network")`,
		"06 e0 00 01 00 01 00 00 " + ltoudp},
	{"Z3", NetInfo{Flags: UseBroadcast | OnlyOne, Range: net1, Requested: "ltoudp network"},
		`ZIPNetInfoReply(flags=broadcast+only one, range=1, zone="ltoudp network", multicast=00:00:00:00:00:00, default="")`,
		"06 60 00 01 00 01 0e 6c 74 6f 75 64 70 20 6e 65 74 77 6f 72 6b 00"},
	{"Z5", NetInfo{Flags: Invalid, Range: net35, Multicast: hwA6, Default: "EtherTalk Network"},
		`ZIPNetInfoReply(flags=invalid, range=3-5, zone="", multicast=09:00:07:00:00:a6, default="EtherTalk Network")`,
		"06 80 00 03 00 05 00 06 09 00 07 00 00 a6 " + ethertalk},
	{"Z6, request", GetNetInfo{Zone: "CAF\x83"}, `ZIPGetNetInfo(zone="CAFÉ")`, "05 00 00 00 00 00 04 43 41 46 83"},
	{"Z6", NetInfo{Range: net35, Requested: "CAF\x83", Multicast: Multicast(cafe)},
		`ZIPNetInfoReply(flags=, range=3-5, zone="CAFÉ", multicast=09:00:07:00:00:6e, default="")`,
		"06 00 00 03 00 05 04 43 41 46 83 06 09 00 07 00 00 6e"},
	{"Z7, request", GetNetInfo{Zone: "Nowhere"}, `ZIPGetNetInfo(zone="Nowhere")`, "05 00 00 00 00 00 07 4e 6f 77 68 65 72 65"},
	{"Z7", NetInfo{Flags: Invalid, Range: net35, Requested: "Nowhere", Multicast: hwA6, Default: "EtherTalk Network"},
		`ZIPNetInfoReply(flags=invalid, range=3-5, zone="Nowhere", multicast=09:00:07:00:00:a6, default="EtherTalk Network")`,
		"06 80 00 03 00 05 07 4e 6f 77 68 65 72 65 06 09 00 07 00 00 a6 " + ethertalk},
	{"Z8", NetInfo{Range: net35, Requested: "Third", Multicast: Multicast("Third")},
		`ZIPNetInfoReply(flags=, range=3-5, zone="Third", multicast=09:00:07:00:00:51, default="")`,
		"06 00 00 03 00 05 05 54 68 69 72 64 06 09 00 07 00 00 51"},
	{"Z9", Query{Nets: []uint16{1, 3}}, "ZIPQuery(1, 3)", "01 02 00 01 00 03"},
	{"Z10, first", Reply{Extended: true, Count: 1, Zones: []Zone{{1, "LToUDP Network"}}}, `ZIPExtendedReply(count=1, 1 "LToUDP Network")`,
		"08 01 00 01 " + ltoudp},
	{"Z10, second", Reply{Extended: true, Count: 3, Zones: []Zone{{3, "EtherTalk Network"}, {3, "Third"}, {3, cafe}}},
		`ZIPExtendedReply(count=3, 3 "EtherTalk Network", 3 "Third", 3 "Café")`,
		"08 03 00 03 " + ethertalk + " 00 03 05 54 68 69 72 64 00 03 04 43 61 66 8e"},
	{"Z11", Query{Nets: []uint16{4}}, "ZIPQuery(4)", "01 01 00 04"},
	{"Z12: captured from jrouter, for an unknown network", Reply{}, "ZIPReply(count=0)", "02 00"},
	{"Z13: captured from jrouter, count of networks", Reply{Count: 1, Zones: []Zone{{3, "EtherTalk Network"}, {3, "Third"}}},
		`ZIPReply(count=1, 3 "EtherTalk Network", 3 "Third")`, "02 01 00 03 " + ethertalk + " 00 03 05 54 68 69 72 64"},
	{"Z14: as Netatalk has it, count of pairs", Reply{Count: 3, Zones: []Zone{{1, "One"}, {5, "Two"}, {5, "Three"}}},
		`ZIPReply(count=3, 1 "One", 5 "Two", 5 "Three")`, "02 03 00 01 03 4f 6e 65 00 05 03 54 77 6f 00 05 05 54 68 72 65 65"},
	{"Z16", Notify{Old: "Old", Multicast: link.Hardware{9, 0, 7, 0, 0, 0x3e}, New: "New"},
		`ZIPNotify(flags=, old="Old", multicast=09:00:07:00:00:3e, new="New")`,
		"07 00 00 00 00 00 03 4f 6c 64 06 09 00 07 00 00 3e 03 4e 65 77"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		want := octets(t, row.hex)
		if got := row.p.Append([]byte("x"))[1:]; !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", row.name, got, want)
		}
		p, err := parse(want)
		if err != nil || fmt.Sprint(p) != row.str {
			t.Errorf("%s: %v, %v; want %s", row.name, p, err, row.str)
		}
		for n := range want {
			if p, err := parse(want[:n]); err == nil && !isPrefix(p, row.p) {
				t.Errorf("%s: %d octets parse to %v", row.name, n, p)
			}
		}
	}
}

// isPrefix reports whether p is a reply of fewer zones than q, which is whole as well.
func isPrefix(p, q pdu) bool {
	short, ok := p.(Reply)
	long, also := q.(Reply)
	return ok && also && len(short.Zones) < len(long.Zones)
}

// TestLaxities: what is taken though we do not send it.
func TestLaxities(t *testing.T) {
	// Z4: jrouter's answer to Z1 has the zone in the place of the requested one, and six zeros for a multicast address.
	n, err := ParseNetInfo(octets(t, "06 60 00 01 00 01 "+ltoudp+" 06 00 00 00 00 00 00"))
	if err != nil || n.Zone() != "LToUDP Network" || !n.Multicast.IsZero() || n.Range != net1 {
		t.Errorf("Z4: %v, %v", n, err)
	}
	if g, err := ParseGetNetInfo(octets(t, "05 01 02 03 04 05 01 41 ff")); err != nil || g.Zone != "A" {
		t.Errorf("reserved octets and a tail: %v, %v", g, err)
	}
	n, err = ParseNetInfo(octets(t, "06 00 00 03 00 05 01 41 03 01 02 03"))
	if err != nil || !n.Multicast.IsZero() {
		t.Errorf("an address of three octets: %v, %v", n, err)
	}
}

func TestParseErrors(t *testing.T) {
	long := "21 " + strings.Repeat("41 ", 33)
	for _, tt := range []struct{ name, hex string }{
		{"query, too short for its count", "01 02 00 01"}, {"query, too long", "01 01 00 01 00"}, {"query for nothing", "01 00"},
		{"reply, empty name", "02 01 00 01 00"}, {"reply, name of 33 octets", "02 01 00 01 " + long}, {"reply, name cut", "02 01 00 01 03 4f 6e"},
		{"reply, network cut", "02 01 00"}, {"reply, the zone *", "02 01 00 01 01 2a"}, {"reply, reserved first octet", "02 01 00 01 02 ff 41"},
		{"extended reply, two networks", "08 02 00 01 01 41 00 02 01 42"}, {"extended reply, more than its count", "08 01 00 01 01 41 00 01 01 42"},
		{"extended reply of nothing", "08 00"},
		{"request, name of 33 octets", "05 00 00 00 00 00 " + long},
		{"answer, range 0", "06 00 00 00 00 00 00 00"}, {"answer, range backwards", "06 00 00 05 00 03 01 41 00"},
		{"answer, no default zone", "06 80 00 03 00 05 00 00"}, {"answer, default zone of 33 octets", "06 80 00 03 00 05 00 00 " + long},
		{"answer, one station's address", "06 00 00 03 00 05 01 41 06 08 00 07 00 00 01"}, {"answer, address cut", "06 00 00 03 00 05 01 41 06 09"},
		{"notification, no old zone", "07 00 00 00 00 00 00 00 01 41"}, {"notification, no new zone", "07 00 00 00 00 00 01 41 00 00"},
		{"bringup", "04 00"}, {"nothing", ""},
	} {
		if p, err := parse(octets(t, tt.hex)); err == nil {
			t.Errorf("%s: %v", tt.name, p)
		}
	}
}

// TestMulticast has the addresses of the fact sheet.
func TestMulticast(t *testing.T) {
	for name, want := range map[string]struct {
		hash uint16
		last byte
	}{
		"EtherTalk Network": {0xfbac, 0xa6}, "Third": {0x1318, 0x51}, "Café": {0x0856, 0x6e}, "LToUDP Network": {0x34ad, 0x4c},
		"The Twilight Zone": {0x0909, 0x24}, "Zone": {0x09da, 0xf5}, "äãå": {0x0832, 0x4a}, "a": {0x0082, 0x82}, "Z": {0x00b4, 0xb4},
		"68k Mac Club": {0x16af, 0xf1},
	} {
		zone, err := macroman.Encode(name)
		if err != nil {
			t.Fatal(err)
		}
		if hash := ddp.Sum([]byte(macroman.Fold(zone))); hash != want.hash || Multicast(zone) != (link.Hardware{9, 0, 7, 0, 0, want.last}) {
			t.Errorf("%s: %04x, %v; want %04x, %02x", name, hash, Multicast(zone), want.hash, want.last)
		}
	}
}

// TestSeries has the vector Z15, and lists that share a plain reply.
func TestSeries(t *testing.T) {
	var forty []Zone
	for i := range 40 {
		forty = append(forty, Zone{100, fmt.Sprintf("%032d", i)})
	}
	var sizes []int
	Replies([][]Zone{forty}, func(r Reply) {
		b := r.Append(nil)
		sizes = append(sizes, ddp.LongHeader+len(b))
		if !bytes.HasPrefix(b, octets(t, "08 28 00 64 20")) {
			t.Errorf("begins with % x", b[:5])
		}
	})
	if fmt.Sprint(sizes) != "[575 575 295]" {
		t.Errorf("datagrams of %v octets", sizes)
	}
	var all []string
	one, two := []Zone{{1, "One"}}, []Zone{{5, "Two"}, {5, "Three"}}
	Replies([][]Zone{one, forty, two, forty[:16], one}, func(r Reply) {
		if b := r.Append(nil); len(b) > ddp.MaxData {
			t.Errorf("%d octets", len(b))
		}
		all = append(all, fmt.Sprint(r.Extended, r.Count, len(r.Zones)))
	})
	if want := "[true 40 16 true 40 16 true 40 8 false 19 19 false 1 1]"; fmt.Sprint(all) != want {
		t.Errorf("%v, want %v", all, want)
	}
}

// TestLists has the vectors A1 to A6 and A8, without their headers.
func TestLists(t *testing.T) {
	zones := []string{"LToUDP Network", "EtherTalk Network", cafe, "Third"}
	page := func(start uint16) List { return Page(len(zones), func(i int) string { return zones[i] }, start) }
	for _, tt := range []struct {
		request ListRequest
		user    string
		answer  string
	}{
		{ListRequest{FunctionGetZoneList, 1}, "08000001", "01000004" + strings.ReplaceAll(ltoudp+ethertalk, " ", "") + "04436166" + "8e" + "055468697264"},
		{ListRequest{FunctionGetZoneList, 3}, "08000003", "01000002" + "044361668e" + "055468697264"},
		{ListRequest{FunctionGetZoneList, 0}, "08000000", "01000004" + strings.ReplaceAll(ltoudp+ethertalk, " ", "") + "044361668e" + "055468697264"},
		{ListRequest{FunctionGetZoneList, 0x63}, "08000063", "01000000"},
		{ListRequest{FunctionGetLocalZones, 4}, "09000004", "01000001055468697264"},
	} {
		user := tt.request.User()
		if got := hex.EncodeToString(user[:]); got != tt.user {
			t.Errorf("%v is %s", tt.request, got)
		}
		if r, err := ParseListRequest(user); err != nil || r != tt.request {
			t.Errorf("%s is %v, %v", tt.user, r, err)
		}
		l := page(tt.request.Start)
		u := l.User()
		if got := hex.EncodeToString(l.AppendData(u[:])); got != tt.answer {
			t.Errorf("%v: %s, want %s", tt.request, got, tt.answer)
		}
	}
	for _, wrong := range [][4]byte{{7, 0, 0, 1}, {6}, {10}} {
		if r, err := ParseListRequest(wrong); err == nil {
			t.Errorf("% x is %v", wrong, r)
		}
	}
	if l, err := ParseList([4]byte{0, 0, 0, 2}, octets(t, ltoudp)); err == nil {
		t.Errorf("one zone of two: %v", l)
	}
}

// TestPaging puts 43 zones together from pages of 19, 17 and 7, as the vector A8 has them.
func TestPaging(t *testing.T) {
	zones := []string{"LToUDP Network", "EtherTalk Network", cafe}
	for i := range 40 {
		zones = append(zones, fmt.Sprintf("%032d", i))
	}
	p, sizes := NewPager(), []int(nil)
	for {
		start, ok := p.Next()
		if !ok {
			break
		}
		l := Page(len(zones), func(i int) string { return zones[i] }, start)
		again, err := ParseList(l.User(), l.AppendData(nil))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(l.Zones))
		if err := p.Add(again); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(sizes) != "[19 17 7]" || fmt.Sprint(p.Zones()) != fmt.Sprint(zones) {
		t.Errorf("pages of %v, %d zones", sizes, len(p.Zones()))
	}
	// A zone that is in two pages is one; an empty page is the end; a router that never ends is found out.
	p = NewPager()
	p.Add(List{Zones: []string{cafe, "B"}})
	p.Add(List{Zones: []string{"CAF\x83"}})
	p.Add(List{})
	if _, more := p.Next(); more || len(p.Zones()) != 2 {
		t.Errorf("%q", p.Zones())
	}
	p = NewPager()
	var err error
	for n := 0; err == nil && n < 2*maxPages; n++ {
		err = p.Add(List{Zones: []string{"A"}})
	}
	if err == nil {
		t.Error("a list without an end is taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse(b)
		if err != nil {
			return
		}
		q, err := parse(p.Append(nil))
		if err != nil || p.String() != q.String() {
			t.Fatalf("%v came back as %v, %v", p, q, err)
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add(octets(f, "01000004"+ltoudp+ethertalk))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}
		ParseListRequest([4]byte(b))
		l, err := ParseList([4]byte(b), b[4:])
		if err != nil {
			return
		}
		m, err := ParseList(l.User(), l.AppendData(nil))
		if err != nil || fmt.Sprint(l) != fmt.Sprint(m) {
			t.Fatalf("%v came back as %v, %v", l, m, err)
		}
	})
}
