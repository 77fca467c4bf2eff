package aep

import (
	"bytes"
	"testing"
)

func TestCodec(t *testing.T) {
	for _, tt := range []struct{ b, str string }{{"\x01hello", "AEP(request, data=5)"}, {"\x02", "AEP(reply, data=0)"}} {
		p, err := Parse([]byte(tt.b))
		if err != nil || p.String() != tt.str || string(p.Append(nil)) != tt.b {
			t.Errorf("%q is %v, %v", tt.b, p, err)
		}
	}
	for _, b := range []string{"", "\x00", "\x03abc"} {
		if p, err := Parse([]byte(b)); err == nil {
			t.Errorf("%q is %v", b, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x01hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Parse(b); err == nil && !bytes.Equal(p.Append(nil), b) {
			t.Fatalf("% x came back as % x", b, p.Append(nil))
		}
	})
}
