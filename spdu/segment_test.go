package spdu

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
)

// TestSegments cuts each SPDU that may be cut, in each shape, and puts it together again.
func TestSegments(t *testing.T) {
	var cut [numKinds]bool
	for _, row := range codecTable {
		s, ok := row.pdu.(segmentable)
		if !ok {
			if got, err := Segments(row.pdu, 64); err != nil || len(got) != 1 {
				t.Errorf("%v: %d TSDUs, %v", row.pdu, len(got), err)
			}
			continue
		}
		if e, _ := s.segment(); !e.Begins() || s.kind() == kindCN {
			continue
		}
		if rf, ok := s.(RF); ok {
			rf.Reason = RefusedWithData
			s = rf
		}
		cut[s.kind()] = true
		for _, size := range []int{0, 3, 10240, 100000} {
			if s.kind() == kindAB && size > MaxAbortData {
				continue
			}
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(i * 7)
			}
			if size == 0 {
				data = nil
			}
			for _, max := range []int{0, 128, 300, 4096} {
				t.Run(fmt.Sprintf("%s/%d/%d", row.name, size, max), func(t *testing.T) { testSegments(t, s.with(0, data), max) })
			}
		}
	}
	for k, f := range kinds {
		if f.data != 0 && !cut[k] && kind(k) != kindCN && kind(k) != kindCDO {
			t.Errorf("%s has not been cut", f.name)
		}
	}
}

func testSegments(t *testing.T, p SPDU, max int) {
	tsdus, err := Segments(p, max)
	if err != nil {
		t.Fatal(err)
	}
	_, data := p.(segmentable).segment()
	if most := 2 + 2*len(data)/65000; max == 0 && len(tsdus) > most {
		t.Errorf("%d segments, want at most %d", len(tsdus), most)
	}
	a := Assembly{Limit: len(data)}
	for i, b := range tsdus {
		if max != 0 && len(b) > max || len(b) > 2+MaxSPDU {
			t.Fatalf("TSDU of %d octets", len(b))
		}
		pdus, rest, err := Parse(b)
		if err != nil || len(rest) > 0 {
			t.Fatalf("% x: %v", b, err)
		}
		if header := kinds[p.kind()].header; header != noKind && (len(pdus) != 2 || pdus[0].kind() != header) {
			t.Fatalf("%v, want %v before it", pdus, header)
		}
		if err := CheckVersion(pdus[len(pdus)-1], Version2); err != nil {
			t.Fatal(err)
		}
		var whole SPDU
		for _, s := range pdus { // the header passes through
			if whole, err = a.Add(s); err != nil {
				t.Fatal(err)
			}
		}
		if last := i == len(tsdus)-1; (whole != nil) != last || a.Pending() == last {
			t.Fatalf("whole %v after segment %d of %d", whole, i+1, len(tsdus))
		}
		if whole != nil && !reflect.DeepEqual(whole, p) {
			t.Errorf("got %v, want %v", whole, p)
		}
	}
}

