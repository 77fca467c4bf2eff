//go:build !race

package rfc1006

const raceEnabled = false
