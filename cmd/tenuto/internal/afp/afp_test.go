package afp

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// block makes a status block.
func block(i Info, bits uint16, signature string) []byte {
	pascal := func(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }
	b := make([]byte, nameAt)
	binary.BigEndian.PutUint16(b[8:], bits)
	b = pascal(b, i.Name)
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	at := len(b)
	if signature != "" {
		b = append(b, 0, 0)
	}
	put := func(at int) { binary.BigEndian.PutUint16(b[at:], uint16(len(b))) }
	put(0)
	b = pascal(b, i.Machine)
	for k, list := range [][]string{i.Versions, i.Methods} {
		put(2 + 2*k)
		b = append(b, byte(len(list)))
		for _, s := range list {
			b = pascal(b, s)
		}
	}
	if signature != "" {
		put(at)
		b = append(b, signature...)
	}
	return b
}

func TestParse(t *testing.T) {
	want := Info{Name: "Files", Machine: "Macintosh", Versions: []string{"AFPVersion 2.1", "AFP2.2"}, Methods: []string{"Cleartxt passwrd", "No User Authent"}}
	got, err := Parse(block(want, 0, ""))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = Parse(block(want, 1|signatureFlag|1<<15, "0123456789abcdef"))
	want.Flags, want.Signature = []string{"copies files", "signature", "super client"}, "30313233343536373839616263646566"
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	whole := block(want, signatureFlag, "0123456789abcdef")
	for n := range whole {
		if _, err := Parse(whole[:n]); err == nil || !strings.HasPrefix(err.Error(), "afp: parse status: ") {
			t.Errorf("%d octets of %d: %v", n, len(whole), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(block(Info{Name: "n", Machine: "m", Versions: []string{"1"}, Methods: []string{"2"}}, signatureFlag, "0123456789abcdef"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := Parse(b); err == nil && len(i.Versions) > 255 {
			t.Error(i)
		}
	})
}