func TestSegmentsNoRoom(t *testing.T) {
	for _, row := range []struct {
		pdu  SPDU
		max  int
		want string
	}{
		{AR{Linking: Linking{Called: fill(64)}, UserData: fill(100)}, 64, "spdu: append AR: a TSDU of 64 octets has no room for user data"},
		{ER{fill(100)}, 64, "spdu: append ER: 106 octets exceed the maximum size 64"},
		{CN{ConnectItem: ConnectItem{Version: Version2}, UserData: fill(100)}, 64, "spdu: append CN: 116 octets exceed the maximum size 64"},
		{MIP{Serial: 1000000, UserData: fill(100)}, 64, "spdu: append MIP: PI 42 (serial number): 1000000 exceeds 999999"},
	} {
		if _, err := Segments(row.pdu, row.max); err == nil || err.Error() != row.want {
			t.Errorf("%v: %v, want %s", row.pdu, err, row.want)
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
		{[]SPDU{MAP{Enclosure: First}, AE{Enclosure: Last}}, "spdu: parse AE: PI 25 (enclosure item): last segment within a MAP"},
		{[]SPDU{MIP{Enclosure: First}, GT{Enclosure: First}}, "spdu: parse GT: PI 25 (enclosure item): first segment within a MIP"},
		{[]SPDU{GT{Enclosure: First}, GT{}}, "spdu: parse GT: PI 25 (enclosure item): none segment within a GT"},
		{[]SPDU{RS{Enclosure: First}, RS{Enclosure: First}}, "spdu: parse RS: PI 25 (enclosure item): first segment within a RS"},
		{[]SPDU{MIP{Enclosure: First}, RS{Enclosure: First}, MIP{Enclosure: Last}},
			"spdu: parse MIP: PI 25 (enclosure item): last segment within a RS"},
		{[]SPDU{FN{Enclosure: First, UserData: fill(6)}, FN{Enclosure: Last, UserData: fill(5)}},
			"spdu: parse FN: PGI 193 (user data): more than 10 octets"},
		{[]SPDU{MIA{Enclosure: First, UserData: fill(11)}}, "spdu: parse MIA: PI 46 (user data): more than 10 octets"},
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
		if pe := new(ProtocolError); !errors.As(err, &pe) || pe.Offset != -1 {
			t.Errorf("%v: %v says where it is", row.pdus, err)
		}
	}
}

// TestAssemblyBetween puts SPDUs between two segments: "through" come out at once, "drop" make the segments void.
func TestAssemblyBetween(t *testing.T) {
	first, last := MIP{Serial: 3, Enclosure: First, UserData: []byte{1}}, MIP{Enclosure: Last, UserData: []byte{2}}
	for _, row := range []struct {
		pdu  SPDU
		drop bool
	}{
		{GT{}, false}, {GT{Tokens: DataToken}, false}, {PT{Tokens: DataToken, Enclosure: Only}, false},
		{EX{fill(1)}, false}, {PR{PrepareRS}, false}, {AA{}, false},
		{RS{Serial: 1}, true}, {AI{}, true}, {AD{}, true}, {ED{}, true}, {AB{Reason: UserAbort}, true}, {ER{}, true},
	} {
		a := Assembly{Limit: 10}
		if p, err := a.Add(first); p != nil || err != nil {
			t.Fatal(p, err)
		}
		want := row.pdu
		if s, ok := want.(segmentable); ok {
			_, data := s.segment()
			want = s.with(0, data)
		}
		if p, err := a.Add(row.pdu); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%v came out as %v, %v", row.pdu, p, err)
		}
		if a.Pending() == row.drop {
			t.Errorf("%v: pending is %v", row.pdu, a.Pending())
		}
		if row.drop {
			continue
		}
		if p, err := a.Add(last); err != nil || !reflect.DeepEqual(p, MIP{Serial: 3, UserData: []byte{1, 2}}) {
			t.Errorf("%v between: got %v, %v", row.pdu, p, err)
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
		{MIP{UserData: fill(512)}, true, true},
		{MIP{UserData: fill(513)}, false, true},
		{MIA{UserData: fill(513)}, false, true},
		{RS{Enclosure: First}, false, true},
		{AI{UserData: fill(1)}, false, true},
		{AIA{UserData: fill(1)}, false, true},
		{AD{}, true, true},
		{ADA{UserData: fill(1)}, false, true},
		{GTC{UserData: fill(1)}, false, true},
		{GTC{}, true, true},
		{CD{UserData: fill(512)}, true, true},
		{CDA{UserData: fill(513)}, false, true},
		{DT{First}, true, true},
		{TD{First}, true, true},
		{EX{fill(14)}, true, true},
		{ER{fill(600)}, true, true},
	} {
		if err := CheckVersion(row.pdu, Version1); (err == nil) != row.v1 {
			t.Errorf("%v in version 1: %v", row.pdu, err)
		}
		if err := CheckVersion(row.pdu, Version2); (err == nil) != row.v2 {
			t.Errorf("%v in version 2: %v", row.pdu, err)
		}
	}
}
