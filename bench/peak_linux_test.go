package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
)

// peak is the largest memory that a running process has had resident, in MiB; 0 if it has ended. What the system tells of one that has ended
// counts what the process was that started it.
func peak(cmd *exec.Cmd) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kib float64
	fmt.Sscan(string(rest), &kib)
	return kib / (1 << 10)
}
