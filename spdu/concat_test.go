package spdu

import (
	"bytes"
	"errors"
	"testing"
)

// x225 3.2
var (
	afterGT = []SPDU{DT{}, MIP{}, MAP{}, AE{}, RS{}, AS{}, AR{}, AD{}, AI{}, CD{}}
	afterPT = []SPDU{MIA{}, MAA{}, RA{}, ADA{}, AIA{}, CDA{}, ER{}, ED{}}
)

func TestBasicConcatenation(t *testing.T) {
	for _, row := range []struct {
		pdus          []SPDU
		header, other SPDU
		hex           string
	}{
		{afterGT, GT{}, PT{}, "01 00"},
		{afterPT, PT{}, GT{}, "02 00"},
	} {
		for _, p := range row.pdus {
			if c, err := Concatenated([]SPDU{row.header, p}); c != Basic || err != nil {
				t.Errorf("%v %v: %v, %v", row.header, p, c, err)
			}
			want := append(octets(t, row.hex), mustAppend(t, p)...)
			if got, err := AppendTSDU(nil, p); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: % x, %v, want % x", p, got, err, want)
			}
			if pdus, _, err := Parse(want); err != nil || len(pdus) != 2 || pdus[0].kind() != row.header.kind() {
				t.Errorf("% x: %v, %v", want, pdus, err)
			}
			wrong := append(mustAppend(t, row.other), mustAppend(t, p)...)
			if _, err := AppendTSDU(nil, row.other, p); err == nil {
				t.Errorf("%v was appended after %v", p, row.other)
			}
			if p.kind() == kindDT {
				continue // a laxity
			}
			var pe *ProtocolError
			if _, _, err := Parse(wrong); !errors.As(err, &pe) || pe.Code != BadSequence || pe.Offset != 2 || pe.Clause != "x225 3.2" {
				t.Errorf("% x: %v", wrong, err)
			}
		}
	}
	n := 0
	for _, f := range kinds {
		if f.category == 2 {
			n++
		}
	}
	if got := len(afterGT) + len(afterPT); got != n {
		t.Errorf("%d SPDUs of category 2 were tried, there are %d", got, n)
	}
}

func TestConcatenated(t *testing.T) {
	for _, row := range []struct {
		pdus []SPDU
		want Concatenation
		err  string // "" is none
	}{
		{[]SPDU{DN{}}, Alone, ""},
		{[]SPDU{GT{}}, Alone, ""},
		{[]SPDU{GT{}, AS{}, MIP{}, DT{}}, Extended, ""},
		{[]SPDU{PT{}, MIA{}, MIP{}}, Extended, ""},
		{[]SPDU{GT{}, CD{}, CD{}, CD{}, CD{}, CD{}, CD{}, CD{}, DT{}}, Extended, ""},
		{[]SPDU{PT{}, DT{}}, Basic, ""},
		{nil, 0, "spdu: parse TSDU: no SPDU"},
		{[]SPDU{MIP{}}, 0, "spdu: parse MIP: not after GT or PT"},
		{[]SPDU{DN{}, DT{}}, 0, "spdu: parse DT: after DN"},
		{[]SPDU{GT{}, DN{}}, 0, "spdu: parse DN: after GT or PT"},
		{[]SPDU{GT{}, PT{}}, 0, "spdu: parse PT: after GT or PT"},
		{[]SPDU{GT{}, DT{}, MIP{}}, 0, "spdu: parse DT: not the last"},
		{[]SPDU{GT{}, MIA{}}, 0, "spdu: parse MIA: after GT"},
		{[]SPDU{GT{}, CD{}, CD{}, CD{}, CD{}, CD{}, CD{}, CD{}, CD{}, DT{}}, 0, "spdu: parse DT: more than 8 SPDUs after GT or PT"},
	} {
		got, err := Concatenated(row.pdus)
		if got != row.want || (err == nil) != (row.err == "") || err != nil && err.Error() != row.err {
			t.Errorf("%v: %v, %v, want %v, %s", row.pdus, got, err, row.want, row.err)
		}
	}
}

func TestAppendTSDU(t *testing.T) {
	for _, row := range []struct {
		pdus []SPDU
		want string // octets, or the error
	}{
		{[]SPDU{DN{}}, "0A 00"},
		{[]SPDU{TD{First}}, "21 03 19 01 01"},
		{[]SPDU{DT{}}, "01 00 01 00"},
		{[]SPDU{GT{Tokens: DataToken}, MIP{Serial: 6}}, "01 03 10 01 01 31 03 2A 01 36"}, // x225 5.7
		{[]SPDU{MIA{Serial: 5}}, "02 00 32 03 2A 01 35"},                                 // x225 5.7
		{[]SPDU{PT{Tokens: MinorToken}, MIA{Serial: 5}}, "02 03 10 01 04 32 03 2A 01 35"},
		{[]SPDU{MIP{Serial: 1}, DT{}}, "01 00 31 03 2A 01 31 01 00"},
		{[]SPDU{MIA{Serial: 5}, MIP{Serial: 6}}, "02 00 32 03 2A 01 35 31 03 2A 01 36"},
		{nil, "spdu: append TSDU: no SPDU"},
		{[]SPDU{DN{}, DN{}}, "spdu: append DN: after DN"},
		{[]SPDU{PT{}, DT{}}, "spdu: append DT: after PT"},
		{[]SPDU{DT{}, MIP{}}, "spdu: append DT: not the last"},
		{[]SPDU{GT{Tokens: DataToken}, RS{}}, "spdu: append RS: tokens are given with it"},
		{[]SPDU{GT{Tokens: DataToken}, AI{}}, "spdu: append AI: tokens are given with it"},
		{[]SPDU{GT{Tokens: DataToken}, MIP{}, AD{}}, "spdu: append AD: tokens are given with it"},
		{[]SPDU{GT{}, MIP{Serial: 1000000}}, "spdu: append MIP: PI 42 (serial number): 1000000 exceeds 999999"},
	} {
		b, err := AppendTSDU([]byte{0xee}, row.pdus...)
		if err != nil {
			if err.Error() != row.want || !bytes.Equal(b, []byte{0xee}) {
				t.Errorf("%v: % x, %v, want %s", row.pdus, b, err, row.want)
			}
			continue
		}
		if want := append([]byte{0xee}, octets(t, row.want)...); !bytes.Equal(b, want) {
			t.Errorf("%v: % x, want % x", row.pdus, b, want)
		}
	}
}
