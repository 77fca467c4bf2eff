package transfer

import (
	"os"
	"testing"
)

func TestNoFileLeft(t *testing.T) {
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(d)
	}
	before := count()
	for seed := range 10 {
		crashes(t, uint64(seed))
		owners(t, uint64(seed))
	}
	if after := count(); after > before {
		t.Errorf("%d files are open, before it were %d", after, before)
	}
}
