package demo

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	var d []time.Duration
	for i := range 200 {
		d = append(d, time.Duration(200-i)*time.Millisecond)
	}
	if got, want := timesOf(d), (Times{P50: 100, P99: 198, Max: 200, n: 200}); got != want {
		t.Errorf("timesOf = %+v; want %+v", got, want)
	}
	if got, want := timesOf(d[:1]), (Times{P50: 200, P99: 200, Max: 200, n: 1}); got != want {
		t.Errorf("timesOf one = %+v; want %+v", got, want)
	}
	if got := timesOf(nil); got != (Times{}) {
		t.Errorf("timesOf none = %+v", got)
	}
}

func TestReport(t *testing.T) {
	at := time.Now()
	c := &cutter{cuts: []*cut{
		{kind: Reset, at: at, after: 2 * time.Millisecond},
		{kind: Stall, at: at, after: 300 * time.Millisecond},
		{kind: HalfOpen, at: at, after: 1500 * time.Microsecond},
	}}
	tr := transfer{cutter: c, took: 2 * time.Second, received: 4 << 20, sent: sha256.New(), got: sha256.New()}
	var b strings.Builder
	if err := tr.report(3).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	want := `{"bytes":4194304,"seconds":2,"cuts":3,"resumes":3,"sha256_match":true,"recovery_ms":` +
		`{"p50":2,"p99":300,"max":300,"by_kind":{` +
		`"half_open":{"p50":1.5,"p99":1.5,"max":1.5},"reset":{"p50":2,"p99":2,"max":2},"stall":{"p50":300,"p99":300,"max":300}}}}` + "\n"
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", b.String(), want)
	}

	tr.got.Write([]byte("x"))
	b.Reset()
	r := tr.report(3)
	if err := r.WriteTable(&b); err != nil || r.SHA256Match {
		t.Fatal(err, r.SHA256Match)
	}
	for _, part := range []string{"4.0 MiB there and back in 2.00 s (2 MiB/s each way)", "3 connections cut", "DIFFERENT", "300.0"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is not in\n%s", part, b.String())
		}
	}
}

func TestCutsNeedRoom(t *testing.T) {
	for _, tt := range []struct {
		size int64
		cuts int
		ok   bool
	}{
		{256 << 20, 25, true},
		{8 << 20, 5, true},
		{8 << 20, 25, true},
		{7 << 20, 25, false},
		{1, 0, true},
		{0, 0, false},
		{1 << 20, -1, false},
	} {
		o := Options{Size: tt.size, Cuts: tt.cuts}
		if err := o.Check(); (err == nil) != tt.ok {
			t.Errorf("%d cuts in %d octets: %v", tt.cuts, tt.size, err)
		}
	}
	marks := Options{Size: 100 << 20, Cuts: 4}.marks()
	for i, m := range marks {
		if m <= 0 || i > 0 && m-marks[i-1] < MinGap || m > 85<<20 {
			t.Errorf("marks = %d", marks)
			break
		}
	}
}
