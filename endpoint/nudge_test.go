package endpoint

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/carrier/memory"
)

// TestNudge: Lesson 15. Whoever knows that the network has changed need not wait: an idle carrier that died unnoticed is found out
// within the time of a probe, and the next attempt to get one is made at once.
func TestNudge(t *testing.T) {
	lesson(t, func(t *testing.T, p *pair, nw *memory.Network) {
		a, b := p.open(t)
		time.Sleep(10 * time.Minute)
		nw.Conns()[0].Stall()
		start := time.Now()
		p.client.Nudge()
		for a.br.Info().Resumes == 0 {
			time.Sleep(10 * time.Millisecond)
			if time.Since(start) > time.Second {
				t.Fatal("an idle carrier that is dead was not noticed within a second")
			}
		}

		p.ln.Close()
		nw.Conns()[0].Cut()
		time.Sleep(time.Minute) // the pauses have grown
		p.relisten(t)
		p.client.Nudge()
		synctest.Wait()
		wantState(t, StateAttached, a.br, b.br)
	})
}

func TestAsleep(t *testing.T) {
	for _, c := range []struct {
		wall, machine time.Duration
		want          bool
	}{
		{20 * time.Second, 20 * time.Second, false},
		{21 * time.Second, 20 * time.Second, false},
		{8 * time.Hour, 20 * time.Second, true},
		{-time.Hour, 20 * time.Second, false}, // the clock was set back
	} {
		if got := asleep(c.wall, c.machine); got != c.want {
			t.Errorf("asleep(%v, %v) = %v", c.wall, c.machine, got)
		}
	}
}
