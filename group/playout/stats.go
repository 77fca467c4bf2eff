package playout

import "time"

// Stats are what can be told of a group.
type Stats struct {
	Time    int64         // where the clock is
	Running bool          // and whether it runs
	Pace    float64       // how fast
	Held    time.Duration // for how long it has waited, in all: at a pace of a half for half of the time
	Seeks   uint32
	Rebases int
	Streams []StreamStats // in the order of their numbers
}

// StreamStats are what can be told of a stream.
type StreamStats struct {
	Stream    int
	Essential bool
	Running   bool          // it is not paused, nor is it being resynchronized, nor has it ended
	Time      int64         // where it is
	Skew      time.Duration // how far behind the clock, 0 if it is not
	WorstSkew time.Duration // that there has been
	Waiting   int           // octets that wait, with Overhead for each unit
	Units     int64         // that have come
	Octets    int64         // that have come
	Passed    int64         // units handed up
	Late      int64         // units dropped because later ones had been handed up
	Marks     int64         // that have come
	Skipped   int64         // marks that resynchronization has withdrawn
	Resyncs   int64         // requests, without those of seeks
	RoundTrip time.Duration // the shortest that a resynchronization takes, as far as is known; 0 if there was none
	Drift     Drift
}

// Stats returns the state now.
func (m *Machine) Stats(now time.Duration) Stats {
	at := m.clock.at(now)
	st := Stats{Time: m.timeAt(at), Running: m.clock.running, Pace: m.clock.pace, Held: m.held, Seeks: m.seek, Rebases: m.rebases}
	if !m.clock.running {
		st.Pace = 0
	}
	for _, s := range &m.streams {
		if s == nil {
			continue
		}
		st.Streams = append(st.Streams, StreamStats{Stream: s.n, Essential: s.essential, Running: s.state == running, Time: s.mark, Skew: m.skew(s, at),
			WorstSkew: max(s.worst, m.skew(s, at)), Waiting: s.size, Units: s.units, Octets: s.octets, Passed: s.passed, Late: s.late, Marks: s.marks,
			Skipped: s.skipped, Resyncs: s.resyncs, RoundTrip: s.rtt, Drift: s.drift.estimate()})
	}
	return st
}

// skew is how far a stream is behind the clock.
func (m *Machine) skew(s *stream, at time.Duration) time.Duration {
	if !m.clock.running || !s.known || s.state == paused || s.state == gone && m.missing&(1<<s.n) == 0 {
		return 0
	}
	return max(0, at-s.rel)
}
