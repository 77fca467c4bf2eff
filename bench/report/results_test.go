package main

import (
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, tt := range []struct {
		line string
		want result
		ok   bool
	}{
		{"BenchmarkBulk/tcp/1K-2         \t  113529\t      5779 ns/op\t 177.18 MB/s", result{"Bulk", "tcp", "1K", 5779, 177.18}, true},
		{"BenchmarkBulk/tenuto-tcp/256K-16 \t 3 \t 1.5 ns/op\t 2 MB/s", result{"Bulk", "tenuto-tcp", "256K", 1.5, 2}, true},
		{"BenchmarkRTT/tenuto-tcp-2 \t 8168 \t 42415 ns/op", result{"RTT", "tenuto-tcp", "", 42415, 0}, true},
		{"BenchmarkRTT/tenuto-tcp \t 8168 \t 42415 ns/op", result{"RTT", "tenuto-tcp", "", 42415, 0}, true},
		{"BenchmarkRTT/tcp", result{}, false},
		{"PASS", result{}, false},
	} {
		got, ok := parseLine(tt.line)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %+v, %v, want %+v, %v", tt.line, got, ok, tt.want, tt.ok)
		}
	}
}

func TestReportTakesMediansWithinRuns(t *testing.T) {
	rs := newResults()
	for run, speeds := range [][2]float64{{100, 90}, {200, 100}, {400, 300}} {
		rs.add(run, result{"Bulk", "tcp", "1K", 1, speeds[0]})
		rs.add(run, result{"Bulk", "yamux", "1K", 1, speeds[1]})
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
