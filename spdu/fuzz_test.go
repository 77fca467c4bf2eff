package spdu

import (
	"reflect"
	"testing"
)

// fuzz checks one Parse: it does not panic, takes no more than there is, and what it accepts and can be sent again parses to
// the same value.
func fuzz[P SPDU](f *testing.F, parse func([]byte) (P, int, error)) {
	for _, row := range codecTable {
		if _, ok := row.pdu.(P); ok {
			f.Add(octets(f, row.hex))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, n, err := parse(b)
		if err != nil {
			return
		}
		if n > len(b) {
			t.Fatalf("%v has %d octets of %d", p, n, len(b))
		}
		_ = p.String()
		again, err := p.AppendBinary(nil)
		if err != nil {
			if rf, ok := any(p).(RF); ok && rf.Reason != RefusedWithData { // a laxity on receipt
				return
			}
			if cn, ok := any(p).(CN); ok && cn.Version == 0 { // versions unknown to us, to be refused
				return
			}
			t.Fatalf("%v cannot be sent: %v", p, err)
		}
		q, n, err := parse(again)
		if err != nil || n != len(again) || !reflect.DeepEqual(p, q) {
			t.Fatalf("%v came back as %v, %d of %d octets, %v", p, q, n, len(again), err)
		}
	})
}

func FuzzParseCN(f *testing.F)  { fuzz(f, ParseCN) }
func FuzzParseAC(f *testing.F)  { fuzz(f, ParseAC) }
func FuzzParseOA(f *testing.F)  { fuzz(f, ParseOA) }
func FuzzParseCDO(f *testing.F) { fuzz(f, ParseCDO) }
func FuzzParseRF(f *testing.F)  { fuzz(f, ParseRF) }
func FuzzParseFN(f *testing.F)  { fuzz(f, ParseFN) }
func FuzzParseDN(f *testing.F)  { fuzz(f, ParseDN) }
func FuzzParseNF(f *testing.F)  { fuzz(f, ParseNF) }
func FuzzParseAB(f *testing.F)  { fuzz(f, ParseAB) }
func FuzzParseAA(f *testing.F)  { fuzz(f, ParseAA) }
func FuzzParsePR(f *testing.F)  { fuzz(f, ParsePR) }
func FuzzParseGT(f *testing.F)  { fuzz(f, ParseGT) }
func FuzzParsePT(f *testing.F)  { fuzz(f, ParsePT) }
func FuzzParseDT(f *testing.F)  { fuzz(f, ParseDT) }

// FuzzParse checks whole TSDUs: Need agrees with Parse about where DT's user information begins.
func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Add(octets(f, "01 00 01 00 61 62"))
	f.Add(octets(f, "01 00 01 03 19 01 01 61"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pdus, rest, err := Parse(b)
		have, data := 0, false
		for {
			n, d := Need(b[:have])
			if d || n == 0 || n > len(b) {
				data = d
				break
			}
			if n <= have {
				t.Fatalf("needs %d octets having %d", n, have)
			}
			have = n
		}
		if err != nil {
			return
		}
		if _, ok := pdus[len(pdus)-1].(DT); ok != data {
			t.Fatalf("%v: user information %v", pdus, data)
		}
		if data && have != len(b)-len(rest) {
			t.Fatalf("%v: head of %d octets, want %d", pdus, have, len(b)-len(rest))
		}
	})
}
