package tenuto

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestGateFirst: who is first goes in before all others, also before one that has come again at once; when it gives up, they go on.
func TestGateFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		var order []string
		enter := func(name string, lock func(canceller) error, c canceller) {
			if err := lock(c); err == nil {
				order = append(order, name)
				g.unlock()
			} else if err != context.Canceled {
				t.Error(name, err)
			}
		}
		g.enter()
		go enter("other", g.lock, t.Context())
		synctest.Wait()
		go enter("first", g.lockFirst, t.Context())
		synctest.Wait()
		g.unlock()
		enter("again", g.lock, t.Context())
		synctest.Wait()
		if len(order) != 3 || order[0] != "first" {
			t.Errorf("they went in as %v", order)
		}

		ctx, cancel := context.WithCancel(t.Context())
		g.enter()
		go enter("none", g.lockFirst, ctx)
		synctest.Wait()
		cancel()
		synctest.Wait()
		g.unlock()
		enter("last", g.lock, t.Context())
		if len(order) != 4 || order[3] != "last" || g.first != 0 {
			t.Errorf("they went in as %v, and %d are first", order, g.first)
		}
	})
}
