package octets

import (
	"bytes"
	"testing"
)

func TestReader(t *testing.T) {
	b := AppendImage(AppendUint16([]byte{7}, 0x1234), "abc")
	b = AppendImage(b, []byte(nil))
	r := Reader{B: b}
	if v := r.Uint8("a"); v != 7 {
		t.Errorf("octet %d", v)
	}
	if v := r.Uint16("b"); v != 0x1234 {
		t.Errorf("word %04x", v)
	}
	if v := r.Image(3, "c"); !bytes.Equal(v, []byte("abc")) || cap(v) != 3 {
		t.Errorf("image %q", v)
	}
	if v := r.Image(3, "d"); v != nil || r.Err != nil || len(r.B) != 0 {
		t.Errorf("empty image %q, %v", v, r.Err)
	}
	if v := r.Uint16("e"); v != 0 || r.Err == nil {
		t.Errorf("word %d after the end, %v", v, r.Err)
	}
	for b, want := range map[string]string{
		"":         "x: 0 octets are left of 1",
		"\x03ab":   "x: 2 octets are left of 3",
		"\x04abcd": "x: length 4 exceeds 3",
	} {
		r := Reader{B: []byte(b)}
		if r.Image(3, "x"); r.Err == nil || r.Err.Error() != want || r.Image(3, "y") != nil {
			t.Errorf("%q: %v, want %s", b, r.Err, want)
		}
	}
}
