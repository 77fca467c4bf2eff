package rtmp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

var net35 = ddp.Range{First: 3, Last: 5}

func one(net uint16) ddp.Range { return ddp.Range{First: net, Last: net} }

// codecTable has the vectors R2 to R8.
var codecTable = []struct {
	name     string
	response bool // without version
	d        Data
	str, hex string
}{
	{"R2: response, nonextended", true, Data{Sender: ddp.Addr{Net: 1, Node: 254}, Range: one(1)}, "RTMP(1.254, cable=1)", "00 01 08 fe"},
	{"R3: split horizon", false, Data{Sender: ddp.Addr{Net: 1, Node: 254}, Range: one(1), Tuples: []Tuple{{net35, true, 0}}},
		"RTMP(1.254, cable=1, 3-5:0)", "00 01 08 fe 00 00 82 00 03 80 00 05 82"},
	{"R4: whole table", false, Data{Sender: ddp.Addr{Net: 1, Node: 254}, Range: one(1), Tuples: []Tuple{{one(1), false, 0}, {net35, true, 0}}},
		"RTMP(1.254, cable=1, 1:0, 3-5:0)", "00 01 08 fe 00 00 82 00 01 00 00 03 80 00 05 82"},
	{"R6: on EtherTalk", false, Data{Sender: ddp.Addr{Net: 4, Node: 253}, Extended: true, Range: net35, Tuples: []Tuple{{one(1), false, 0}}},
		"RTMP(4.253, cable=3-5, 1:0)", "00 04 08 fd 00 03 80 00 05 82 00 01 00"},
	{"R7: response on EtherTalk", true, Data{Sender: ddp.Addr{Net: 3, Node: 1}, Extended: true, Range: net35},
		"RTMP(3.1, cable=3-5)", "00 03 08 01 00 03 80 00 05 82"},
	{"R8: notify neighbor", false, Data{Sender: ddp.Addr{Net: 1, Node: 254}, Range: one(1), Tuples: []Tuple{{one(100), true, 31}, {one(7), false, 31}}},
		"RTMP(1.254, cable=1, 100:31, 7:31)", "00 01 08 fe 00 00 82 00 64 9f 00 64 82 00 07 1f"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		want := octets(t, row.hex)
		got, n := row.d.Append(nil)
		if row.response {
			got = row.d.AppendResponse(nil)
		}
		if !bytes.Equal(got, want) || n != len(row.d.Tuples) {
			t.Errorf("%s: % x, with %d tuples", row.name, got, n)
		}
		d, err := ParseData(want)
		if err != nil || d.String() != row.str || fmt.Sprint(d) != fmt.Sprint(row.d) {
			t.Errorf("%s: %v, %v, want %s", row.name, &d, err, row.str)
		}
	}
	for n, f := range map[string]Request{"01": RequestNetwork, "02": RequestSplit, "03": RequestWhole, "00": 0, "04": 0, "": 0, "01 00": 0} {
		if got, err := ParseRequest(octets(t, n)); got != f || (err != nil) != (f == 0) {
			t.Errorf("request %s is %d, %v", n, got, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ name, hex string }{
		{"nothing", ""}, {"short", "00 01 08"}, {"ID length", "00 01 10 fe"}, {"node 0", "00 01 08 00"}, {"node 255", "00 01 08 ff"},
		{"network 0", "00 00 08 fe"}, {"startup network", "ff 00 08 fe"},
		{"phase 1: no version", "00 01 08 fe 00 07 01"},
		{"first tuple of another cable", "00 06 08 fe 00 03 80 00 05 82"}, {"first tuple with a distance", "00 04 08 fe 00 03 81 00 05 82"},
		{"half a tuple", "00 01 08 fe 00 00 82 00 07"}, {"half an extended one", "00 01 08 fe 00 00 82 00 03 80 00"},
		{"range backwards", "00 01 08 fe 00 00 82 00 05 80 00 03 82"}, {"network 0 in a tuple", "00 01 08 fe 00 00 82 00 00 01"},
		{"startup network in a tuple", "00 01 08 fe 00 00 82 ff 00 01"}, {"range into the startup range", "00 01 08 fe 00 00 82 fe 00 80 ff 00 82"},
	} {
		if d, err := ParseData(octets(t, tt.hex)); err == nil {
			t.Errorf("%s: %v", tt.name, &d)
		}
	}
}

// TestSplit: many routes go into several packets, and no tuple is cut.
func TestSplit(t *testing.T) {
	d := Data{Sender: ddp.Addr{Net: 1, Node: 1}, Extended: true, Range: one(1)}
	for i := range 500 {
		d.Tuples = append(d.Tuples, Tuple{one(uint16(10 + i)), i%3 == 0, uint8(i % 15)})
	}
	all, got, packets := d.Tuples, []Tuple(nil), 0
	for len(d.Tuples) > 0 {
		b, n := d.Append(nil)
		if len(b) > ddp.MaxData || n == 0 {
			t.Fatalf("%d octets, %d tuples", len(b), n)
		}
		p, err := ParseData(b)
		if err != nil {
			t.Fatal(err)
		}
		got, d.Tuples = append(got, p.Tuples...), d.Tuples[n:]
		packets++
	}
	if fmt.Sprint(got) != fmt.Sprint(all) || packets != 4 {
		t.Errorf("%d tuples in %d packets", len(got), packets)
	}
}

// TestUpdate has the rule of the book, case by case.
func TestUpdate(t *testing.T) {
	r, s := ddp.Addr{Net: 1, Node: 10}, ddp.Addr{Net: 1, Node: 20}
	for _, tt := range []struct {
		name  string
		have  Entry // network 3-5, if any
		from  ddp.Addr
		u     Tuple
		want  Change
		after string
	}{
		{"new", Entry{}, r, Tuple{net35, true, 0}, Added, "3-5 1 good 1.10"},
		{"new, at 14", Entry{}, r, Tuple{net35, true, 14}, Added, "3-5 15 good 1.10"},
		{"new, too far", Entry{}, r, Tuple{net35, true, 15}, Ignored, ""},
		{"new, gone", Entry{}, r, Tuple{net35, true, 31}, Ignored, ""},
		{"confirmed", Entry{Distance: 2, State: Suspect, Next: r}, r, Tuple{net35, true, 1}, Kept, "3-5 2 good 1.10"},
		{"farther, by the same router", Entry{Distance: 2, Next: r}, r, Tuple{net35, true, 4}, Changed, "3-5 5 good 1.10"},
		{"too far, by the same router", Entry{Distance: 2, Next: r}, r, Tuple{net35, true, 15}, Removed, ""},
		{"gone, by the same router", Entry{Distance: 2, Next: r}, r, Tuple{net35, true, 31}, Changed, "3-5 2 bad 1.10"},
		{"gone again", Entry{Distance: 2, State: Bad1, Next: r}, r, Tuple{net35, true, 31}, Kept, "3-5 2 bad 1.10"},
		{"gone, by another", Entry{Distance: 2, Next: r}, s, Tuple{net35, true, 31}, Ignored, "3-5 2 good 1.10"},
		{"farther, by another", Entry{Distance: 2, Next: r}, s, Tuple{net35, true, 2}, Ignored, "3-5 2 good 1.10"},
		{"as far, by another", Entry{Distance: 2, Next: r}, s, Tuple{net35, true, 1}, Changed, "3-5 2 good 1.20"},
		{"nearer, by another", Entry{Distance: 2, Next: r}, s, Tuple{net35, true, 0}, Changed, "3-5 1 good 1.20"},
		{"bad, and another has it", Entry{Distance: 2, State: Bad0, Next: r}, s, Tuple{net35, true, 9}, Changed, "3-5 10 good 1.20"},
		{"bad, and another had it too", Entry{Distance: 2, State: Bad0, Next: r}, s, Tuple{net35, true, 15}, Ignored, "3-5 2 bad 1.10"},
		{"our own", Entry{Distance: 0}, r, Tuple{net35, true, 0}, Ignored, "3-5 0 good 0.0"},
		{"overlap", Entry{Distance: 2, Next: r}, r, Tuple{ddp.Range{First: 5, Last: 9}, true, 0}, Overlaps, "3-5 2 good 1.10"},
		{"within", Entry{Distance: 2, Next: r}, r, Tuple{one(4), true, 0}, Overlaps, "3-5 2 good 1.10"},
		{"around", Entry{Distance: 2, Next: r}, r, Tuple{ddp.Range{First: 1, Last: 9}, true, 0}, Overlaps, "3-5 2 good 1.10"},
	} {
		var table Table
		if tt.have != (Entry{}) || tt.name == "our own" {
			tt.have.Range, tt.have.Extended = net35, true
			table.entries = []Entry{tt.have}
		}
		got := table.Update(0, tt.from, tt.u)
		after := ""
		for _, e := range table.Entries() {
			after += fmt.Sprintf("%v %d %v %v", e.Range, e.Distance, e.State, e.Next)
		}
		if got != tt.want || after != tt.after {
			t.Errorf("%s: %d, %q; want %d, %q", tt.name, got, after, tt.want, tt.after)
		}
	}
}

func TestAge(t *testing.T) {
	var table Table
	if !table.Connect(0, one(1), false) || table.Connect(1, one(1), false) || !table.Connect(1, ddp.Range{First: 7, Last: 9}, true) ||
		table.Connect(2, ddp.Range{First: 9, Last: 12}, true) {
		t.Fatal("connected networks")
	}
	r := ddp.Addr{Net: 1, Node: 10}
	table.Update(0, r, Tuple{net35, true, 0})
	var tuples []string
	for range 4 {
		tuples = append(tuples, fmt.Sprint(table.Tuples(nil, 1), table.Tuples(nil, 0), table.Find(4).State))
		if gone := table.Age(); len(tuples) == 4 != (len(gone) == 1) {
			t.Errorf("after %d steps %v is gone", len(tuples), gone)
		}
	}
	want := []string{"[1:0 3-5:1] [7-9:0] good", "[1:0 3-5:1] [7-9:0] suspect", "[1:0 3-5:31] [7-9:0] bad", "[1:0 3-5:31] [7-9:0] bad"}
	if fmt.Sprint(tuples) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", tuples, want)
	}
	if table.Find(4) != nil || table.Find(8) == nil || table.Find(10) != nil || table.Find(0) != nil || len(table.Tuples(nil, -1)) != 2 {
		t.Error("what is left")
	}
	table.Update(0, r, Tuple{net35, true, 0})
	if gone := table.Disconnect(0); len(gone) != 2 || len(table.Entries()) != 1 {
		t.Errorf("%v is gone with the port", gone)
	}
}

// TestConnectReplaces: a port's own network goes before what others say of it.
func TestConnectReplaces(t *testing.T) {
	var table Table
	table.Update(0, ddp.Addr{Net: 1, Node: 10}, Tuple{net35, true, 0})
	if !table.Connect(1, net35, true) || table.Find(3).Distance != 0 || len(table.Entries()) != 1 {
		t.Errorf("%v", table.Entries())
	}
}

func TestFull(t *testing.T) {
	var table Table
	for i := range MaxRoutes {
		if c := table.Update(0, ddp.Addr{Net: 1, Node: 1}, Tuple{one(uint16(1 + i)), false, 1}); c != Added {
			t.Fatalf("route %d: %d", i, c)
		}
	}
	if c := table.Update(0, ddp.Addr{Net: 1, Node: 1}, Tuple{one(0xFE00), false, 1}); c != Full {
		t.Errorf("one more: %d", c)
	}
	if n := testing.AllocsPerRun(100, func() { table.Find(1234) }); n != 0 || table.Find(1234).Range != one(1234) {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseRequest(b)
		d, err := ParseData(b)
		if err != nil {
			return
		}
		var table Table
		table.Connect(0, one(1), false)
		for _, u := range d.Tuples {
			table.Update(0, d.Sender, u)
		}
		for i, e := range table.Entries() {
			if i > 0 && e.Range.First <= table.entries[i-1].Range.Last || e.Distance > MaxDistance {
				t.Fatalf("%v", table.entries)
			}
		}
		if len(b) > ddp.MaxData {
			return
		}
		again, n := d.Append(nil)
		e, err := ParseData(again)
		if err != nil || n != len(d.Tuples) || e.String() != d.String() {
			t.Fatalf("%v came back as %v, %v", &d, &e, err)
		}
	})
}
