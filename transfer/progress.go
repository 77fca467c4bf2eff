package transfer

import "sync/atomic"

// Progress is how far an activity has come. It may be read at any time, from any goroutine.
type Progress struct {
	octets, entries atomic.Int64
}

// Octets is how many octets of the activity were read or written, out of Header.Octets. It falls when the activity is taken up at an earlier point.
func (p *Progress) Octets() int64 { return p.octets.Load() }

// Entries is how many entries were read or written as a whole, out of Header.Entries.
func (p *Progress) Entries() int64 { return p.entries.Load() }
