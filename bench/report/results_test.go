package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, tt := range []struct {
		line string
		want result
		ok   bool
	}{
		{"BenchmarkBulk/tcp/1K-2         \t  113529\t      5779 ns/op\t 177.18 MB/s", result{"Bulk", "tcp", "1K", map[string]float64{"ns/op": 5779, "MB/s": 177.18}}, true},
		{"BenchmarkBulk/tenuto-tcp/256K-16 \t 3 \t 1.5 ns/op\t 2 MB/s", result{"Bulk", "tenuto-tcp", "256K", map[string]float64{"ns/op": 1.5, "MB/s": 2}}, true},
		{"BenchmarkRTT/tenuto-tcp-2 \t 8168 \t 42415 ns/op", result{"RTT", "tenuto-tcp", "", map[string]float64{"ns/op": 42415}}, true},
		{"BenchmarkRTT/tenuto-tcp \t 8168 \t 42415 ns/op", result{"RTT", "tenuto-tcp", "", map[string]float64{"ns/op": 42415}}, true},
		{"BenchmarkIdle/tenuto-tcp/bridges/1000-2 \t 1 \t -32.77 B-stack/pair \t 2.000 goroutines/pair",
			result{"Idle", "tenuto-tcp", "bridges/1000", map[string]float64{"B-stack/pair": -32.77, "goroutines/pair": 2}}, true},
		{"BenchmarkStarve/never-reads-2 \t 1 \t 0.9 ratio", result{"Starve", "never-reads", "", map[string]float64{"ratio": 0.9}}, true},
		{"BenchmarkRTT/tcp-2 \t 8168 \t 42415", result{}, false},
		{"BenchmarkRTT/tcp", result{}, false},
		{"PASS", result{}, false},
	} {
		got, ok := parseLine(tt.line)
		if !reflect.DeepEqual(got, tt.want) || ok != tt.ok {
			t.Errorf("%q: got %+v, %v, want %+v, %v", tt.line, got, ok, tt.want, tt.ok)
		}
	}
}

func TestReportTakesMediansWithinRuns(t *testing.T) {
	rs := newResults()
	for run, speeds := range [][2]float64{{100, 90}, {200, 100}, {400, 300}} {
		rs.add(run, result{"Bulk", "tcp", "1K", map[string]float64{"MB/s": speeds[0]}})
		rs.add(run, result{"Bulk", "yamux", "1K", map[string]float64{"MB/s": speeds[1]}})
	}
	var text strings.Builder
	rs.write(&text)
	// The ratios are 0.9, 0.5 and 0.75: their median is not the ratio of the medians, which is 100/200.
	for _, want := range []string{"| tcp | 200 = **1.00 ×** (100-400) |", "| yamux | 100 = **0.75 ×** (90.0-300) |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got\n%s\nwant in it: %s", text.String(), want)
		}
	}
	if got, want := median([]float64{4, 1, 2, 3}), 2.5; got != want {
		t.Errorf("median of four: got %v, want %v", got, want)
	}
}

func TestReportSaysWhichMarksAreMet(t *testing.T) {
	rs := newResults()
	for subject, nanos := range map[string]float64{"tls": 400, "tenuto-tls": 800} {
		rs.add(0, result{"Bridge", subject, "parallel", map[string]float64{"ns/op": nanos}})
	}
	rs.add(0, result{"Idle", "tenuto-tcp", "parked/100000", map[string]float64{"B-live/pair": 4000, "B-stack/pair": 96, "goroutines/pair": 0.0001}})
	for _, benchmark := range []string{"Build", "Parse"} {
		rs.add(0, result{benchmark, "CN", "", map[string]float64{"ns/op": 150, "allocs/op": 1}})
	}
	var text strings.Builder
	rs.write(&text)
	for _, want := range []string{
		"| allocations to build and to parse a CN | at most 2.00  | 2.00  | met |",
		"| CN | 150 | 1.00 | 150 | 1.00 |",
		"| new connections in parallel: tenuto-tls by tls | at least 0.80 × | 0.50 × | **not** met |",
		"| an end of a parked bridge with a session, tenuto-tcp | at most 2.00 KiB | 2.00 KiB | met |",
		"| goroutines of a parked bridge, tenuto-tcp | at most 0  | 0  | met |",
		"| tenuto-tcp | 4.00 |", // one run has no range, and idle figures have no base
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got\n%s\nwant in it: %s", text.String(), want)
		}
	}
	if strings.Contains(text.String(), "never") || strings.Contains(text.String(), "MIP and RS |") {
		t.Errorf("what was not measured has marks:\n%s", text.String())
	}
}
