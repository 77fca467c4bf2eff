package spdu

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
)

func TestParseTSDU(t *testing.T) {
	for _, row := range []struct{ hex, want string }{
		{"01 00 01 00 61 62", "[GT() DT()] 6162"},
		{"01 00 01 03 19 01 01 61", "[GT() DT(enclosure=first)] 61"},
		{"01 00 01 00", "[GT() DT()] "},
		{"01 03 10 01 01 01 00 61", "[GT(tokens=data) DT()] 61"},
		{"01 00 01 03 EE 01 00 61", "[GT() DT()] 61"},
		{"02 00 01 00 61", "[PT() DT()] 61"}, // laxity: X.225 puts GT before DT
		{"02 03 10 01 01", "[PT(tokens=data)] "},
		{"0A 00", "[DN()] "},
	} {
		b := octets(t, row.hex)
		pdus, rest, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", row.hex, err)
			continue
		}
		if got := fmt.Sprintf("%v %x", pdus, rest); got != row.want {
			t.Errorf("%s: %s, want %s", row.hex, got, row.want)
		}
	}
}

// TestNeed reads each TSDU as a receiver does that gets its octets one by one: it ends with exactly the head of a DT.
func TestNeed(t *testing.T) {
	for _, row := range []struct {
		hex  string
		head int // 0: no user information
	}{
		{"01 00 01 00 61 62", 4},
		{"01 00 01 03 19 01 01 61", 7},
		{"01 FF 00 03 10 01 01 01 FF 00 03 19 01 01 61", 14},
		{"02 00 01 00 61", 4},
		{"01 00 31 00 61", 0},
		{"0A 00", 0},
		{"19 FF 01 00", 0},
	} {
		b := octets(t, row.hex)
		have := 0
		for {
			n, data := Need(b[:have])
			if data {
				if n != row.head || n > have {
					t.Errorf("%s: head of %d with %d octets, want %d", row.hex, n, have, row.head)
				}
				break
			}
			if n == 0 {
				if row.head != 0 {
					t.Errorf("%s: no user information, want a head of %d", row.hex, row.head)
				}
				break
			}
			if n <= have || row.head != 0 && n > row.head {
				t.Fatalf("%s: needs %d having %d", row.hex, n, have)
			}
			have = n
		}
	}
}

func TestSegmentHead(t *testing.T) {
	for _, e := range []Enclosure{First, Middle, Last, Only} {
		gt, err := GT{}.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := DT{e}.AppendBinary(gt)
		if err != nil {
			t.Fatal(err)
		}
		if got := SegmentHead(e); !bytes.Equal(got[:], want) {
			t.Errorf("%v: % x, want % x", e, got, want)
		}
	}
	b, err := DT{}.AppendBinary([]byte{1, 0})
	if err != nil || !bytes.Equal(b, WholeHead[:]) {
		t.Errorf("whole head % x, %v", b, err)
	}
}

// TestSegments cuts each SPDU that may be cut and puts it together again.
func TestSegments(t *testing.T) {
	item := ConnectItem{Version: Version2}
	for _, p := range []SPDU{
		AC{ConnectItem: item, Units: Duplex, UserData: fill(100000)},
		RF{Reason: RefusedWithData, UserData: fill(100000)},
		FN{Keep: true, UserData: fill(100000)},
		DN{UserData: fill(100000)},
		NF{UserData: fill(100000)},
		AB{Reason: UserAbort, UserData: fill(10240)},
		FN{UserData: fill(3)}, DN{}, AA{}, OA{Version: Version2},
	} {
		for _, max := range []int{0, 64, 300, 4096} {
			t.Run(fmt.Sprintf("%v/%d", p, max), func(t *testing.T) {
				tsdus, err := Segments(p, max)
				if err != nil {
					t.Fatal(err)
				}
				a := Assembly{Limit: 100000}
				for i, b := range tsdus {
					if max != 0 && len(b) > max || len(b) > maxSPDU {
						t.Fatalf("TSDU of %d octets", len(b))
					}
					s, n, err := ParseFirst(b)
					if err != nil || n != len(b) {
						t.Fatalf("% x: %d octets, %v", b, n, err)
					}
					whole, err := a.Add(s)
					if err != nil {
						t.Fatal(err)
					}
					if last := i == len(tsdus)-1; (whole != nil) != last || a.Pending() == last {
						t.Fatalf("whole %v after segment %d of %d", whole, i+1, len(tsdus))
					}
					if whole != nil && !reflect.DeepEqual(whole, p) {
						t.Errorf("got %v, want %v", whole, p)
					}
				}
			})
		}
	}
}

