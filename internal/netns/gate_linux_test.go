package netns

import "sync"

// step is how many octets pass between two cuts, where they are fast. Half of it is more than gets through while a tool is cutting.
const step = 64 << 20

// gate spaces cuts by octets: sources ask it before they send, and are held back only if they get a whole step ahead of the
// cuts. So each of the cuts falls into the traffic, however fast it is.
type gate struct {
	mu      sync.Mutex
	moved   sync.Cond
	step    int64
	sent    int64
	allowed int64
}

func newGate(step int64) *gate {
	g := &gate{step: step, allowed: step}
	g.moved.L = &g.mu
	return g
}

// pass waits until n more octets may be sent.
func (g *gate) pass(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.sent >= g.allowed {
		g.moved.Wait()
	}
	g.sent += int64(n)
	g.moved.Broadcast()
}

// half waits until half of the step has been sent: now is the time to cut.
func (g *gate) half() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.sent < g.allowed-g.step/2 {
		g.moved.Wait()
	}
}

// next allows another step.
func (g *gate) next() { g.allow(g.step) }

// open allows everything.
func (g *gate) open() { g.allow(1 << 60) }

func (g *gate) allow(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed += n
	g.moved.Broadcast()
}

// cutEach makes each of the cuts once its share of the traffic has passed, and then lets the rest pass.
func (l *lab) cutEach(g *gate, cuts ...cut) {
	l.t.Helper()
	defer g.open() // also if a cut fails the test: its sources must end
	for _, c := range cuts {
		g.half()
		l.cut(c)
		g.next()
	}
}
