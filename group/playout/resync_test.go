package playout

import (
	"errors"
	"testing"
	"time"
)

// TestResync: a stream that is behind is asked to go on ahead of the clock, and is in step from there.
func TestResync(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	r.unit(1, 0)
	for i := range int64(50) {
		r.unit(1, 10*(i+1))
	}
	r.until(141 * ms)
	r.wantsAsks("2:90") // 40 ms and 50 ms ahead
	r.wantsEvent(Resync, "stream 2: is 40ms behind")
	r.now = 160 * ms // 20 ms later
	r.answer(2, 91)
	r.unit(2, 91)
	r.wantsEvent(Recovered, "stream 2: is in step again at 91, after 20ms")
	r.wants(191*ms, "1:50@160 1:60@160 1:70@170 1:80@180 1:90@190 2:91!@191")
	if s := r.stats(2); s.Skipped != 3 || s.RoundTrip.Round(ms) != 20*ms || s.Late != 0 || !s.Running {
		t.Errorf("%+v", s)
	}
	r.never(Rebased)
}

// TestPathWasGone: the answer to a request that was long on its way is asked for again, with no more lead than before.
func TestPathWasGone(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(600) {
		r.unit(1, 10*i)
	}
	r.until(141 * ms)
	r.wantsAsks("2:90")
	r.until(3141 * ms)
	r.wantsAsks("") // one is out
	if s := r.stats(2); s.Skew < 3*time.Second {
		t.Errorf("skew %v", s.Skew)
	}
	r.answer(2, 91)
	r.wantsAsks("2:3091")
	r.now += 20 * ms
	r.answer(2, 3091)
	if s := r.stats(2); s.Skew != 0 || s.RoundTrip != 20*ms {
		t.Errorf("%+v", s)
	}
}

// TestFarAway: a stream whose sender takes long to answer is asked with more and more lead, until what it sends comes in time.
func TestFarAway(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(600) {
		r.unit(1, 10*i)
	}
	r.until(141 * ms)
	for range 2 { // 50 ms, and 50 ms once more
		at := r.asks[0].Time
		r.asks = nil
		r.until(r.now + 500*ms)
		r.answer(2, at)
	}
	r.wantsAsks("2:1666") // 500 ms and a quarter
	r.until(r.now + 500*ms)
	r.answer(2, 1666)
	r.unit(2, 1666)
	r.wantsEvent(Recovered, "")
	r.never(Rebased)
}

// TestFartherAway: so is one that has been near, and is far away now, and then near again.
func TestFartherAway(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(1000) {
		r.unit(1, 10*i)
	}
	r.until(141 * ms)
	for _, way := range []time.Duration{20 * ms, 500 * ms, 20 * ms} {
		for tries := 1; len(r.asks) > 0; tries++ {
			if tries > 4 {
				t.Fatalf("not in step after 4 requests of %v", way)
			}
			at := r.asks[0].Time
			r.asks = nil
			r.until(r.now + way)
			r.answer(2, at)
			if len(r.asks) == 0 {
				r.unit(2, at)
			}
		}
		r.wantsEvent(Recovered, "")
		for len(r.asks) == 0 { // it sends nothing more
			r.until(r.now + 10*ms)
		}
	}
}

// TestPathIsBetter: one that was asked to go on late, for its path was slow, is asked to go on sooner when the answer shows that the path no longer is.
func TestPathIsBetter(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2)
	for i := range int64(1000) {
		r.unit(1, 10*i)
	}
	r.until(141 * ms)
	for range 2 {
		at := r.asks[0].Time
		r.asks = nil
		r.until(r.now + 2000*ms)
		r.answer(2, at)
	}
	at := r.asks[0].Time
	r.wantsAsks("2:6541") // 2.5 s ahead
	r.until(r.now + 30*ms)
	r.answer(2, at)
	r.wantsAsks("2:4108") // 37 ms ahead
	r.until(r.now + 30*ms)
	r.answer(2, 4108)
	r.unit(2, 4108)
	r.wantsAsks("")
	r.wantsEvent(Recovered, "")
	if s := r.stats(2); s.Skew != 0 || !s.Running {
		t.Errorf("%+v", s)
	}
}

// TestNeverInTime: an essential stream that is hours behind does not set the clock back for all, and is not asked without end though it answers at once.
func TestNeverInTime(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, 2, 3)
	asked := 0
	for i := range int64(1000) {
		r.unit(1, 10_000_000+10*i)
		r.unit(3, 10_000_000+10*i)
		for len(r.asks) > 0 {
			r.asks = r.asks[1:]
			asked++
			if err := r.m.Resynced(r.now, 2, i, 0, 0); err != nil { // times of another unit
				t.Fatal(err)
			}
			r.listen()
		}
		r.unit(2, i)
		r.until(time.Duration(i) * 10 * ms)
	}
	if asked < 10 || asked > 40 {
		t.Errorf("asked %d times in 10 s", asked)
	}
	r.never(Rebased)
	if s := r.stats(1); s.Passed < 980 || s.Late != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRebase: when what the senders have to send comes late though they were asked in time, as of a clock that is slower than this one, the clock is set
// back; what has been handed up stays so.
func TestRebase(t *testing.T) {
	for _, essential := range []bool{true, false} {
		r := newRig(t, nil)
		a, b := 1, 2
		if !essential {
			a, b = -1, -2
		}
		r.join(a, b)
		r.unit(1, 0)
		r.unit(2, 0)
		r.until(141 * ms) // nobody has sent anything else
		r.wantsAsks("1:90 2:90")
		r.answer(1, 91)
		r.answer(2, 91)
		r.until(400 * ms) // the time 91 is not before 400 for them
		r.unit(1, 91)
		r.wantsEvent(Rebased, "the group's clock is set back by 309ms")
		r.unit(2, 91)
		r.unit(1, 101)
		r.unit(2, 101)
		r.wants(520*ms, "1:91!@500 2:91!@500 1:101@510 2:101@510")
		if st := r.m.Stats(r.now); st.Rebases != 1 || st.Time != 111 {
			t.Errorf("%+v", st)
		}
	}
}

// TestRest: a droppable stream that can never be in time holds nobody, and is asked no more than twice a second.
func TestRest(t *testing.T) {
	r := newRig(t, nil)
	r.join(1, -2)
	var asked []time.Duration
	for i := range int64(6000) {
		r.unit(1, 10*i)
		if i >= 50 { // half a second behind
			if err := r.m.Unit(r.now, 2, 10*(i-50), nil); err != nil && !errors.Is(err, ErrBackward) {
				t.Fatal(err)
			}
		}
		r.listen()
		r.until(time.Duration(i) * 10 * ms)
		for len(r.asks) > 0 { // an answer may lead to another one
			a := r.asks[0]
			r.asks = r.asks[1:]
			asked = append(asked, r.now)
			r.answer(2, max(a.Time, 10*(i-50)))
		}
	}
	if n := len(asked); n < 20 || n > 150 {
		t.Errorf("asked %d times in a minute: %v", n, asked)
	}
	r.never(Rebased)
	if s := r.stats(1); s.Late != 0 || s.Passed < 5900 {
		t.Errorf("%+v", s)
	}
}
