package endpoint

import (
	"reflect"
	"testing"
)

// TestSizes: an idle stream is a Stream and the machine's, a parked bridge is a Bridge, its machine and its streams. Of more octets than
// these the allocator makes more still.
func TestSizes(t *testing.T) {
	if size := reflect.TypeFor[Stream]().Size(); size > 144 {
		t.Errorf("a Stream has %d octets", size)
	}
	if size := reflect.TypeFor[Bridge]().Size(); size > 320 {
		t.Errorf("a Bridge has %d octets", size)
	}
}
