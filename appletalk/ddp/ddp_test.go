package ddp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}

var codecTable = []struct {
	name  string
	short bool
	d     Datagram
	str   string
	hex   string
}{{
	name: "D1: short, AEP request", short: true,
	d:   Datagram{Dst: Socket{Addr{Node: 254}, 4}, Src: Socket{Addr{Node: 42}, 129}, Type: TypeAEP, Data: []byte("\x01hello")},
	str: "DDP(0.42:129 to 0.254:4, AEP, hops=0, data=6)",
	hex: "00 0b 04 81 04 01 68 65 6c 6c 6f",
}, {
	name: "D2: long, with checksum",
	d: Datagram{Dst: Socket{Addr{3, 10}, 4}, Src: Socket{Addr{4, 77}, 129}, Type: TypeAEP, Checksum: 0x2881,
		Data: []byte("\x01hello")},
	str: "DDP(4.77:129 to 3.10:4, AEP, hops=0, data=6)",
	hex: "00 13 28 81 00 03 00 04 0a 4d 04 81 04 01 68 65 6c 6c 6f",
}, {
	name: "D3: after one hop",
	d: Datagram{Dst: Socket{Addr{3, 10}, 4}, Src: Socket{Addr{4, 77}, 129}, Type: TypeAEP, Hops: 1, Checksum: 0x2881,
		Data: []byte("\x01hello")},
	str: "DDP(4.77:129 to 3.10:4, AEP, hops=1, data=6)",
	hex: "04 13 28 81 00 03 00 04 0a 4d 04 81 04 01 68 65 6c 6c 6f",
}, {
	name: "D4: without checksum",
	d:    Datagram{Dst: Socket{Addr{3, 10}, 4}, Src: Socket{Addr{4, 77}, 129}, Type: TypeAEP, Data: []byte("\x01hello")},
	str:  "DDP(4.77:129 to 3.10:4, AEP, hops=0, data=6)",
	hex:  "00 13 00 00 00 03 00 04 0a 4d 04 81 04 01 68 65 6c 6c 6f",
}, {
	name: "no data, 15 hops, an unknown type",
	d:    Datagram{Dst: Socket{Addr{0, 255}, 6}, Src: Socket{Addr{0xFF00, 1}, 254}, Type: 0x58, Hops: 15, Data: []byte{}},
	str:  "DDP(65280.1:254 to 0.255:6, type 88, hops=15, data=0)",
	hex:  "3c 0d 00 00 00 00 ff 00 ff 01 06 fe 58",
}}

func TestCodec(t *testing.T) {
	for _, row := range codecTable {
		want := octets(t, row.hex)
		appendTo, parse := row.d.AppendLong, ParseLong
		if row.short {
			appendTo = row.d.AppendShort
			parse = func(b []byte) (Datagram, error) { return ParseShort(b, row.d.Dst.Node, row.d.Src.Node) }
		}
		got, err := appendTo(nil)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: appended % x, %v, want % x", row.name, got, err, want)
		}
		if got := row.d.String(); got != row.str {
			t.Errorf("%s: %s, want %s", row.name, got, row.str)
		}
		d, err := parse(want)
		if err != nil || fmt.Sprint(d) != fmt.Sprint(row.d) {
			t.Errorf("%s: parsed %v, %v, want %v", row.name, d, err, row.d)
		}
		for n := range want {
			if d, err := parse(want[:n]); err == nil {
				t.Errorf("%s: %d octets parse to %v", row.name, n, &d)
			}
		}
		if row.d.Checksum != 0 && row.d.Sum() != row.d.Checksum {
			t.Errorf("%s: sum %04x, want %04x", row.name, row.d.Sum(), row.d.Checksum)
		}
	}
}

