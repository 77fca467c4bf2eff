package playout

import "time"

// A Policy says how fast the group's clock runs while a stream is behind it. It is called with locks held, and must not wait.
type Policy interface {
	// Pace is the rate of the clock for the sake of one stream: 1 goes on, 0 waits, what is between slows down. Of several streams that are behind
	// the slowest counts.
	Pace(Lag) float64
}

// Lag is a stream that is behind the clock, or has been lost.
type Lag struct {
	Stream    int
	Essential bool
	Lost      bool          // its session has ended without release
	Behind    time.Duration // on the group's clock
	For       time.Duration // since when, on the receiver's
	MaxSkew   time.Duration // Config.MaxSkew
}

// Skip goes on: what comes too late is skipped.
type Skip struct{}

// Pace is 1.
func (Skip) Pace(Lag) float64 { return 1 }

// Wait has the group wait for a stream that is essential, so that nothing of it is skipped.
type Wait struct {
	Patience time.Duration // for how long at a time; 0 is for ever
}

// Pace is 0 before the stream is so far behind that it would be resynchronized.
func (w Wait) Pace(l Lag) float64 {
	if !l.Essential || l.Behind < l.MaxSkew/2 || w.Patience > 0 && l.For > w.Patience {
		return 1
	}
	return 0
}

// Slow has the group slow down for a stream that is essential, the more the further it is behind.
type Slow struct {
	Least float64 // the rate when it is MaxSkew behind; 0 is a half
}

// Pace is between 1 and Least.
func (s Slow) Pace(l Lag) float64 {
	least := s.Least
	if least <= 0 || least > 1 {
		least = 0.5
	}
	if !l.Essential {
		return 1
	}
	return 1 - (1-least)*min(1, float64(l.Behind)/float64(l.MaxSkew))
}
