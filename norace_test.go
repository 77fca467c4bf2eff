//go:build !race

package tenuto

const raceEnabled = false
