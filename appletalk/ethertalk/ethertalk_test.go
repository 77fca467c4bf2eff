package ethertalk

import (
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"ethertalk://eth0": "eth0", "ethertalk://br-lan.2/": "br-lan.2", "ethertalk://": "", "ethertalk:eth0": "", "ltoudp://eth0": "",
		"ethertalk://eth0:1": "", "ethertalk://eth0/x": "", "ethertalk://eth0?x": "",
	} {
		if got, err := ParseURL(in); got != want || (err != nil) != (want == "") {
			t.Errorf("%s is %q, %v", in, got, err)
		}
	}
}

// TestFilter lets AppleTalk through and nothing else.
func TestFilter(t *testing.T) {
	vm, err := bpf.NewVM(filter)
	if err != nil {
		t.Fatal(err)
	}
	addresses := "09 00 07 ff ff ff 08 00 07 01 02 03 "
	for _, tt := range []struct {
		name, hex string
		want      bool
	}{
		{"data", "00 20 aa aa 03 08 00 07 80 9b 00 18", true}, {"AARP", "00 24 aa aa 03 00 00 00 80 f3 00 01", true},
		{"IPv4", "08 00 45 00 00 28 00 00 80 9b 00 00", false}, {"no SNAP", "00 20 42 42 03 00 00 00 80 9b", false},
		{"another SNAP header", "00 20 aa aa 03 00 00 00 81 37 00 00", false}, {"short", "00 20 aa aa", false},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(addresses+tt.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := vm.Run(b); err != nil || (n > 0) != tt.want {
			t.Errorf("%s: %d, %v", tt.name, n, err)
		}
	}
}
