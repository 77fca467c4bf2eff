package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// result is one line of a benchmark's output.
type result struct {
	benchmark string             // without the word Benchmark
	subject   string             // who was measured, or beside whom
	variant   string             // a size or a number, or empty
	figures   map[string]float64 // by unit
}

// A subject's name may hold a hyphen; the number after the last one is GOMAXPROCS.
var lineForm = regexp.MustCompile(`^Benchmark(\w+)/([\w-]+?)(?:/([\w/]+))?(?:-\d+)?\s+\d+\s+(\S.*)$`)

func parseLine(line string) (result, bool) {
	m := lineForm.FindStringSubmatch(line)
	if m == nil {
		return result{}, false
	}
	r := result{benchmark: m[1], subject: m[2], variant: m[3], figures: map[string]float64{}}
	fields := strings.Fields(m[4]) // a number and a unit, several times
	if len(fields)%2 != 0 {
		return result{}, false
	}
	for pair := range slices.Chunk(fields, 2) {
		v, err := strconv.ParseFloat(pair[0], 64)
		if err != nil {
			return result{}, false
		}
		r.figures[pair[1]] = v
	}
	return r, true
}

type key struct{ benchmark, subject, variant string }

// results are the lines of all runs.
type results struct {
	runs     map[key]map[int]result
	subjects []string // in the order they were met
}

func newResults() *results { return &results{runs: map[key]map[int]result{}} }

func (rs *results) add(run int, r result) {
	k := key{r.benchmark, r.subject, r.variant}
	if rs.runs[k] == nil {
		rs.runs[k] = map[int]result{}
	}
	rs.runs[k][run] = r
	if !slices.Contains(rs.subjects, r.subject) {
		rs.subjects = append(rs.subjects, r.subject)
	}
}

// values returns what figure gives for each run of k.
func (rs *results) values(k key, figure figure) (values []float64) {
	for _, r := range rs.runs[k] {
		values = append(values, figure(r))
	}
	return values
}

// ratios returns what figure gives for each run of k divided by what it gives for another subject in the same run.
func (rs *results) ratios(k key, base string, figure figure) (ratios []float64) {
	other := rs.runs[key{k.benchmark, base, k.variant}]
	for run, r := range rs.runs[k] {
		if b, ok := other[run]; ok && figure(b) > 0 {
			ratios = append(ratios, figure(r)/figure(b))
		}
	}
	return ratios
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

// figure is what a table or a mark is about.
type figure func(result) float64

func unit(name string) figure { return func(r result) float64 { return r.figures[name] } }

var (
	megabytes   = unit("MB/s")
	goroutines  = unit("goroutines/pair")
	allocations = unit("allocs/op")
)

// millions is a figure divided by a million.
func millions(name string) figure { return func(r result) float64 { return r.figures[name] / 1e6 } }

func thousandths(name string) figure { return func(r result) float64 { return r.figures[name] / 1e3 } }

func micros(r result) float64    { return r.figures["ns/op"] / 1000 }
func perSecond(r result) float64 { return 1e9 / r.figures["ns/op"] }

// kibibytes is what is reachable on the heap, and the stacks, of each pair of ends; withGaps is the heap in use, which has gaps that
// depend on what the process did before.
func kibibytes(r result) float64 {
	return (r.figures["B-live/pair"] + r.figures["B-stack/pair"]) / 1024
}
func mebibytes(r result) float64 { return kibibytes(r) / 1024 }
func withGaps(r result) float64  { return r.figures["B-heap/pair"] / 1024 }
