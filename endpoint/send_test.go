package endpoint

import (
	"testing"
	"testing/synctest"

	"github.com/tenuto-session/tenuto/bridge"
	"github.com/tenuto-session/tenuto/carrier/memory"
)

// A Send that has to wait for room goes on with all that is left of it, or with a quarter of the ring: what is less would be a record, a
// frame and a record of TLS of its own.
func TestSendLeavesNoCrumbs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, memory.New(), "memory://server")
		s, _ := p.open(t)
		p.br.mu.Lock()
		const size, head = bridge.MinCredit, 8 // as large as the peer's credit lets the ring be
		s.sends().release(true)
		s.out.ring = ring{buf: newRingBuf(size)}
		for _, c := range []struct {
			free, n int
			want    bool
		}{
			{size, 64 << 10, true},
			{bridge.RecordHeader + head + size/4, 64 << 10, true},
			{bridge.RecordHeader + head + size/4 - 1, 64 << 10, false},
			{bridge.RecordHeader + head + 100, 100, true},
			{bridge.RecordHeader + head + 99, 100, false},
			{bridge.RecordHeader + head, 0, true},
			{bridge.RecordHeader + head - 1, 0, false},
		} {
			s.out.head = s.out.tail + uint64(size-c.free)
			if got := s.room(head, c.n); got != c.want || len(s.out.buf) != size {
				t.Errorf("%d octets, with %d free of %d: %v; want %v", c.n, c.free, len(s.out.buf), got, c.want)
			}
		}
		s.out.head = s.out.tail
		p.br.mu.Unlock()
		p.client.Close()
		p.server.Close()
	})
}
