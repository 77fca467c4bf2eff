package decnet

import "testing"

func TestAddr(t *testing.T) {
	for _, row := range []struct {
		text string
		want Addr
		mac  string
	}{
		{"1.1", 0x0401, "aa-00-04-00-01-04"},
		{"1.2", 0x0402, "aa-00-04-00-02-04"},
		{"5.7", 0x1407, "aa-00-04-00-07-14"},
		{"63.1023", 0xffff, "aa-00-04-00-ff-ff"},
	} {
		got, err := ParseAddr(row.text)
		if err != nil || got != row.want || got.String() != row.text || !got.Valid() {
			t.Errorf("%s: %04x (%v), %v; want %04x", row.text, uint16(got), got, err, uint16(row.want))
		}
		if m := got.MAC(); m.String() != row.mac || m.Multicast() {
			t.Errorf("%s: %v, want %s", row.text, m, row.mac)
		}
		if back, ok := got.MAC().Addr(); !ok || back != got {
			t.Errorf("%s: came back as %v", row.text, back)
		}
	}
	for _, text := range []string{"", "1", "1.", ".1", "0.1", "1.0", "64.1", "1.1024", "1.1.1", "-1.1", "+1.1", "1. 1", "a.b", "99999999999.1"} {
		if a, err := ParseAddr(text); err == nil {
			t.Errorf("%q is taken for %v", text, a)
		}
	}
	for _, a := range []Addr{0, 0x0400, 0x0001} {
		if a.Valid() {
			t.Errorf("%v is valid", a)
		}
	}
	if _, ok := (MAC{0xab, 0, 3}).Addr(); ok {
		t.Error("a multicast address has a node's")
	}
}

func TestName(t *testing.T) {
	for text, want := range map[string]string{"a": "A", "Alpha": "ALPHA", "VAX11": "VAX11", "1a": "1A", "abcdef": "ABCDEF"} {
		if got, err := ParseName(text); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "123456", "abcdefg", "a-b", "a b", "é", "1.2"} {
		if got, err := ParseName(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}
