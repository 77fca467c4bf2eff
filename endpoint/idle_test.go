package endpoint

import (
	"reflect"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier/memory"
	"github.com/tenuto-session/tenuto/transport"
)

// TestSizes: an idle stream is a Stream and one of the machine, a parked bridge is a Bridge, its machine and its streams. Of more octets than
// these the allocator makes more still.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		of   reflect.Type
		most uintptr
	}{
		{reflect.TypeFor[Stream](), 144},
		{reflect.TypeFor[bridge.Stream](), 192},
		{reflect.TypeFor[Bridge](), 320},
		{reflect.TypeFor[bridge.Machine](), 256},
	} {
		if size := c.of.Size(); size > c.most {
			t.Errorf("a %v has %d octets, more than %d", c.of, size, c.most)
		}
	}
}

// TestIdleWithinTSDU: what an idle stream gives back is not what it knows of a TSDU that has begun. It is ended after a silence, and the next
// one is purged after another.
func TestIdleWithinTSDU(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, _ *memory.Network) {
		a, b := p.open(t)
		part := func(text string, f transport.SendFlag, purged bool) {
			t.Helper()
			if _, err := a.Send(transport.Never, nil, []byte(text), f); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 100)
			n, end, err := b.Receive(transport.Never, got)
			if purged && err == transport.ErrPurged {
				n, end, err = b.Receive(transport.Never, got)
			} else if purged {
				t.Errorf("%q came without a purge before it, %v", got[:n], err)
			}
			if err != nil || string(got[:n]) != text || end != (f == transport.End) {
				t.Errorf("%q, end %v, %v; want %q", got[:n], end, err, text)
			}
			time.Sleep(time.Minute)
			for _, s := range []*Stream{a, b} {
				look(s, func() {
					if s.out != nil || s.in != nil && s.in.buf != nil || end && s.in != nil {
						t.Errorf("after %q it holds %v and %v", text, s.out, s.in)
					}
				})
			}
		}
		part("one ", 0, false)
		part("TSDU", transport.End, false)
		part("cut", 0, false)
		a.Purge()
		part("whole", transport.End, true)
	})
}
