package playout

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Rate is the unit of a group's times: how many there are in a second, as a fraction. 48 kHz is {48000, 1}, and a frame of 29.97 Hz {30000, 1001}.
type Rate struct{ Num, Den uint32 }

// Nanoseconds is the rate of times in nanoseconds.
var Nanoseconds = Rate{1e9, 1}

// Check tells whether the rate can be one.
func (r Rate) Check() error {
	if r.Num == 0 || r.Den == 0 {
		return fmt.Errorf("playout: rate %v: neither part may be 0", r)
	}
	return nil
}

// Same tells whether two rates are the same, however they are written.
func (r Rate) Same(o Rate) bool { return uint64(r.Num)*uint64(o.Den) == uint64(o.Num)*uint64(r.Den) }

func (r Rate) String() string {
	if r.Den == 1 {
		return fmt.Sprintf("%d/s", r.Num)
	}
	return fmt.Sprintf("%d/%d/s", r.Num, r.Den)
}

// Duration is how long n units take, rounded down in magnitude. What no Duration holds is the longest one.
func (r Rate) Duration(n int64) time.Duration {
	return time.Duration(scale(n, uint64(r.Den)*uint64(time.Second), uint64(r.Num)))
}

// Units is how many whole units there are in d, at most the largest number.
func (r Rate) Units(d time.Duration) int64 {
	return scale(int64(d), uint64(r.Num), uint64(r.Den)*uint64(time.Second))
}

// scale is n*num/den; what does not fit is the largest number with n's sign.
func scale(n int64, num, den uint64) int64 {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	hi, lo := bits.Mul64(u, num)
	q := uint64(math.MaxInt64)
	if hi < den {
		if v, _ := bits.Div64(hi, lo, den); v < q {
			q = v
		}
	}
	if n < 0 {
		return -int64(q)
	}
	return int64(q)
}

// between is b-a, or the number next to it.
func between(a, b int64) int64 {
	d := b - a
	switch {
	case b >= a && d < 0:
		return math.MaxInt64
	case b < a && d >= 0:
		return -math.MaxInt64
	}
	return d
}

// after is a+d, or the number next to it that is a time.
func after(a, d int64) int64 {
	s := a + d
	switch {
	case d > 0 && s < a:
		return math.MaxInt64
	case s < 0:
		return 0
	}
	return s
}

// plus is a+b of durations, or the one next to it.
func plus(a, b time.Duration) time.Duration {
	s := a + b
	switch {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return -math.MaxInt64
	}
	return s
}
