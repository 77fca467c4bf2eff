package rawlink

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// TestOpenErrors: what cannot be opened says why.
func TestOpenErrors(t *testing.T) {
	all := []bpf.Instruction{bpf.RetConstant{Val: MaxFrame}}
	if c, err := Open("lo", []bpf.Instruction{bpf.LoadAbsolute{Size: 3}}); err == nil || c != nil && runtime.GOOS != "linux" {
		t.Errorf("a filter that is none: %v", err)
	}
	want := map[bool]string{true: "no such network interface", false: "need Linux"}[runtime.GOOS == "linux"]
	if _, err := Open("no-such-interface", all); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("an interface that there is not: %v", err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if _, err := Open("lo", all); err == nil || !strings.Contains(err.Error(), "no Ethernet") {
		t.Errorf("loopback: %v", err)
	}
}
