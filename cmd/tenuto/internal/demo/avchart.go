package demo

import (
	"fmt"
	"strings"
	"time"
)

// AVChart draws how far sound and picture are behind, as time goes by.
type AVChart struct {
	width  int
	bars   [2][]rune
	levels [2]time.Duration // the most since the last bar
	last   AVState
	n      int
}

// NewAVChart makes a chart of so many columns.
func NewAVChart(width int) *AVChart { return &AVChart{width: max(width, 1)} }

// perBar is how many states make a bar: a tenth of a second.
const perBar = int(100 * time.Millisecond / avTick)

// Add takes a state, and tells whether there is something new to draw.
func (c *AVChart) Add(s AVState) bool {
	c.last = s
	for n, skew := range []time.Duration{s.Sound, s.Picture} {
		c.levels[n] = max(c.levels[n], skew)
	}
	if c.n++; c.n%perBar != 0 {
		return false
	}
	for n := range c.bars {
		c.bars[n] = append(c.bars[n], bar(c.levels[n]))
		c.bars[n] = c.bars[n][max(0, len(c.bars[n])-c.width):]
		c.levels[n] = 0
	}
	return true
}

// bar is a block whose height doubles the skew with each step: up to 5 ms, 10 ms and so on.
func bar(skew time.Duration) rune {
	const blocks = "▁▂▃▄▅▆▇█"
	level := 0
	for limit := 5 * time.Millisecond; skew > limit && level < 7; limit *= 2 {
		level++
	}
	return []rune(blocks)[level]
}

// Lines is the chart now.
func (c *AVChart) Lines() string {
	what := map[AVPart]string{Before: "both connections are free", During: "the picture's connection is throttled", After: "both connections are free again"}[c.last.Part]
	if c.last.Cut {
		what += ", and was cut"
	}
	return fmt.Sprintf("sound    %6d ms  %-*s\npicture  %6d ms  %-*s\n%s; %d resynchronizations\n", c.last.Sound.Milliseconds(), c.width, string(c.bars[0]),
		c.last.Picture.Milliseconds(), c.width, string(c.bars[1]), what, c.last.Resyncs)
}

// Height is how many lines there are.
func (c *AVChart) Height() int { return strings.Count(c.Lines(), "\n") }
