package playout

import "time"

const (
	driftSlice = time.Second // of which the quickest mark counts
	driftSpan  = 64          // slices that are looked at
	driftLeast = 8           // and how many there have to be
)

// Drift is how much faster the sender's clock runs than the receiver's.
type Drift struct {
	Known bool    // marks have come for long enough
	PPM   float64 // millionths; negative where the sender's is slower
}

// drift estimates it from marks, which carry the sender's clock: the time on the way is never less than the least, so that of each second the mark that
// was quickest counts. The slope of the line through them is the drift.
type drift struct {
	slices [driftSpan]struct{ at, ahead time.Duration } // a ring
	n      int                                          // how many there have been
	last   time.Duration                                // the sender's clock at the last mark
}

// add takes a mark that carries the sender's clock, and has come now.
func (d *drift) add(now, clock time.Duration) {
	if clock < d.last || clock <= 0 { // another sender, or one that does not say
		d.n = 0
	}
	if d.last = clock; clock <= 0 {
		return
	}
	ahead := clock - now // and less by the way
	if d.n > 0 {
		if s := &d.slices[(d.n-1)%driftSpan]; now/driftSlice == s.at/driftSlice {
			if ahead > s.ahead {
				s.at, s.ahead = now, ahead
			}
			return
		}
	}
	d.slices[d.n%driftSpan].at, d.slices[d.n%driftSpan].ahead = now, ahead
	d.n++
}

// estimate is the slope of the line of least squares, without the slice that is not over.
func (d *drift) estimate() Drift {
	n := min(d.n-1, driftSpan-1)
	if n < driftLeast {
		return Drift{}
	}
	first := d.n - 1 - n
	origin := d.slices[first%driftSpan]
	var x, y, xx, xy float64
	for i := range n {
		s := d.slices[(first+i)%driftSpan]
		a, b := (s.at - origin.at).Seconds(), (s.ahead - origin.ahead).Seconds()
		x, y, xx, xy = x+a, y+b, xx+a*a, xy+a*b
	}
	k := float64(n)
	return Drift{true, (k*xy - x*y) / (k*xx - x*x) * 1e6}
}
