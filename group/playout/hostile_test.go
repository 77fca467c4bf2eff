package playout

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestBadInput: each is refused or reported with a sentence, and the others go on.
func TestBadInput(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Buffer = MinBuffer })
	r.join(1, 2, 3)
	r.unit(1, 50)
	if err := r.m.Mark(r.now, 1, 49, 0); err != ErrBackward {
		t.Error("mark:", err)
	}
	if err := r.m.Unit(r.now, 1, 49, nil); err != ErrBackward {
		t.Error("unit:", err)
	}
	for _, err := range []error{r.m.Unit(r.now, 1, -1, nil), r.m.Mark(r.now, 1, math.MinInt64, 0), r.m.Start(r.now, 1, -1, 0), r.m.Resynced(r.now, 1, -1, 0, 0),
		r.m.Moved(r.now, 1, -1, 0)} {
		if err != ErrNegative {
			t.Error("negative:", err)
		}
	}
	if err := r.m.Unit(r.now, 1, 50, make([]byte, MinBuffer)); err != ErrSize {
		t.Error("size:", err)
	}
	for n, want := range map[int]string{1: "stream 1 has a member already", 64: "a group has 64", -1: "a group has 64"} {
		if err := r.m.Join(n, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("join %d: %v", n, err)
		}
	}
	r.unit(2, math.MaxInt64)
	r.wantsEvent(Ahead, "stream 2: leaps ahead by 640511h56m49.213694s")
	r.unit(3, 50)
	for i := range int64(1000) {
		r.until(r.now + 10*ms)
		r.unit(1, 60+10*i)
		r.unit(3, 60+10*i)
	}
	r.wantsEvent(Unmarked, "stream 3: has sent units for 5.01s and no mark")
	if a, b := r.stats(1), r.stats(3); a.Passed != b.Passed || a.Passed < 980 || a.Late+b.Late != 0 {
		t.Errorf("%+v %+v", a, b)
	}
	r.wantsAsks("")
}

// TestTight: a buffer that is too small for the playout delay is reported once, and costs nothing but the delay.
func TestTight(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Buffer, c.Delay = MinBuffer, time.Second })
	r.join(1)
	for i := range int64(1000) {
		if !r.m.Room(1) {
			break
		}
		r.unit(1, i)
	}
	r.wantsEvent(Tight, "which is less than the playout delay")
	if s := r.stats(1); s.Waiting < MinBuffer || s.Waiting > MinBuffer+Overhead+6 {
		t.Errorf("%+v", s)
	}
	r.until(1005 * ms)
	if !r.m.Room(1) {
		t.Error("no room")
	}
	r.never(Tight)
}

// TestConfig: what cannot be a configuration says why.
func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"rate":           func(c *Config) { c.Rate.Den = 0 },
		"delay -1ns":     func(c *Config) { c.Delay = -1 },
		"delay 1h0m0.0":  func(c *Config) { c.Delay = maxDelay + 1 },
		"MaxSkew":        func(c *Config) { c.MaxSkew = 0 },
		"exceeds 107374": func(c *Config) { c.Buffer = MaxBuffer + 1 },
		"buffer of 4095": func(c *Config) { c.Buffer = MinBuffer - 1 },
		"MaxGap -1ns":    func(c *Config) { c.MaxGap = -1 },
	} {
		c := Config{Rate: Rate{1, 1}, MaxSkew: 1, Buffer: MinBuffer}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
