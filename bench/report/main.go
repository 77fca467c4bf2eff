// Command report builds the test binaries with the benchmarks once, runs them several times, and writes the medians, their ratios
// and which marks are met, with a description of the machine, to docs/benchmarks.md. It is run in the bench directory.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	runs := flag.Int("runs", 5, "how often to run all benchmarks")
	benchtime := flag.String("time", "1s", "how long each benchmark takes in one run")
	pattern := flag.String("bench", ".", "which benchmarks to run")
	out := flag.String("o", "../docs/benchmarks.md", "file to write; none if empty")
	flag.Parse()
	if flag.NArg() > 0 || *runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := report(*runs, *benchtime, *pattern, *out); err != nil {
		log.Fatal("report: ", err)
	}
}

func report(runs int, benchtime, pattern, out string) error {
	dir, err := os.MkdirTemp("", "tenuto-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binaries, err := buildTests(dir)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	results, loadBefore := newResults(), load()
	for run := range runs {
		log.Printf("run %d of %d", run+1, runs)
		for _, binary := range binaries {
			if err := runOnce(results, run, binary, benchtime, pattern); err != nil {
				return err
			}
		}
	}
	versions, err := peerVersions()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	writeHead(&text, versions, loadBefore, time.Now(), runs, benchtime)
	results.write(&text)
	fmt.Print(text.String())
	if out == "" {
		return nil
	}
	return os.WriteFile(out, text.Bytes(), 0o644)
}

// tested are the folders with benchmarks: the comparisons, and what belongs to packages of the root's module.
var tested = []string{".", "../spdu", "../spm", "../checkpoint/bolt"}

func buildTests(dir string) (binaries []string, err error) {
	for i, folder := range tested {
		binary := filepath.Join(dir, fmt.Sprintf("bench%d.test", i))
		build := exec.Command("go", "test", "-c", "-o", binary, ".")
		build.Dir, build.Stderr = folder, os.Stderr
		if err := build.Run(); err != nil {
			return nil, err
		}
		binaries = append(binaries, binary)
	}
	return binaries, nil
}

func runOnce(results *results, run int, binary, benchtime, pattern string) error {
	cmd := exec.Command(binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", benchtime, "-test.timeout", "1h")
	if run > 0 {
		cmd.Args = append(cmd.Args, "-test.skip", onceOnly)
	}
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(io.TeeReader(stdout, os.Stderr))
	for lines.Scan() {
		if r, ok := parseLine(lines.Text()); ok {
			results.add(run, r)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return cmd.Wait()
}

// onceOnly are the benchmarks of the first run alone: they take long, and what is held does not depend on the machine's mood.
const onceOnly = "^BenchmarkIdle"
