package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// avLog is how the skew of the picture was, a value each avTick.
type avLog struct {
	skews  [avParts][]time.Duration
	steps  time.Duration // since when the picture is in step, after the throttle's end
	steady bool          // and it has been so for avSteady
}

// avSteady is how long the picture has to be in step to count as recovered: what a busy machine does to it later is another matter.
const avSteady = 500 * time.Millisecond

func (l *avLog) add(p AVPart, skew, after time.Duration) {
	if p != After || after >= avSettle {
		l.skews[p] = append(l.skews[p], skew)
	}
	if p != After || l.steady {
		return
	}
	if skew >= AVSkew {
		l.steps = after + avTick
	}
	l.steady = after-l.steps >= avSteady
}

// AVReport is what came of it.
type AVReport struct {
	Seconds      float64          `json:"seconds"`
	Skew         map[string]Times `json:"skew_ms"`     // of the picture, by part; "after" begins a second after the throttle's end
	Recovery     float64          `json:"recovery_ms"` // from the throttle's end until the picture is in step, and stays so for half a second
	Recovered    bool             `json:"recovered"`   // within a second
	Resyncs      int64            `json:"resyncs"`
	MarksSkipped int64            `json:"marks_skipped"`
	Rebases      int              `json:"rebases"`
	Resumes      int64            `json:"resumes"` // of bridges
	Frames       AVCount          `json:"frames"`
	Sound        AVCount          `json:"sound"`
	OctetsMatch  bool             `json:"octets_match"` // of what was handed up and what was sent
	Busy         bool             `json:"busy"`         // the machine kept the sound from being sent when it should: the times say little
	DriftPPM     *float64         `json:"drift_ppm,omitempty"`
}

// AVCount counts a stream's units.
type AVCount struct {
	Sent     int64 `json:"sent"`      // to the session
	HandedUp int64 `json:"handed_up"` // in order and in time
	Late     int64 `json:"late"`      // that came too late
}

func (a *av) report(took time.Duration) *AVReport {
	st := a.rcv.Stats()
	picture := st.Streams[pictureStream]
	r := &AVReport{Seconds: took.Round(time.Millisecond).Seconds(), Skew: map[string]Times{}, Recovery: float64(a.log.steps.Round(time.Microsecond)) / 1e6,
		Recovered: a.log.steady && a.log.steps <= avSettle, Resyncs: picture.Resyncs, MarksSkipped: picture.Skipped, Rebases: st.Rebases, Resumes: a.near.resumed.Load(),
		OctetsMatch: a.wrong.Load() == 0}
	for p, skews := range a.log.skews {
		r.Skew[AVPart(p).String()] = timesOf(skews)
	}
	r.Busy = float64(a.sent[soundStream].Load()) < took.Seconds()*soundRate/soundUnit*avLeast
	for n, c := range []*AVCount{&r.Sound, &r.Frames} {
		*c = AVCount{a.sent[n].Load(), st.Streams[n].Passed, st.Streams[n].Late}
	}
	if d := st.Streams[soundStream].Drift; d.Known {
		r.DriftPPM = &d.PPM
	}
	return r
}

// avLeast is which part of the sound has to be sent when it should.
const avLeast = 0.95

// Verdict tells what should not be. Times are not judged on a machine that is busy with other things.
func (r *AVReport) Verdict() error {
	switch {
	case !r.OctetsMatch:
		return errors.New("what was handed up is not what was sent")
	case r.Busy:
		return nil
	case !r.Recovered:
		return fmt.Errorf("the picture was not in step within a second of the throttle's end, but after %.0f ms", r.Recovery)
	case r.Sound.Late > 0:
		return fmt.Errorf("%d units of sound came late, though nothing was done to their connection", r.Sound.Late)
	}
	return nil
}

// WriteJSON writes one object and a newline.
func (r *AVReport) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// WriteTable writes the report for people.
func (r *AVReport) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "sound and picture for %.1f s; the picture's connection passed a quarter of what it needs in the middle third, and was cut\n\n", r.Seconds)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "the picture is behind by, ms\tp50\tp99\tmax\t")
	for p := range avParts {
		t := r.Skew[p.String()]
		fmt.Fprintf(tw, "%v\t%.1f\t%.1f\t%.1f\t\n", p, t.P50, t.P99, t.Max)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, `
in step after the throttle's end  %.0f ms
resynchronizations                %d
marks skipped                     %d
frames sent, shown, too late      %d, %d, %d
sound sent, played, too late      %d, %d, %d
`, r.Recovery, r.Resyncs, r.MarksSkipped, r.Frames.Sent, r.Frames.HandedUp, r.Frames.Late, r.Sound.Sent, r.Sound.HandedUp, r.Sound.Late)
	if r.Busy {
		fmt.Fprintln(w, "the machine was busy with other things: the times say little")
	}
	if r.DriftPPM != nil {
		fmt.Fprintf(w, "drift of the clocks               %.1f ppm\n", *r.DriftPPM)
	}
	return nil
}
