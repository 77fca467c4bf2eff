package playout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// A bench is a machine with times in milliseconds, and what it says.
type rig struct {
	t      *testing.T
	m      *Machine
	now    time.Duration
	events []Event
	asks   []Ask
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	cfg := Config{Rate: Rate{1000, 1}, Delay: 100 * ms, MaxSkew: 40 * ms, Buffer: 1 << 20}
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, m: New(cfg)}
}

// join has streams join and start at time 0; those with a negative number are droppable.
func (r *rig) join(streams ...int) {
	r.t.Helper()
	for _, n := range streams {
		if err := r.m.Join(max(n, -n), n > 0); err != nil {
			r.t.Fatal(err)
		}
		if err := r.m.Start(r.now, max(n, -n), 0, 0); err != nil {
			r.t.Fatal(err)
		}
	}
	r.listen()
}

func (r *rig) listen() {
	r.events = append(r.events, r.m.Events()...)
	r.asks = append(r.asks, r.m.Asks()...)
}

func (r *rig) unit(n int, t int64) {
	r.t.Helper()
	if err := r.m.Unit(r.now, n, t, fmt.Appendf(r.m.Buffer(n), "%d:%d", n, t)); err != nil {
		r.t.Fatal(err)
	}
	r.listen()
}

// until goes on to an instant, and returns what is handed up on the way, as stream:time@now.
func (r *rig) until(at time.Duration) string {
	r.t.Helper()
	var got []string
	for {
		for u, ok := r.m.Next(r.now); ok; u, ok = r.m.Next(r.now) {
			if want := fmt.Sprintf("%d:%d", u.Stream, u.Time); string(u.Data) != want {
				r.t.Fatalf("got %q, want %q", u.Data, want)
			}
			first := ""
			if u.First {
				first = "!"
			}
			got = append(got, fmt.Sprintf("%d:%d%s@%d", u.Stream, u.Time, first, r.now/ms))
		}
		r.listen()
		if r.now == at {
			return strings.Join(got, " ")
		}
		r.now = min(at, max(r.m.Look(r.now), r.now+1))
	}
}

func (r *rig) wants(at time.Duration, want string) {
	r.t.Helper()
	if got := r.until(at); got != want {
		r.t.Errorf("got %q, want %q", got, want)
	}
}

// wantsAsks compares the requests since the last time: stream:time.
func (r *rig) wantsAsks(want string) {
	r.t.Helper()
	var got []string
	for _, a := range r.asks {
		got = append(got, fmt.Sprintf("%d:%d", a.Stream, a.Time))
	}
	r.asks = nil
	if s := strings.Join(got, " "); s != want {
		r.t.Errorf("got requests %q, want %q", s, want)
	}
}

func (r *rig) wantsEvent(k EventKind, text string) {
	r.t.Helper()
	i := slices.IndexFunc(r.events, func(e Event) bool { return e.Kind == k && strings.Contains(e.String(), text) })
	if i < 0 {
		r.t.Errorf("got events %v, want one %v with %q", r.events, k, text)
		return
	}
	r.events = slices.Delete(r.events, i, i+1)
}

func (r *rig) never(k EventKind) {
	r.t.Helper()
	for _, e := range r.events {
		if e.Kind == k {
			r.t.Errorf("got event %v", e)
		}
	}
}

func (r *rig) stats(n int) StreamStats {
	for _, s := range r.m.Stats(r.now).Streams {
		if s.Stream == n {
			return s
		}
	}
	r.t.Fatalf("no stream %d", n)
	return StreamStats{}
}

// TestMerge: units are handed up by time, Delay after the first, and no earlier than the streams can still bring others.
func TestMerge(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	r.unit(1, 0)
	r.now = 10 * ms
	r.unit(1, 20)
	r.unit(2, 10)
	r.unit(2, 20)
	r.wants(100*ms, "1:0!@100")
	r.wants(119*ms, "2:10!@110")
	r.unit(1, 30)
	r.unit(2, 30)
	r.wants(200*ms, "1:20@120 2:20@120 1:30@130 2:30@130")
}

// TestGrace: a unit that is due waits for a stream that is behind, until that is MaxSkew behind, and then no longer.
func TestGrace(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	r.unit(1, 0)
	r.unit(2, 0)
	r.unit(1, 10)
	r.wants(125*ms, "1:0!@100 2:0!@100")
	r.unit(2, 9) // late by 16 ms, and handed up before what it comes before
	r.unit(2, 12)
	r.wants(130*ms, "2:9@125 1:10@125")
	r.unit(1, 20)
	r.wants(153*ms, "2:12@130 1:20@152") // its own 20 ms and the 40 ms after the 12
	r.wantsAsks("2:102")
	r.unit(2, 13) // sent before the sender heard of it
	r.wants(160*ms, "")
	if s := r.stats(2); s.Skew == 0 || s.Resyncs != 1 || s.Running {
		t.Errorf("%+v", s)
	}
}

// answer has the stream of a request go on where it was asked to.
func (r *rig) answer(n int, t int64) {
	r.t.Helper()
	if err := r.m.Resynced(r.now, n, t, 0, 3); err != nil {
		r.t.Fatal(err)
	}
	r.listen()
}

// TestPolicies: how the clock runs while an essential stream is behind, and that it does not care for a droppable one.
func TestPolicies(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy Policy
		stream int
		at     time.Duration // on the clock, at 300 ms
		asks   string
	}{
		{"skip", Skip{}, 2, 200 * ms, "2:90"},
		{"wait", Wait{}, 2, 20 * ms, ""},
		{"wait, droppable", Wait{}, -2, 200 * ms, "2:90"},
		{"wait, impatient", Wait{Patience: 50 * ms}, 2, 165 * ms, "2:90"},
		{"slow", Slow{Least: 0.5}, 2, 185 * ms, "2:90"},
		{"slow, droppable", Slow{}, -2, 200 * ms, "2:90"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Policy = test.policy })
			r.join(1, test.stream)
			for i := range int64(60) {
				r.unit(1, 10*i)
			}
			r.unit(2, 0)
			r.until(300 * ms)
			if got := r.m.clock.pos; got < test.at-12*ms || got > test.at+12*ms {
				t.Errorf("the clock is at %v, want %v", got, test.at)
			}
			r.wantsAsks(test.asks)
			if test.name != "wait" {
				return
			}
			r.unit(2, 200) // it goes on, and nothing was skipped
			if got, want := r.until(310*ms), "1:10@300 1:20@300 1:30@310"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if st := r.m.Stats(r.now); st.Held != 180*ms || st.Streams[0].Late+st.Streams[1].Late != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}