func TestConnectOverflow(t *testing.T) {
	data := make([]byte, 200000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	whole := CN{ConnectItem: ConnectItem{Version: Version2}, Units: Duplex, UserData: data}
	cn, rest := SplitConnect(whole)
	if len(cn.UserData) != MaxConnectData || !cn.More || len(rest) != len(data)-MaxConnectData {
		t.Fatalf("split into %d and %d octets", len(cn.UserData), len(rest))
	}
	b, err := cn.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := ParseCN(b)
	if err != nil {
		t.Fatal(err)
	}
	a := Assembly{Limit: len(data)}
	if p, err := a.Add(first); p != nil || err != nil {
		t.Fatalf("CN alone is %v, %v", p, err)
	}
	tsdus, err := Segments(CDO{UserData: rest}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range tsdus {
		p, _, err := ParseCDO(b)
		if err != nil {
			t.Fatal(err)
		}
		// "00 for all but the last, 02 on the last": x225 2.10
		if last := i == len(tsdus)-1; p.Enclosure.Ends() != last || p.Enclosure.Begins() {
			t.Fatalf("CDO %d of %d: %v", i+1, len(tsdus), p.Enclosure)
		}
		got, err := a.Add(p)
		if err != nil {
			t.Fatal(err)
		}
		if got != nil && !reflect.DeepEqual(got, whole) {
			t.Errorf("got %v, want %v", got, whole)
		}
	}
	if small, rest := SplitConnect(CN{UserData: fill(10240)}); small.More || rest != nil {
		t.Error("10240 octets fit into CN")
	}
}

func TestAssemblyErrors(t *testing.T) {
	for _, row := range []struct {
		pdus []SPDU
		want string
	}{
		{[]SPDU{DN{Enclosure: Last}}, "spdu: parse DN: PI 25 (enclosure item): last segment without a first"},
		{[]SPDU{FN{Enclosure: First}, DN{Enclosure: Last}}, "spdu: parse DN: PI 25 (enclosure item): last segment within a FN"},
		{[]SPDU{FN{Enclosure: First}, FN{Enclosure: First}}, "spdu: parse FN: PI 25 (enclosure item): first segment within a FN"},
		{[]SPDU{FN{Enclosure: First}, FN{}}, "spdu: parse FN: PI 25 (enclosure item): none segment within a FN"},
		{[]SPDU{FN{Enclosure: First, UserData: fill(6)}, FN{Enclosure: Last, UserData: fill(5)}},
			"spdu: parse FN: PGI 193 (user data): more than 10 octets"},
	} {
		a := Assembly{Limit: 10}
		var err error
		for _, p := range row.pdus {
			_, err = a.Add(p)
		}
		if err == nil || err.Error() != row.want {
			t.Errorf("%v: %v, want %s", row.pdus, err, row.want)
		}
		if a.Pending() {
			t.Errorf("%v: segments kept after the error", row.pdus)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	for _, row := range []struct {
		pdu    SPDU
		v1, v2 bool
	}{
		{DN{UserData: fill(512)}, true, true},
		{DN{UserData: fill(513)}, false, true},
		{DN{Enclosure: First}, false, true},
		{AB{UserData: fill(512)}, true, true}, // laxity: the limit is 9
		{AB{UserData: fill(513)}, false, true},
		{AB{UserData: fill(10241)}, false, false},
		{RF{UserData: fill(512)}, true, true},
		{RF{UserData: fill(513)}, false, true},
		{GT{UserData: fill(1)}, false, true},
		{PT{UserData: fill(512)}, true, true},
		{PT{UserData: fill(513)}, false, true},
		{PT{Enclosure: Only}, false, true},
		{AA{}, true, true},
	} {
		if err := CheckVersion(row.pdu, Version1); (err == nil) != row.v1 {
			t.Errorf("%v in version 1: %v", row.pdu, err)
		}
		if err := CheckVersion(row.pdu, Version2); (err == nil) != row.v2 {
			t.Errorf("%v in version 2: %v", row.pdu, err)
		}
	}
}

func TestHeadAllocatesNothing(t *testing.T) {
	whole := append(WholeHead[:], 1, 2, 3)
	seg := SegmentHead(First)
	buf := make([]byte, 0, 16)
	if n := testing.AllocsPerRun(1000, func() {
		for _, b := range [][]byte{whole, seg[:]} {
			n, data := Need(b)
			_, m, err := ParseGT(b)
			_, k, err2 := ParseDT(b[m:])
			if !data || n != m+k || err != nil || err2 != nil {
				t.Fatal("wrong head")
			}
		}
		b, err := GT{}.AppendBinary(buf[:0])
		b, err2 := (DT{First}).AppendBinary(b)
		if err != nil || err2 != nil || len(b) != 7 {
			t.Fatal("wrong octets")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
