//go:build race

package tls

// raceEnabled: pools forget some of what they are given.
const raceEnabled = true
