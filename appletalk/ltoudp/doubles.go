package ltoudp

import (
	"hash/maphash"
	"time"
)

// What is sent on several interfaces is heard several times by who listens on several. doubles lets it through once.
//
// A frame that was really sent twice comes twice on each interface: what counts is how often it has come on this one.
type doubles struct {
	seed   maphash.Seed
	recent [maxRecent]recent
	next   int
}

const (
	maxRecent     = 128
	maxInterfaces = 16
	doubleTime    = 200 * time.Millisecond // by then the last copy has come
)

type recent struct {
	sum    uint64
	until  time.Time
	passed int                // how often it was let through
	came   [maxInterfaces]int // how often it came, by interface
}

func newDoubles() *doubles { return &doubles{seed: maphash.MakeSeed()} }

// pass reports whether a datagram is to be let through that has come on an interface.
func (d *doubles) pass(now time.Time, b []byte, index int) bool {
	sum := maphash.Bytes(d.seed, b)
	var r *recent
	for i := range d.recent {
		if d.recent[i].sum == sum && now.Before(d.recent[i].until) {
			r = &d.recent[i]
			break
		}
	}
	if r == nil {
		r = &d.recent[d.next]
		d.next = (d.next + 1) % maxRecent
		*r = recent{sum: sum, until: now.Add(doubleTime)}
	}
	came := &r.came[uint(index)%maxInterfaces]
	*came++
	if *came <= r.passed {
		return false
	}
	r.passed++
	return true
}
