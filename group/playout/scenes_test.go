package playout

import (
	"errors"
	"strings"
	"testing"
)

// TestSeek: all streams are asked, what waits is dropped, and times go back once.
func TestSeek(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(30) {
		r.unit(1, 1000+10*i)
		r.unit(2, 1000+10*i)
	}
	r.wants(109*ms, "1:1000!@100 2:1000!@100")
	if err := r.m.Seek(r.now, 500); err != nil {
		t.Fatal(err)
	}
	r.listen()
	r.wantsAsks("1:500 2:500")
	r.unit(1, 1300)                              // on its way still
	if err := r.m.Seek(r.now, 700); err != nil { // again, before the answers
		t.Fatal(err)
	}
	r.listen()
	r.wantsAsks("")
	r.answer(1, 500)
	r.answer(2, 500)
	r.wantsAsks("1:700 2:700")
	r.answer(1, 700)
	r.answer(2, 705)
	r.now = 120 * ms
	r.unit(1, 700)
	r.unit(2, 705)
	r.unit(1, 710)
	r.wants(230*ms, "1:700!@220 2:705!@225")
	if u := r.m.Stats(r.now); u.Seeks != 2 {
		t.Errorf("%+v", u)
	}
	r.never(Recovered)
	r.never(Resync)
	if err := r.m.Seek(r.now, -1); err != ErrNegative {
		t.Error(err)
	}
}

// TestPause: a stream that is paused is not waited for; when all are, the clock stops, and starts anew.
func TestPause(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	r.unit(1, 0)
	r.unit(2, 0)
	r.unit(2, 10)
	r.until(105 * ms)
	if at, known := r.m.Paused(r.now, 2); at != 10 || !known {
		t.Error(at, known)
	}
	r.unit(1, 20)
	r.wants(150*ms, "2:10@110 1:20@120")
	if at, _ := r.m.Paused(r.now, 1); at != 20 {
		t.Error(at)
	}
	r.until(5000 * ms)
	if st := r.m.Stats(r.now); st.Running {
		t.Errorf("%+v", st)
	}
	if err := r.m.Seek(r.now, 15); err != nil { // while they cannot be asked
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		if err := r.m.Start(r.now, n, 20, 0); err != nil {
			t.Fatal(err)
		}
	}
	r.listen()
	r.wantsAsks("1:15 2:15")
	r.answer(1, 15)
	r.answer(2, 15)
	r.unit(1, 15)
	r.wants(5200*ms, "1:15!@5100")
	r.wantsEvent(Paused, "stream 2: is paused at 10")
	r.wantsEvent(Resumed, "stream 2: is resumed at 20")
}

// TestSeekWhilePaused: a stream that is paused goes, when it is resumed, where the others have come to since the Seek.
func TestSeekWhilePaused(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	r.unit(1, 0)
	r.unit(2, 0)
	r.m.Paused(r.now, 2)
	if err := r.m.Seek(r.now, 5000); err != nil {
		t.Fatal(err)
	}
	r.listen()
	r.wantsAsks("1:5000")
	r.answer(1, 5000)
	for i := range int64(100) {
		r.unit(1, 5000+10*i)
	}
	r.until(600 * ms) // the clock is at 5500
	if err := r.m.Start(r.now, 2, 10, 0); err != nil {
		t.Fatal(err)
	}
	r.listen()
	r.wantsAsks("2:5550")
}

// TestResumeBefore: what is sent again of a stream that is resumed before where it was is not handed up again.
func TestResumeBefore(t *testing.T) {
	r := newRig(t, nil)
	r.join(1)
	r.unit(1, 0)
	r.unit(1, 30)
	r.m.Paused(r.now, 1)
	if err := r.m.Start(r.now, 1, 10, 0); err != nil {
		t.Fatal(err)
	}
	r.unit(1, 10)
	r.unit(1, 40)
	r.wants(140*ms, "1:0!@100 1:30@130 1:40!@140")
	if s := r.stats(1); s.Late != 1 {
		t.Errorf("%+v", s)
	}
}

// TestLeave: one that has left is not waited for, what has come of it is handed up, and its place is free again; the last one out lets times begin anew.
func TestLeave(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Policy = Wait{} })
	r.join(1, 2)
	r.unit(1, 0)
	r.unit(2, 5)
	r.m.Left(r.now, 1, nil)
	r.wants(300*ms, "1:0!@100 2:5!@105")
	r.join(1)
	r.m.Left(r.now, 1, nil)
	r.m.Left(r.now, 2, nil)
	r.m.Left(r.now, 2, errors.New("again")) // nothing happens
	r.until(400 * ms)
	r.join(3)
	r.unit(3, 2)
	r.wants(500*ms, "3:2!@500")
	r.wantsEvent(Left, "stream 1: left")
	r.never(Lost)
}

