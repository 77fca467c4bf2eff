//go:build race

package rfc1006

// raceEnabled: pools forget some of what they are given.
const raceEnabled = true
