package spdu

import (
	"reflect"
	"testing"
)

// FuzzSPDU takes octets for an SPDU in both places: what is accepted takes no more than there is, and if it can be sent it comes back
// the same, whole and in segments.
func FuzzSPDU(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex), uint16(100))
	}
	f.Fuzz(func(t *testing.T, b []byte, max uint16) {
		for _, parse := range []func([]byte) (SPDU, int, error){ParseFirst, ParseNext} {
			p, n, err := parse(b)
			if err != nil {
				continue
			}
			if n > len(b) {
				t.Fatalf("%v has %d octets of %d", p, n, len(b))
			}
			_ = p.String()
			again, err := p.AppendBinary(nil)
			if err != nil {
				if receivedOnly(p) {
					continue
				}
				t.Fatalf("%v cannot be sent: %v", p, err)
			}
			q, n, err := parse(again)
			if err != nil || n != len(again) || !reflect.DeepEqual(p, q) {
				t.Fatalf("%v came back as %v, %d of %d octets, %v", p, q, n, len(again), err)
			}
			if s, ok := p.(segmentable); ok && p.kind() != kindCN && p.kind() != kindCDO {
				_, data := s.segment()
				fuzzSegments(t, s.with(0, data), int(max))
			}
		}
	})
}

// receivedOnly tells of the laxities: what is accepted and never sent.
func receivedOnly(p SPDU) bool {
	switch p := p.(type) {
	case RF:
		return p.Reason != RefusedWithData
	case CN:
		return p.Version == 0 // versions unknown to us, to be refused
	case ED:
		return exceptionReasons[p.Reason] == ""
	case AI:
		return exceptionReasons[p.Reason] == ""
	case AD:
		return exceptionReasons[p.Reason] == ""
	}
	return false
}

func fuzzSegments(t *testing.T, p SPDU, max int) {
	tsdus, err := Segments(p, max)
	if err != nil {
		return // no room, or a laxity
	}
	a := Assembly{Limit: 1 << 17}
	for i, b := range tsdus {
		if max != 0 && len(b) > max {
			t.Fatalf("TSDU of %d octets, want at most %d", len(b), max)
		}
		pdus, _, err := Parse(b)
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		whole, err := a.Add(pdus[len(pdus)-1])
		if err != nil {
			t.Fatal(err)
		}
		if last := i == len(tsdus)-1; (whole != nil) != last || last && !reflect.DeepEqual(whole, p) {
			t.Fatalf("%v after segment %d of %d, want %v", whole, i+1, len(tsdus), p)
		}
	}
}

// FuzzParse takes octets for a TSDU. Need agrees with Parse about where user information begins; Walk finds in order all that Parse
// understands; and what can be sent comes back the same.
func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		b := octets(f, row.hex)
		if kinds[row.pdu.kind()].category == 2 {
			b = append([]byte{byte(kinds[kinds[row.pdu.kind()].header].si), 0}, b...)
		}
		f.Add(b)
	}
	f.Add(octets(f, "01 00 01 00 61 62"))
	f.Add(octets(f, "01 00 01 03 19 01 01 61"))
	f.Add(octets(f, "01 03 10 01 01 31 03 2A 01 36 31 03 2A 01 37 01 00 61"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pdus, rest, err := Parse(b)
		have, data := need(t, b)
		seen := 0
		werr := Walk(b, func(i Item) error {
			if i.Offset < seen || len(i.Value) > i.Length || i.Offset+i.Head+len(i.Value) > len(b) {
				t.Fatalf("%+v after offset %d", i, seen)
			}
			seen = i.Offset + i.Head
			return nil
		})
		if err != nil {
			return
		}
		if werr != nil {
			t.Fatalf("%v, but walking: %v", pdus, werr)
		}
		k := pdus[len(pdus)-1].kind()
		if is := k == kindDT || k == kindTD; is != data {
			t.Fatalf("%v: user information %v", pdus, data)
		}
		if data && have != len(b)-len(rest) {
			t.Fatalf("%v: head of %d octets, want %d", pdus, have, len(b)-len(rest))
		}
		again, err := AppendTSDU(nil, pdus...)
		if err != nil {
			return
		}
		q, rest, err := Parse(again)
		if err != nil || len(rest) > 0 || !reflect.DeepEqual(pdus, q) {
			t.Fatalf("%v came back as %v, %v", pdus, q, err)
		}
	})
}

// need reads as a receiver does that gets just what it asks for.
func need(t *testing.T, b []byte) (have int, data bool) {
	for {
		n, data := Need(b[:have])
		if data || n == 0 || n > len(b) {
			return have, data
		}
		if n <= have {
			t.Fatalf("needs %d octets having %d", n, have)
		}
		have = n
	}
}
