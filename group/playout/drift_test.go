package playout

import (
	"math"
	"testing"
	"time"
)

// TestNoAllocations: a unit on its way through the machine allocates nothing.
func TestNoAllocations(t *testing.T) {
	m := New(Config{Rate: Nanoseconds, MaxSkew: ms, Buffer: 1 << 20})
	for n := range MaxStreams {
		if err := m.Join(n, true); err != nil {
			t.Fatal(err)
		}
		if err := m.Start(0, n, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	var now time.Duration
	var at int64
	m.Events()
	round := func() {
		for n := range MaxStreams {
			b := append(m.Buffer(n), "0123456789abcdef"...)
			if err := m.Unit(now, n, at, b); err != nil {
				t.Fatal(err)
			}
			if err := m.Mark(now, n, at, now+1); err != nil {
				t.Fatal(err)
			}
		}
		for _, ok := m.Next(now); ok; _, ok = m.Next(now) {
		}
		now += ms
		at += int64(ms)
	}
	round()
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations for %d units", n, MaxStreams)
	}
}

// TestDrift: a sender's clock that runs faster or slower is known within a few millionths, though the way's time differs from mark to mark.
func TestDrift(t *testing.T) {
	for _, ppm := range []float64{0, 80, -250} {
		var d drift
		x := uint64(1)
		for i := range 3000 {
			if i == 100 && d.estimate().Known {
				t.Error("known after 2 s")
			}
			now := time.Duration(i) * 20 * ms
			x = x*6364136223846793005 + 1442695040888963407
			way := 30*ms + time.Duration(x>>33)%(5*ms)
			d.add(now+way, time.Duration(float64(now)*(1+ppm/1e6))+1)
		}
		if got := d.estimate(); !got.Known || math.Abs(got.PPM-ppm) > 15 {
			t.Errorf("got %+v, want %v", got, ppm)
		}
		d.add(time.Hour, 1) // another sender
		if d.estimate().Known {
			t.Error("known of another sender")
		}
	}
}

// TestRate: conversions saturate, and round towards 0.
func TestRate(t *testing.T) {
	for _, test := range []struct {
		r Rate
		n int64
		d time.Duration
	}{
		{Rate{48000, 1}, 48000, time.Second}, {Rate{48000, 1}, -1, -20833}, {Rate{30000, 1001}, 30, 1001 * ms}, {Rate{1, 60}, 2, 2 * time.Minute},
		{Nanoseconds, math.MaxInt64, math.MaxInt64}, {Rate{1, 1}, math.MaxInt64, math.MaxInt64}, {Rate{1, math.MaxUint32}, math.MinInt64, -math.MaxInt64},
	} {
		if got := test.r.Duration(test.n); got != test.d {
			t.Errorf("%v, %d: got %v, want %v", test.r, test.n, got, test.d)
		}
	}
	if got := (Rate{90000, 1}).Units(1500 * ms); got != 135000 {
		t.Error(got)
	}
	if !(Rate{2, 2}).Same(Rate{1, 1}) || (Rate{2, 1}).Same(Rate{1, 1}) || (Rate{90000, 1}).String() != "90000/s" || (Rate{30000, 1001}).String() != "30000/1001/s" {
		t.Error("rates")
	}
}
