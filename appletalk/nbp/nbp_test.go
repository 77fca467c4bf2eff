package nbp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

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

func at(net uint16, node, socket uint8) ddp.Socket {
	return ddp.Socket{Addr: ddp.Addr{Net: net, Node: node}, Num: socket}
}

// codecTable has the vectors N1 to N5.
var codecTable = []struct {
	name     string
	p        Packet
	str, hex string
}{
	{"N1", Packet{BrRq, 7, []Tuple{{at(1, 42, 133), 0, Entity{"=", "=", "*"}}}}, "NBPBrRq(id=7, =:=@*=1.42:133/0)", "11 07 00 01 2a 85 00 01 3d 01 3d 01 2a"},
	{"N2", Packet{LkUp, 7, []Tuple{{at(1, 42, 133), 0, Entity{"=", "=", "LToUDP Network"}}}}, "NBPLkUp(id=7, =:=@LToUDP Network=1.42:133/0)",
		"21 07 00 01 2a 85 00 01 3d 01 3d 0e 4c 54 6f 55 44 50 20 4e 65 74 77 6f 72 6b"},
	{"N3", Packet{LkUpReply, 7, []Tuple{{at(1, 254, 253), 0, Entity{"jrouter v0.0.21-dev", "AppleRouter", "LToUDP Network"}}}},
		"NBPLkUp-Reply(id=7, jrouter v0.0.21-dev:AppleRouter@LToUDP Network=1.254:253/0)",
		"31 07 00 01 fe fd 00 13 6a 72 6f 75 74 65 72 20 76 30 2e 30 2e 32 31 2d 64 65 76 0b 41 70 70 6c 65 52 6f 75 74 65 72 0e 4c 54 6f 55 44 50 20 4e 65 74 77 6f 72 6b"},
	{"N4", Packet{FwdReq, 9, []Tuple{{at(1, 42, 133), 0, Entity{"=", "AFPServer", "Third"}}}}, "NBPFwdReq(id=9, =:AFPServer@Third=1.42:133/0)",
		"41 09 00 01 2a 85 00 01 3d 09 41 46 50 53 65 72 76 65 72 05 54 68 69 72 64"},
	{"N5", Packet{LkUp, 5, []Tuple{{at(4, 77, 133), 0, Entity{"=", "AFPServer", "Third"}}}}, "NBPLkUp(id=5, =:AFPServer@Third=4.77:133/0)",
		"21 05 00 04 4d 85 00 01 3d 09 41 46 50 53 65 72 76 65 72 05 54 68 69 72 64"},
}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		b := octets(t, row.hex)
		p, err := Parse(b)
		if err != nil || p.String() != row.str || !bytes.Equal(row.p.Append(nil), b) {
			t.Errorf("%s: %v, %v", row.name, p, err)
		}
		for n := range b {
			if p, err := Parse(b[:n]); err == nil {
				t.Errorf("%s: %d octets parse to %v", row.name, n, p)
			}
		}
	}
	if p, err := Parse([]byte{0x30, 7}); err != nil || len(p.Tuples) != 0 {
		t.Errorf("a reply of nothing: %v, %v", p, err)
	}
	for name, b := range map[string]string{
		"function 0": "01 07", "function 5": "51 07", "request of two": "12 07" + strings.Repeat("00 01 2a 85 00 01 3d 01 3d 01 2a", 2),
		"request of none": "10 07", "name of 33 octets": "11 07 00 01 2a 85 00 21" + strings.Repeat("41", 33) + "01 3d 01 2a",
	} {
		if p, err := Parse(octets(t, b)); err == nil {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestEntity(t *testing.T) {
	for in, want := range map[string]string{
		"a:b@c": "a:b@c", "a:b": "a:b@*", "a": "a:=@*", "=": "=:=@*", "a@home:b@c": "a@home:b@c", "Café:≈x@Z": "Café:≈x@Z", "a:b:c@d": "a:b:c@d",
		"": "", ":b@c": "", "a:b@": "", "a:@c": "", "日:b": "", strings.Repeat("a", 33): "",
	} {
		e, err := ParseEntity(in)
		if err == nil && e.String() != want || (err != nil) != (want == "") {
			t.Errorf("%q is %v, %v", in, e, err)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"=:=", "Any:Thing", true}, {"any:THING", "Any:Thing", true}, {"An:Thing", "Any:Thing", false}, {"≈:=", "Any:Thing", true},
		{"A≈:=", "any:Thing", true}, {"≈y:=", "any:Thing", true}, {"A≈y:=", "any:Thing", true}, {"A≈x:=", "any:Thing", false},
		{"any≈any:=", "any:Thing", false}, {"Caf≈:=", "Café:Thing", true}, {"=:LaserWriter", "Any:Thing", false}, {"CAFÉ:=", "café:Thing", true},
		{"a=:=", "any:Thing", false},
	} {
		pattern, err := ParseEntity(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		name, err := ParseEntity(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := pattern.Matches(name); got != tt.want {
			t.Errorf("%s and %s: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestNames(t *testing.T) {
	var n Names
	for _, tt := range []struct {
		name string
		ok   bool
	}{{"One:Test", true}, {"Two:Test", true}, {"one:TEST", false}, {"=:Test", false}, {"A≈:Test", false}} {
		e, err := ParseEntity(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Add(e, 200); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	answer := func(pattern string) string {
		e, _ := ParseEntity(pattern)
		var all []string
		n.Answer(Packet{LkUp, 3, []Tuple{{at(1, 2, 3), 0, e}}}, ddp.Addr{Net: 1, Node: 9}, "Zone", func(p Packet) { all = append(all, p.String()) })
		return strings.Join(all, " ")
	}
	if got, want := answer("=:Test"), "NBPLkUp-Reply(id=3, One:Test@Zone=1.9:200/0, Two:Test@Zone=1.9:200/1)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := answer("=:Other"); got != "" {
		t.Errorf("%s", got)
	}
	e, _ := ParseEntity("ONE:test")
	n.Remove(e)
	if got, want := answer("="), "NBPLkUp-Reply(id=3, Two:Test@Zone=1.9:200/1)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for i := range MaxNames {
		err := n.Add(Entity{Object: fmt.Sprintf("%032d", i), Type: strings.Repeat("x", 32)}, 200)
		if (err == nil) != (i < MaxNames-1) {
			t.Fatalf("name %d: %v", i, err)
		}
	}
	packets, tuples := 0, 0
	all, _ := ParseEntity("=")
	n.Answer(Packet{LkUp, 3, []Tuple{{at(1, 2, 3), 0, all}}}, ddp.Addr{Net: 1, Node: 9}, strings.Repeat("z", 32), func(p Packet) {
		if b := p.Append(nil); len(b) > ddp.MaxData {
			t.Errorf("%d octets", len(b))
		}
		packets++
		tuples += len(p.Tuples)
	})
	if tuples != MaxNames || packets != MaxNames/5 {
		t.Errorf("%d names in %d packets", tuples, packets)
	}
}

func TestLookup(t *testing.T) {
	start := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	e, _ := ParseEntity("=:Test@*")
	l := NewLookup(7, at(1, 42, 133), e, 3, time.Second)
	var sent []time.Duration
	for now := start; !l.Done(); now = l.Next() {
		if p, ok := l.Tick(now); ok {
			sent = append(sent, now.Sub(start))
			if p.String() != "NBPLkUp(id=7, =:Test@*=1.42:133/0)" {
				t.Errorf("sent %v", p)
			}
		}
		found := Tuple{at(1, 9, 200), 1, Entity{"One", "Test", "*"}}
		for _, tt := range []struct {
			p    Packet
			want bool
		}{
			{Packet{LkUpReply, 7, []Tuple{found, {at(1, 9, 200), 1, Entity{"Again", "Test", "Z"}}, {at(1, 9, 200), 2, Entity{"x", "Other", "Z"}}}}, true},
			{Packet{LkUpReply, 8, []Tuple{{at(1, 8, 200), 1, Entity{"Wrong", "Test", "*"}}}}, false},
			{Packet{LkUp, 7, []Tuple{found}}, false},
		} {
			if got := l.Handle(tt.p); got != (tt.want && !l.Done()) {
				t.Errorf("%v: %v", tt.p, got)
			}
		}
	}
	if fmt.Sprint(sent) != "[0s 1s 2s]" || fmt.Sprint(l.Found()) != "[One:Test@*=1.9:200/1]" {
		t.Errorf("sent after %v, found %v", sent, l.Found())
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		q, err := Parse(p.Append(nil))
		if err != nil || p.String() != q.String() {
			t.Fatalf("%v came back as %v, %v", p, q, err)
		}
		for _, u := range p.Tuples {
			if !(Entity{Object: All, Type: All}).Matches(u.Entity) {
				t.Fatal(u)
			}
			u.Entity.Matches(p.Tuples[0].Entity)
		}
	})
}
