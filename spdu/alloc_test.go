package spdu

import "testing"

var (
	benchData = fill(64)
	benchMIP  = MIP{Type: Optional, Serial: 123456, UserData: benchData}
	benchRS   = RS{Type: Set, Serial: 123456, Tokens: AtResponder, HasTokens: true, UserData: benchData}
	benchCN   = CN{ID: ConnectionID{User: []byte("reference"), Common: []byte("260101120000Z")},
		ConnectItem: ConnectItem{Version: Version2, TokenSetting: CalledChooses}, Units: HalfDuplex | Activity,
		Calling: []byte("calling"), Called: []byte("called"), UserData: fill(156)}
)

func mustAppend(t testing.TB, p SPDU) []byte {
	b, err := p.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
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

func TestAllocations(t *testing.T) {
	buf := make([]byte, 0, 2048)
	cn := mustAppend(t, benchCN)
	for _, row := range []struct {
		name string
		max  float64
		f    func() error
	}{
		{"build and parse MIP", 0, func() error {
			b, err := benchMIP.AppendBinary(buf)
			if err != nil {
				return err
			}
			_, _, err = ParseMIP(b)
			return err
		}},
		{"build and parse RS", 0, func() error {
			b, err := benchRS.AppendBinary(buf)
			if err != nil {
				return err
			}
			_, _, err = ParseRS(b)
			return err
		}},
		{"build CN without a buffer", 2, func() error {
			_, err := benchCN.AppendBinary(nil)
			return err
		}},
		{"parse CN", 2, func() error {
			_, _, err := ParseCN(cn)
			return err
		}},
	} {
		var err error
		if n := testing.AllocsPerRun(1000, func() { err = row.f() }); n > row.max || err != nil {
			t.Errorf("%s: %v allocations, want at most %v (%v)", row.name, n, row.max, err)
		}
	}
}

// Each builds or parses one SPDU; DT with the 1 KiB of user information behind it.

func BenchmarkBuild(b *testing.B) {
	buf, data := make([]byte, 0, 2048), fill(1024)
	b.Run("CN", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := benchCN.AppendBinary(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("DT", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			h, err := GT{}.AppendBinary(buf)
			if err != nil {
				b.Fatal(err)
			}
			if h, err = (DT{First}).AppendBinary(h); err != nil {
				b.Fatal(err)
			}
			_ = append(h, data...)
		}
	})
	b.Run("MIP", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := benchMIP.AppendBinary(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("RS", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := benchRS.AppendBinary(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.Run("CN", func(b *testing.B) {
		in := mustAppend(b, benchCN)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := ParseCN(in); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("DT", func(b *testing.B) {
		h := SegmentHead(First)
		in := append(h[:], fill(1024)...)
		b.ReportAllocs()
		for b.Loop() {
			n, data := Need(in)
			_, m, err := ParseGT(in)
			if err != nil || !data {
				b.Fatal(data, err)
			}
			if _, k, err := ParseDT(in[m:]); err != nil || m+k != n {
				b.Fatal(m+k, err)
			}
		}
	})
	b.Run("MIP", func(b *testing.B) {
		in := mustAppend(b, benchMIP)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := ParseMIP(in); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("RS", func(b *testing.B) {
		in := mustAppend(b, benchRS)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := ParseRS(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
