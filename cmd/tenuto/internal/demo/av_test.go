package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestAV: the picture is behind while its connection is throttled, and in step a second later; the sound does not notice.
func TestAV(t *testing.T) {
	states := 0
	r, err := AV(t.Context(), AVOptions{Part: 2 * time.Second, Progress: func(AVState) { states++ }})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.WriteTable(&text); err != nil {
		t.Error(err)
	}
	t.Log(text.String())
	if err := r.Verdict(); err != nil {
		t.Error(err)
	}
	if r.Busy {
		t.Log("the machine is busy")
	}
	if r.Skew["during"].Max < AVSkew.Seconds()*1e3 || r.Resyncs == 0 || r.Resumes == 0 || r.Frames.HandedUp == 0 || states < 100 {
		t.Errorf("%+v, %d states", r, states)
	}
	text.Reset()
	if err := r.WriteJSON(&text); err != nil {
		t.Error(err)
	}
	var again AVReport
	if err := json.Unmarshal(text.Bytes(), &again); err != nil || again.Resyncs != r.Resyncs || again.Skew["during"].Max != r.Skew["during"].Max {
		t.Errorf("%s: %v", text.Bytes(), err)
	}
}

// TestAVVerdict: what is wrong is said.
func TestAVVerdict(t *testing.T) {
	good := AVReport{OctetsMatch: true, Recovered: true}
	for want, change := range map[string]func(*AVReport){
		"is not what was sent": func(r *AVReport) { r.OctetsMatch = false },
		"but after 1234 ms":    func(r *AVReport) { r.Recovered, r.Recovery = false, 1234 },
		"3 units of sound":     func(r *AVReport) { r.Sound.Late = 3 },
	} {
		r := good
		if err := r.Verdict(); err != nil {
			t.Error(err)
		}
		change(&r)
		if err := r.Verdict(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		r.Busy = true
		if err := r.Verdict(); (err == nil) != r.OctetsMatch {
			t.Errorf("%s, on a busy machine: %v", want, err)
		}
	}
}

// TestAVLog: the second in which the picture may settle counts for the recovery alone.
func TestAVLog(t *testing.T) {
	var l avLog
	l.add(During, time.Second, 0)
	l.add(After, 50*time.Millisecond, 500*time.Millisecond)
	l.add(After, 39*time.Millisecond, 900*time.Millisecond)
	if l.steady {
		t.Error("steady after less than half a second")
	}
	l.add(After, 7*time.Millisecond, 1100*time.Millisecond)
	l.add(After, 100*time.Millisecond, 1200*time.Millisecond) // too late to count
	if l.steps != 510*time.Millisecond || !l.steady || len(l.skews[After]) != 2 || len(l.skews[During]) != 1 {
		t.Errorf("%+v", l)
	}
}

func TestAVChart(t *testing.T) {
	c := NewAVChart(3)
	for i := range 40 {
		if drawn := c.Add(AVState{Part: During, Cut: i > 20, Picture: time.Duration(i) * time.Millisecond, Resyncs: int64(i)}); drawn != (i%10 == 9) {
			t.Error(i, drawn)
		}
	}
	want := "sound         0 ms  ▁▁▁\npicture      39 ms  ▃▄▄\nthe picture's connection is throttled, and was cut; 39 resynchronizations\n"
	if got := c.Lines(); got != want || c.Height() != 3 {
		t.Errorf("got %q, want %q", got, want)
	}
	if bar(0) != '▁' || bar(time.Hour) != '█' {
		t.Error("bars")
	}
}

func TestAVPartsAreLongEnough(t *testing.T) {
	if err := (AVOptions{Part: MinAVPart - 1}).Check(); err == nil {
		t.Error("it is taken")
	}
}