// TestChecksum has the vectors C1.
func TestChecksum(t *testing.T) {
	for in, want := range map[string]uint16{"": 0xffff, "00": 0xffff, "41": 0x0082, "41 42 43": 0x0396, "80 00": 0x0200, "ff ff": 0x05fa} {
		if got := Sum(octets(t, in)); got != want {
			t.Errorf("the sum of %q is %04x, want %04x", in, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	long := func(change func([]byte)) []byte {
		b := octets(t, codecTable[1].hex)
		change(b)
		return b
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want Error
	}{
		{"checksum", long(func(b []byte) { b[18]++ }), ErrChecksum},
		{"length too large", long(func(b []byte) { b[1]++ }), ErrLength},
		{"length too small", long(func(b []byte) { b[1]-- }), ErrLength},
		{"destination socket 0", long(func(b []byte) { b[10] = 0 }), ErrSocket},
		{"source socket 255", long(func(b []byte) { b[11] = 255 }), ErrSocket},
		{"type 0", long(func(b []byte) { b[12] = 0 }), ErrType},
		{"587 octets of data", append([]byte{0x02, 0x58, 0, 0, 0, 1, 0, 1, 1, 1, 4, 4, 4}, make([]byte, 587)...), ErrTooLong},
		{"truncated", make([]byte, 12), ErrTruncated},
	} {
		_, err := ParseLong(tt.b)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	// What a router does to a datagram on its way leaves the checksum right.
	if _, err := ParseLong(long(func(b []byte) { b[0] |= 9 << 2 })); err != nil {
		t.Errorf("after nine hops: %v", err)
	}
}

func TestAppendErrors(t *testing.T) {
	good := Datagram{Dst: Socket{Addr{3, 10}, 4}, Src: Socket{Addr{4, 77}, 129}, Type: TypeAEP}
	for name, change := range map[string]func(*Datagram){
		"hops":   func(d *Datagram) { d.Hops = 16 },
		"data":   func(d *Datagram) { d.Data = make([]byte, 587) },
		"type":   func(d *Datagram) { d.Type = 0 },
		"socket": func(d *Datagram) { d.Dst.Num = 255 },
	} {
		d := good
		change(&d)
		if b, err := d.AppendLong([]byte("x")); err == nil || string(b) != "x" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// TestWay has the sending rules of nodes that are no routers, row by row as the book has them.
func TestWay(t *testing.T) {
	router := Addr{3, 254}
	for _, tt := range []struct {
		name string
		c    Cable
		net  uint16
		want Way
	}{
		{"nonextended, network 0", Cable{Range: Range{3, 3}, Router: router}, 0, Direct},
		{"nonextended, this network", Cable{Range: Range{3, 3}, Router: router}, 3, Direct},
		{"nonextended, this network not known", Cable{}, 7, Direct},
		{"nonextended, another", Cable{Range: Range{3, 3}, Router: router}, 7, ViaRouter},
		{"nonextended, another, no router", Cable{Range: Range{3, 3}}, 7, NoRouter},
		{"extended, network 0", Cable{Extended: true, Range: Range{3, 5}, Router: router}, 0, Direct},
		{"extended, in range", Cable{Extended: true, Range: Range{3, 5}, Router: router}, 5, Direct},
		{"extended, startup range", Cable{Extended: true, Range: Range{3, 5}, Router: router}, 0xFF00, Direct},
		{"extended, another", Cable{Extended: true, Range: Range{3, 5}, Router: router}, 6, ViaRouter},
		{"extended, another, router gone", Cable{Extended: true, Range: Range{3, 5}}, 6, NoRouter},
		{"extended, no router known", Cable{Extended: true, Range: Range{0, LastStartup}}, 6, Direct},
	} {
		if got := tt.c.Way(tt.net); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestAccepts(t *testing.T) {
	local, extended := &Cable{Range: Range{3, 3}}, &Cable{Extended: true, Range: Range{3, 5}}
	self := Addr{3, 10}
	for _, tt := range []struct {
		c    *Cable
		dst  Addr
		want bool
	}{
		{local, Addr{3, 10}, true}, {local, Addr{0, 10}, true}, {local, Addr{4, 10}, false}, {local, Addr{3, 11}, false},
		{local, Addr{0, 255}, true}, {local, Addr{3, 255}, true}, {local, Addr{4, 255}, false},
		{extended, Addr{3, 10}, true}, {extended, Addr{0, 10}, false}, {extended, Addr{4, 10}, false},
		{extended, Addr{0, 255}, true}, {extended, Addr{3, 255}, true}, {extended, Addr{4, 255}, false},
	} {
		if got := tt.c.Accepts(self, tt.dst); got != tt.want {
			t.Errorf("extended %v, to %v: %v", tt.c.Extended, tt.dst, got)
		}
	}
}

func TestNotation(t *testing.T) {
	for in, want := range map[string]string{"3.10": "3.10", "65535.255": "65535.255", "0.0": "0.0", "3": "", "3.256": "", "65536.1": "", "a.b": "", "3.1.2": ""} {
		a, err := ParseAddr(in)
		if got := a.String(); err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("ParseAddr(%q) = %v, %v", in, a, err)
		}
	}
	for in, want := range map[string]string{"3-5": "3-5", "7": "7", "7-7": "7", "5-3": "", "0-3": "", "65279": "65279", "65280": "", "": "", "1-": ""} {
		r, err := ParseRange(in)
		if got := r.String(); err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("ParseRange(%q) = %v, %v", in, r, err)
		}
	}
	if !(Range{3, 5}).Overlaps(Range{5, 9}) || (Range{3, 5}).Overlaps(Range{6, 9}) || !(Addr{0, 3}).Matches(Addr{9, 3}) || (Addr{9, 3}).Matches(Addr{9, 4}) {
		t.Error("ranges and addresses are compared wrongly")
	}
}

func TestNoAllocations(t *testing.T) {
	b := octets(t, codecTable[1].hex)
	out := make([]byte, 0, MaxLong)
	if n := testing.AllocsPerRun(100, func() {
		d, err := ParseLong(b)
		if err != nil {
			t.Fatal(err)
		}
		d.Hops++
		if out, err = d.AppendLong(out[:0]); err != nil {
			t.Fatal(err)
		}
		b[18]++
		if _, err := ParseLong(b); err != ErrChecksum {
			t.Fatal(err)
		}
		b[18]--
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseLong(b); err == nil {
			again, err := d.AppendLong(nil)
			if err != nil {
				t.Fatalf("%v cannot be sent: %v", &d, err)
			}
			if again[0] |= b[0] & 0xC0; !bytes.Equal(again, b) { // but for the two bits that are not looked at
				t.Fatalf("% x came back as % x", b, again)
			}
		}
		if d, err := ParseShort(b, 1, 2); err == nil {
			again, err := d.AppendShort(nil)
			if err != nil {
				t.Fatalf("%v cannot be sent: %v", &d, err)
			}
			if again[0] |= b[0] & 0xFC; !bytes.Equal(again, b) {
				t.Fatalf("% x came back as % x", b, again)
			}
		}
	})
}
