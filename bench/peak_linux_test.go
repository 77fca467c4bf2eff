package bench

import (
	"os/exec"
	"syscall"
)

// peak is the largest memory that a process which has ended had resident, in MiB.
func peak(cmd *exec.Cmd) float64 {
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(u.Maxrss) / (1 << 10)
}
