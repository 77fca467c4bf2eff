package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is what came of it.
type Report struct {
	Bytes       int64    `json:"bytes"` // that came back
	Seconds     float64  `json:"seconds"`
	Cuts        int      `json:"cuts"`
	Kills       *int     `json:"kills,omitempty"` // of processes, in the crash demonstration
	Resumes     int64    `json:"resumes"`
	SHA256Match bool     `json:"sha256_match"` // of what was sent and what came back
	Recovery    Recovery `json:"recovery_ms"`
}

// Recovery is how long cuts were felt: from a cut to the first new octet at the far end.
type Recovery struct {
	Times
	ByKind map[string]Times `json:"by_kind"`
}

// Times are in milliseconds; 0 where there was no cut.
type Times struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	n   int
}

func (t *transfer) report(resumes int64) *Report {
	r := &Report{
		Bytes:       t.received,
		Seconds:     t.took.Round(time.Millisecond).Seconds(),
		Cuts:        t.cutter.made(),
		Resumes:     resumes,
		SHA256Match: bytes.Equal(t.sent.Sum(nil), t.got.Sum(nil)),
		Recovery:    Recovery{ByKind: make(map[string]Times)},
	}
	var all []time.Duration
	for k, times := range t.cutter.recoveries() {
		r.Recovery.ByKind[Kind(k).String()] = timesOf(times)
		all = append(all, times...)
	}
	r.Recovery.Times = timesOf(all)
	return r
}

// timesOf uses the nearest rank: each of the numbers is a time that occurred.
func timesOf(d []time.Duration) Times {
	if len(d) == 0 {
		return Times{}
	}
	d = slices.Sorted(slices.Values(d))
	rank := func(p float64) float64 {
		i := int(math.Ceil(p*float64(len(d)))) - 1
		return float64(d[i].Round(time.Microsecond)) / float64(time.Millisecond)
	}
	return Times{P50: rank(0.50), P99: rank(0.99), Max: rank(1), n: len(d)}
}

// WriteJSON writes one object and a newline.
func (r *Report) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	same := "the same"
	if !r.SHA256Match {
		same = "DIFFERENT"
	}
	way, each, killed := "there and back", " each way", ""
	if r.Kills != nil {
		way, each, killed = "sent", "", fmt.Sprintf(", %d times processes killed", *r.Kills)
	}
	fmt.Fprintf(w, "%.1f MiB %s in %.2f s (%.0f MiB/s%s), %d connections cut%s, %d resumes, octets %s\n\n",
		float64(r.Bytes)/(1<<20), way, r.Seconds, float64(r.Bytes)/(1<<20)/r.Seconds, each, r.Cuts, killed, r.Resumes, same)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "recovery, ms\tcuts\tp50\tp99\tmax\t")
	row := func(name string, t Times) {
		fmt.Fprintf(tw, "%s\t%d\t%.1f\t%.1f\t%.1f\t\n", name, t.n, t.P50, t.P99, t.Max)
	}
	names := happeningNames[:]
	if r.Kills == nil {
		names = nil
		for k := range Kind(kinds) {
			names = append(names, k.String())
		}
	}
	for _, name := range names {
		row(name, r.Recovery.ByKind[name])
	}
	row("all", r.Recovery.Times)
	return tw.Flush()
}
