package main

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/demo"
)

// TestCrashSimulation kills sender and receiver by SIGKILL while a file is sent: 20 times, or a fifth of TENUTO_SEEDS.
func TestCrashSimulation(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("TENUTO_SEEDS")); err == nil {
		kills = max(kills, n/5)
	}
	program, err := exec.LookPath("tenuto")
	if err != nil {
		t.Fatal(err)
	}
	o := demo.CrashOptions{Kills: kills, Cuts: kills / 5, Seed: uint64(kills), Program: program}
	o.Size = demo.CrashSize(o.Kills+o.Cuts) + 12345
	r, err := demo.Crash(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.SHA256Match || *r.Kills != kills || r.Cuts != o.Cuts {
		t.Errorf("%+v", r)
	}
	r.WriteTable(t.Output())
}
