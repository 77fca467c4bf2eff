package bench

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ownEnv says that this process was started for the one benchmark that it runs.
const ownEnv = "TENUTO_BENCH_OWN"

// inOwnProcess runs measure in a process that does nothing else, and reports what it reports. What a process holds depends on all that
// it did before: arrays that have grown, and classes of sizes that have gaps.
func inOwnProcess(b *testing.B, measure func(*testing.B)) {
	if os.Getenv(ownEnv) != "" {
		measure(b)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	parts := strings.Split(b.Name(), "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	cmd := exec.Command(exe, "-test.run", "^$", "-test.benchtime", "1x", "-test.v", "-test.bench", strings.Join(parts, "/"))
	cmd.Env = append(os.Environ(), ownEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if !reportFigures(b, out) {
		b.Skipf("%s", out)
	}
}

// reportFigures reports the figures that another process has printed: pairs of a number and a unit after the benchmark's name and
// count. It tells whether there are any.
func reportFigures(b *testing.B, out []byte) (some bool) {
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], b.Name()) {
			continue
		}
		b.ReportMetric(0, "ns/op")
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				b.Fatalf("%s: %v", lines.Text(), err)
			}
			b.ReportMetric(v, f[i+1])
		}
		some = true
	}
	return some
}
