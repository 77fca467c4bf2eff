package rfc1006

import (
	"runtime"
	"testing"

	"github.com/tenuto-session/tenuto/transport"
)

func TestSendAndReceiveAllocateNothing(t *testing.T) {
	if !canDirect {
		t.Skip("octets are copied here")
	}
	a, b := pair(t, nil, nil)
	head, buf := []byte{1, 0, 1, 0}, make([]byte, 100_000)
	for _, size := range []int{1, 1000, 60_000} {
		data := make([]byte, size)
		if n := testing.AllocsPerRun(500, func() {
			if _, err := a.Send(transport.Never, head, data, transport.End); err != nil {
				t.Fatal(err)
			}
			for end := false; !end; {
				var err error
				if _, end, err = b.Receive(transport.Never, buf); err != nil {
					t.Fatal(err)
				}
			}
		}); n != 0 {
			t.Errorf("%d octets: %v allocations", size, n)
		}
	}
}

// TestLargeTSDU: a TSDU of any size flows through.
func TestLargeTSDU(t *testing.T) {
	const size, part = 256 << 20, 1 << 20
	a, b := pair(t, nil, nil)
	data := make([]byte, part)
	sent := make(chan struct{})
	defer func() { <-sent }()
	go func() {
		defer close(sent)
		for n := 0; n < size; n += part {
			f := transport.SendFlag(0)
			if n+part == size {
				f = transport.End
			}
			if _, err := a.Send(transport.Never, nil, data, f); err != nil {
				t.Errorf("Send: %v", err)
				return
			}
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	buf, got := make([]byte, 64<<10), 0
	for {
		n, end, err := b.Receive(transport.Never, buf)
		if got += n; err != nil {
			t.Fatal(err)
		}
		if end {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if got != size {
		t.Errorf("%d octets", got)
	}
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 4<<20 && !raceEnabled {
		t.Errorf("%d octets were allocated meanwhile", cost)
	}
}