// TestLateJoiner: one that joins a group that is playing is asked to go where that is, unless it is there already; nobody waits for it before it begins.
func TestLateJoiner(t *testing.T) {
	r := newRig(t, nil)
	r.join(1)
	for i := range int64(200) {
		r.unit(1, 10*i)
	}
	r.until(1100 * ms)
	for n := 2; n <= 3; n++ {
		if err := r.m.Join(n, true); err != nil {
			t.Fatal(err)
		}
	}
	r.wants(1110*ms, "1:1010@1110")
	for n, at := range map[int]int64{2: 0, 3: 1100} {
		if err := r.m.Start(r.now, n, at, 0); err != nil {
			t.Fatal(err)
		}
	}
	r.unit(3, 1100)
	r.until(1111 * ms)
	r.wantsAsks("2:1060")
	r.answer(2, 1060)
	r.unit(2, 1060)
	r.unit(2, 1110)
	if got := r.until(1200 * ms); !strings.Contains(got, "1:1060@1160 2:1060!@1160 ") || !strings.Contains(got, "3:1100!@1200") {
		t.Error(got)
	}
	r.never(Rebased)
}

// TestLost: an essential stream that is lost is the policy's, until it is replaced, or forgotten; others are gone.
func TestLost(t *testing.T) {
	for _, end := range []string{"replaced", "forgotten", "skipped", "droppable"} {
		t.Run(end, func(t *testing.T) {
			lost := errors.New("cable")
			stream, policy := 2, Policy(Wait{})
			if end == "droppable" {
				stream = -2
			} else if end == "skipped" {
				policy = Skip{}
			}
			r := newRig(t, func(c *Config) { c.Policy = policy })
			r.join(1, stream)
			for i := range int64(100) {
				r.unit(1, 10*i)
			}
			r.unit(2, 0)
			r.until(100 * ms)
			r.m.Left(r.now, 2, lost)
			r.until(300 * ms)
			r.wantsEvent(Lost, "stream 2: lost: cable")
			want := int64(2)
			if end == "droppable" || end == "skipped" {
				want = 20
			}
			if got := r.stats(1).Passed - 1; got != want {
				t.Fatalf("%d units were handed up, want %d", got, want)
			}
			switch end {
			case "replaced":
				if err := r.m.Join(2, true); err != nil {
					t.Fatal(err)
				}
				if err := r.m.Start(r.now, 2, 60, 0); err != nil {
					t.Fatal(err)
				}
			case "forgotten":
				r.m.Forget(2)
			}
			r.until(340 * ms)
			if got := r.stats(1).Passed - 1; got < want+4 {
				t.Errorf("%d units were handed up", got)
			}
		})
	}
}

// TestMissed: a request that could not be made is made again.
func TestMissed(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(60) {
		r.unit(1, 10*i)
	}
	r.until(141 * ms)
	r.m.Missed(r.now, 2, r.asks[0])
	r.until(250 * ms)
	r.wantsAsks("2:90 2:141")
	if err := r.m.Seek(r.now, 5); err != nil {
		t.Fatal(err)
	}
	r.listen()
	r.m.Missed(r.now, 1, r.asks[0])
	r.m.Missed(r.now, 1, r.asks[0]) // it has nothing out
	r.answer(2, 5)
	r.unit(2, 5)
	r.until(400 * ms)
	r.wantsAsks("1:5 2:5 1:5")
}

// TestMoved: the sender's own resynchronization takes the place of ours.
func TestMoved(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(60) {
		r.unit(1, 10*i)
	}
	r.until(141 * ms)
	if err := r.m.Moved(r.now, 2, 300, 0); err != nil {
		t.Fatal(err)
	}
	r.listen()
	r.m.Missed(r.now, 2, r.asks[0])
	r.unit(2, 300)
	if got := r.until(420 * ms); !strings.HasSuffix(got, "1:290@390 1:300@400 2:300!@400") {
		t.Error(got)
	}
	r.wantsEvent(Moved, "stream 2: was moved on to 300")
	r.wantsEvent(Recovered, "stream 2")
}
