package endpoint

import (
	"reflect"
	"testing"
)

// TestStreamSize: an idle stream is this struct and the machine's; of more than 144 octets the allocator makes 160.
func TestStreamSize(t *testing.T) {
	if size := reflect.TypeFor[Stream]().Size(); size > 144 {
		t.Errorf("a Stream has %d octets", size)
	}
}
