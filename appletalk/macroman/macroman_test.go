package macroman

import "testing"

func TestSet(t *testing.T) {
	if len(high) != 128 || len(codes) != 128 {
		t.Fatalf("%d characters, of which %d are different", len(high), len(codes))
	}
	for text, want := range map[string]string{
		"Café": "Caf\x8e", "ä": "\x8a", "≈": "\xc5", "ø": "\xbf", "œ": "\xcf", "ˇ": "\xff", "Á": "\xe7", "è": "\x8f", "plain =": "plain =", "ß": "\xa7",
		"÷": "\xd6", "ÿ": "\xd8", "Ô": "\xef", "•": "\xa5", "…": "\xc9",
	} {
		name, err := Encode(text)
		if err != nil || name != want || Decode(name) != text {
			t.Errorf("%q is % x, %v, and back %q; want % x", text, name, err, Decode(name), want)
		}
	}
	for i := range 256 {
		s := string([]byte{byte(i)})
		if name, err := Encode(Decode(s)); err != nil || name != s {
			t.Errorf("%02x came back as % x, %v", i, name, err)
		}
	}
	if name, err := Encode("日本"); err == nil {
		t.Errorf("% x", name)
	}
}

// TestCases has IA2 table D-2 whole: 39 pairs, and nothing else.
func TestCases(t *testing.T) {
	pairs := map[byte]byte{0x88: 0xCB, 0x8A: 0x80, 0x8B: 0xCC, 0x8C: 0x81, 0x8D: 0x82, 0x8E: 0x83, 0x96: 0x84, 0x9A: 0x85, 0x9B: 0xCD,
		0x9F: 0x86, 0xBE: 0xAE, 0xBF: 0xAF, 0xCF: 0xCE}
	for c := byte('a'); c <= 'z'; c++ {
		pairs[c] = c - 32
	}
	for i := range 256 {
		want, ok := pairs[byte(i)]
		if !ok {
			want = byte(i)
		}
		if got := Upper(byte(i)); got != want {
			t.Errorf("the upper case of %02x is %02x, want %02x", i, got, want)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"Café", "CAFÉ", true}, {"Café", "Cafe", false}, {"naïve", "NAÏVE", false}, {"a", "ab", false}, {"", "", true}, {"Ærø", "ærØ", true},
	} {
		a, _ := Encode(tt.a)
		b, _ := Encode(tt.b)
		if got := Equal(a, b); got != tt.want || (Fold(a) == Fold(b)) != tt.want {
			t.Errorf("%q and %q: %v, and folded %v", tt.a, tt.b, got, Fold(a) == Fold(b))
		}
	}
}
