package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// result is one line of a benchmark's output.
type result struct {
	benchmark string // without the word Benchmark
	subject   string
	variant   string // a size, or empty
	nanos     float64
	megabytes float64 // per second, 0 if it was not measured
}

// A subject's name may hold a hyphen; the number after the last one is GOMAXPROCS.
var lineForm = regexp.MustCompile(`^Benchmark(\w+)/([\w-]+?)(?:/(\w+))?(?:-\d+)?\s+\d+\s+([\d.]+) ns/op(?:\s+([\d.]+) MB/s)?`)

func parseLine(line string) (result, bool) {
	m := lineForm.FindStringSubmatch(line)
	if m == nil {
		return result{}, false
	}
	r := result{benchmark: m[1], subject: m[2], variant: m[3]}
	var err error
	if r.nanos, err = strconv.ParseFloat(m[4], 64); err != nil {
		return result{}, false
	}
	if m[5] != "" {
		if r.megabytes, err = strconv.ParseFloat(m[5], 64); err != nil {
			return result{}, false
		}
	}
	return r, true
}

type key struct{ benchmark, subject, variant string }

// results are the lines of all runs.
type results struct {
	runs     map[key]map[int]result
	subjects []string           // in the order they were met; the first is the measure of the others
	measured map[[2]string]bool // benchmark and variant
}

func newResults() *results {
	return &results{runs: map[key]map[int]result{}, measured: map[[2]string]bool{}}
}

func (rs *results) add(run int, r result) {
	k := key{r.benchmark, r.subject, r.variant}
	if rs.runs[k] == nil {
		rs.runs[k] = map[int]result{}
	}
	rs.runs[k][run] = r
	if !slices.Contains(rs.subjects, r.subject) {
		rs.subjects = append(rs.subjects, r.subject)
	}
	rs.measured[[2]string{r.benchmark, r.variant}] = true
}

// values returns what figure gives for each run of k, and its ratio to the first subject's in the same run.
func (rs *results) values(k key, figure func(result) float64) (values, ratios []float64) {
	base := key{k.benchmark, rs.subjects[0], k.variant}
	for run, r := range rs.runs[k] {
		values = append(values, figure(r))
		if b, ok := rs.runs[base][run]; ok && figure(b) > 0 {
			ratios = append(ratios, figure(r)/figure(b))
		}
	}
	return values, ratios
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func megabytes(r result) float64 { return r.megabytes }
func micros(r result) float64    { return r.nanos / 1000 }

// column is one figure of each subject.
type column struct{ title, benchmark, variant string }

// sections are the tables of the report. A column that was not measured is left out, as is a table without columns.
var sections = []struct {
	title, unit string
	figure      func(result) float64
	columns     []column
}{
	{"One direction, both ends in one process", "MB/s by size of the writes; more is better", megabytes, bulkColumns("Bulk")},
	{"One direction, two processes", "MB/s by size of the writes; more is better", megabytes, bulkColumns("BulkTwoProcesses")},
	{"Round trip of 64 octets", "µs; less is better", micros, []column{
		{"one process", "RTT", ""}, {"two processes", "RTTTwoProcesses", ""}}},
	{"Set-up: open, an octet each way, close", "µs; less is better", micros, []column{
		{"one process", "Setup", ""}, {"two processes", "SetupTwoProcesses", ""}}},
}

func bulkColumns(benchmark string) (columns []column) {
	for _, size := range []string{"1K", "16K", "64K", "256K"} {
		columns = append(columns, column{size, benchmark, size})
	}
	return columns
}

func (rs *results) write(w io.Writer) {
	for _, s := range sections {
		columns := slices.DeleteFunc(slices.Clone(s.columns), func(c column) bool {
			return !rs.measured[[2]string{c.benchmark, c.variant}]
		})
		if len(columns) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n## %s\n\n%s.\n\n|", s.title, s.unit)
		for _, c := range columns {
			fmt.Fprintf(w, " | %s", c.title)
		}
		fmt.Fprintf(w, " |\n| --- |%s\n", strings.Repeat(" ---: |", len(columns)))
		for _, subject := range rs.subjects {
			fmt.Fprintf(w, "| %s |", subject)
			for _, c := range columns {
				rs.writeCell(w, key{c.benchmark, subject, c.variant}, s.figure)
			}
			fmt.Fprintln(w)
		}
	}
}

// writeCell writes the median, its ratio and the range.
func (rs *results) writeCell(w io.Writer, k key, figure func(result) float64) {
	values, ratios := rs.values(k, figure)
	if len(values) == 0 {
		fmt.Fprint(w, " |")
		return
	}
	fmt.Fprintf(w, " %s", number(median(values)))
	if len(ratios) > 0 {
		fmt.Fprintf(w, " = **%.2f ×**", median(ratios))
	}
	fmt.Fprintf(w, " (%s-%s) |", number(slices.Min(values)), number(slices.Max(values)))
}

// number writes three digits, which is more than the runs agree on.
func number(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}
