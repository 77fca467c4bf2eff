//go:build race

package tenuto

// raceEnabled: pools forget some of what they are given.
const raceEnabled = true
