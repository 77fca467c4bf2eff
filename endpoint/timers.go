package endpoint

import (
	"container/heap"
	"sync"
	"time"
)

// timers is the endpoint's one timer: bridges ordered by when they must be looked at.
type timers struct {
	began time.Time // from which the bridges' times count
	mu    sync.Mutex
	heap  timerHeap
	timer *time.Timer
	at    time.Time // when timer fires
	over  bool
	last  time.Time // when it was last looked at
	slept func()    // called when the machine has been asleep since
}

// sleepMin is how much more time must have passed on the wall than in the machine for it to have been asleep: the clock that timers
// run by stands still then. A wall clock that was set forward looks the same, and does no harm.
const sleepMin = 5 * time.Second

// asleep tells whether the machine was asleep between two readings of the clocks.
func asleep(wall, machine time.Duration) bool { return wall-machine >= sleepMin }

// when is a time as the bridges keep it, never 0.
func (t *timers) when(at time.Time) time.Duration { return max(at.Sub(t.began), 1) }

// set makes br.tick run at the given time instead of when it was set to before.
func (t *timers) set(br *Bridge, at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	br.timerAt = at
	if br.timerIdx < 0 {
		heap.Push(&t.heap, br)
	} else {
		heap.Fix(&t.heap, br.timerIdx)
	}
	t.start()
}

func (t *timers) remove(br *Bridge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if br.timerIdx >= 0 {
		heap.Remove(&t.heap, br.timerIdx)
	}
}

// start sets the timer to the first bridge's time, if it would fire later.
func (t *timers) start() {
	if len(t.heap) == 0 {
		return
	}
	at := t.began.Add(t.heap[0].timerAt)
	if t.timer != nil && !t.at.IsZero() && !at.Before(t.at) {
		return
	}
	t.at = at
	if d := time.Until(at); t.timer == nil {
		t.timer = time.AfterFunc(d, t.fire)
	} else {
		t.timer.Reset(d)
	}
}

func (t *timers) fire() {
	now := time.Now()
	var due []*Bridge
	t.mu.Lock()
	slept := !t.last.IsZero() && asleep(now.Round(0).Sub(t.last.Round(0)), now.Sub(t.last))
	t.last = now
	t.at = time.Time{}
	for len(t.heap) > 0 && t.heap[0].timerAt <= t.when(now) {
		due = append(due, heap.Pop(&t.heap).(*Bridge))
	}
	if !t.over {
		t.start()
	}
	t.mu.Unlock()
	for _, br := range due {
		br.tick(now)
	}
	if slept {
		t.slept()
	}
}

func (t *timers) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	if t.timer != nil {
		t.timer.Stop()
	}
}

type timerHeap []*Bridge

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].timerAt < h[j].timerAt }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timerIdx, h[j].timerIdx = i, j
}

func (h *timerHeap) Push(x any) {
	br := x.(*Bridge)
	br.timerIdx = len(*h)
	*h = append(*h, br)
}

func (h *timerHeap) Pop() any {
	old := *h
	br := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	br.timerIdx = -1
	return br
}
