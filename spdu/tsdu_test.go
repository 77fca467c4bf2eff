package spdu

import (
	"bytes"
	"fmt"
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
		{"21 00 61 62", "[TD()] 6162"},
		{"21 03 19 01 02", "[TD(enclosure=last)] "},
		{"05 00 61", "[EX(data=1)] "},
		{"02 00 32 03 2A 01 35", "[PT() MIA(serial=5)] "},                               // x225 5.7
		{"01 03 10 01 01 31 03 2A 01 36", "[GT(tokens=data) MIP(explicit, serial=6)] "}, // x225 5.7
		{"01 00 19 03 32 01 80", "[GT() AI(reason=demand data token)] "},
		{"02 00 1A 00", "[PT() AIA()] "},
		{"1A 00", "[AA()] "},
		{"01 00 2D 02 29 00 31 03 2A 01 31 01 00 61", "[GT() AS(activity=\"\") MIP(explicit, serial=1) DT()] 61"},
		{"02 00 32 03 2A 01 35 31 03 2A 01 36", "[PT() MIA(serial=5) MIP(explicit, serial=6)] "},
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
		{"01 00 31 03 2A 01 31 01 00 61", 9},
		{"01 00 31 FF 00 03 2A 01 31 31 FF 00 00 01 03 19 01 01 61", 18},
		{"01 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 01 00 61", 18},
		{"01 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 3D 00 01 00 61", 0}, // more than MaxConcatenated
		{"21 00 61", 2},
		{"21 FF 00 03 19 01 01 61", 7},
		{"05 00 61", 0},
		{"0A 00", 0},
		{"19 FF 01 00", 0},
	} {
		b := octets(t, row.hex)
		have := 0
		for {
			n, data := Need(b[:min(have, len(b))])
			if have > len(b) {
				n = 0 // the TSDU has ended
			}
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
