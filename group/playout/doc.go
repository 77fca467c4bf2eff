// Package playout is the machine of a group's receiver: it merges the units of several streams by their time, holds them until they are due, and notes
// which stream has fallen behind.
//
//	m := playout.New(cfg)
//	m.Join(now, 0, true); m.Start(now, 0, first, 0)
//	m.Unit(now, 0, t, data)        // as they come
//	u, ok := m.Next(now)           // as they are due
//	for _, a := range m.Asks() {…} // streams that are to be resynchronized
//
// It has no goroutine and no clock: now is how long it is since an instant that its caller has chosen, and never goes back. A Machine is used by one
// goroutine at a time. Methods that name a stream want one that has joined. Its methods are of four kinds: getters (Stats, Look, Room, Buffer), handlers
// of what the streams' peers do (Start, Unit, Mark, Resynced, Moved, Paused, Left), commands (Join, Seek, Forget, Missed), and outputs (Next, Asks, Events).
//
// # The clock
//
// The group's clock is a position among the streams' times. It starts Config.Delay after the first unit has come, at that unit's time, and then runs
// with the caller's clock. A unit is due when the clock has come to its time, and is handed up as soon as no stream that is waited for can bring an
// earlier one; a stream that is behind the clock is waited for until it is Config.MaxSkew behind. Then it is asked to go on at a later time. If it
// cannot, and matters, the clock is set back (Rebased). While a stream is behind Config.Policy says how fast the clock runs.
package playout
