package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/memory"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/routing"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// The scenarios run on simulated time: what takes minutes is over at once.

// newNode makes a node without a cleanup, which cannot be in a bubble.
func newNode(t *testing.T, name string, circuits ...Circuit) *Node {
	t.Helper()
	n, err := New(Config{Addr: names[name], Name: name, Names: names, Circuits: circuits})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// pair makes a link between ALPHA and BETA, whose ends take object 200.
func pair(t *testing.T, a, b *Node) (ca, cb *scp.Conn) {
	t.Helper()
	ln, err := b.Listen("200", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a.AwaitCircuit(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if c, err := ln.Accept(); err == nil {
			cb = c.(*scp.Conn)
		}
	})
	ca, err = a.Dial(t.Context(), "BETA::200", nil)
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	return ca, cb
}

// transfer sends octets from one end to the other and compares.
func transfer(from, to *scp.Conn, seed uint64, size int) error {
	return slowly(from, to, seed, size, 0)
}

// slowly is transfer with a pause between messages.
func slowly(from, to *scp.Conn, seed uint64, size int, pause time.Duration) error {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	errs := make(chan error, 1)
	go func() {
		for rest := b; len(rest) > 0; {
			n, err := from.Write(rest[:min(len(rest), 3000)])
			if err != nil {
				errs <- err
				return
			}
			rest = rest[n:]
			time.Sleep(pause)
		}
		errs <- nil
	}()
	got := make([]byte, size)
	_, err := io.ReadFull(to, got)
	if err == nil && !bytes.Equal(got, b) {
		err = errors.New("octets differ")
	}
	return errors.Join(err, <-errs)
}

// Packets are lost, doubled and late.
func TestScenarioBadEthernet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := memory.NewEthernet()
		rng := rand.New(rand.NewPCG(1, 2))
		lan.SetFate(func(link.Packet) (int, bool) {
			return []int{1, 1, 1, 1, 1, 1, 1, 1, 0, 2}[rng.IntN(10)], rng.IntN(10) == 0
		})
		a := newNode(t, "ALPHA", Circuit{Name: "ETH", Link: lan.Link(names["ALPHA"].MAC())})
		b := newNode(t, "BETA", Circuit{Name: "ETH", Link: lan.Link(names["BETA"].MAC())})
		defer a.Close()
		defer b.Close()
		ca, cb := pair(t, a, b)
		if err := transfer(ca, cb, 1, 100_000); err != nil {
			t.Error(err)
		}
		if err := transfer(cb, ca, 2, 100_000); err != nil {
			t.Error(err)
		}
		if c := a.Info().Counters; c.Retransmissions == 0 || c.Duplicates == 0 {
			t.Errorf("%+v", c)
		}
		ca.Abort(nil)
		cb.Abort(nil)
	})
}

// A circuit is lost in the midst of a transfer, for 15 s, and comes back: the link goes on at once.
func TestScenarioCircuitReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		la, lb := memory.Pair()
		a, b := newNode(t, "ALPHA", Circuit{Name: "C", Link: la}), newNode(t, "BETA", Circuit{Name: "C", Link: lb})
		defer a.Close()
		defer b.Close()
		ca, cb := pair(t, a, b)
		for range 3 {
			la.Medium().Cut()
			done := make(chan error)
			go func() { done <- transfer(ca, cb, 3, 1<<20) }()
			time.Sleep(15 * time.Second)
			select {
			case err := <-done:
				t.Fatalf("there is no circuit, and the transfer is over: %v", err)
			default:
			}
			la.Medium().Mend()
			mended := time.Now()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if d := time.Since(mended); d > 2*time.Second {
				t.Errorf("it took %v to go on", d)
			}
		}
		if c := a.Info(); c.Counters.Retransmissions == 0 || c.Circuits[0].Opens != 4 {
			t.Errorf("%+v", c)
		}
		ca.Close()
		cb.Close()
	})
}

// A circuit that does not come back ends its links, with "unreachable", within half a minute.
func TestScenarioCircuitGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		la, lb := memory.Pair()
		a, b := newNode(t, "ALPHA", Circuit{Name: "C", Link: la}), newNode(t, "BETA", Circuit{Name: "C", Link: lb})
		defer a.Close()
		defer b.Close()
		ca, cb := pair(t, a, b)
		time.Sleep(time.Second) // the acknowledgement of the connect confirm is there: cb waits for nothing
		la.Medium().Cut()
		start := time.Now()
		if _, err := ca.Write([]byte("into the void")); err != nil {
			t.Fatal(err)
		}
		var e *scp.Error
		if _, err := ca.Read(make([]byte, 1)); !errors.As(err, &e) || e.Reason != scp.Unreachable || !e.Local {
			t.Errorf("%v", err)
		}
		if d := time.Since(start); d < 20*time.Second || d > 40*time.Second {
			t.Errorf("after %v", d)
		}
		// The silent end finds out by its probe.
		if _, err := cb.Read(make([]byte, 1)); !errors.As(err, &e) || e.Reason != scp.Unreachable {
			t.Errorf("%v", err)
		}
		if d := time.Since(start); d < 60*time.Second || d > 120*time.Second {
			t.Errorf("the silent end after %v", d)
		}
		ca.Close()
		cb.Close()
	})
}

// Either node is restarted: the other end's link is over when it speaks, and a new one can be made.
func TestScenarioRestart(t *testing.T) {
	for _, restarted := range []string{"ALPHA", "BETA"} {
		synctest.Test(t, func(t *testing.T) {
			la, lb := memory.Pair()
			m := la.Medium()
			a, b := newNode(t, "ALPHA", Circuit{Name: "C", Link: la}), newNode(t, "BETA", Circuit{Name: "C", Link: lb})
			ca, cb := pair(t, a, b)
			m.Cut() // so that the one that ends cannot say so
			survivor := ca
			if restarted == "ALPHA" {
				a.Close()
				a = newNode(t, "ALPHA", Circuit{Name: "C", Link: m.Replace(la)})
				survivor = cb
			} else {
				b.Close()
				b = newNode(t, "BETA", Circuit{Name: "C", Link: m.Replace(lb)})
			}
			m.Mend()
			if _, err := survivor.Write([]byte("are you there?")); err != nil {
				t.Fatal(err)
			}
			var e *scp.Error
			if _, err := survivor.Read(make([]byte, 1)); !errors.As(err, &e) || e.Reason != scp.NoLink {
				t.Errorf("%s restarted: %v", restarted, err)
			}
			ca.Close()
			cb.Close()
			ca, cb = pair(t, a, b)
			if err := transfer(ca, cb, 4, 10_000); err != nil {
				t.Error(err)
			}
			ca.Close()
			cb.Close()
			a.Close()
			b.Close()
		})
	}
}

// Of two circuits one is lost: links go on over the other.
func TestScenarioTwoCircuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a1, b1 := memory.Pair()
		a2, b2 := memory.Pair()
		a := newNode(t, "ALPHA", Circuit{Name: "ONE", Link: a1, Cost: 1}, Circuit{Name: "TWO", Link: a2, Cost: 2})
		b := newNode(t, "BETA", Circuit{Name: "ONE", Link: b1, Cost: 1}, Circuit{Name: "TWO", Link: b2, Cost: 2})
		defer a.Close()
		defer b.Close()
		synctest.Wait() // both circuits are there: a link that was early would have begun on the other
		ca, cb := pair(t, a, b)
		if err := transfer(ca, cb, 5, 50_000); err != nil {
			t.Fatal(err)
		}
		if c := a.Info().Circuits; c[0].Counters.Sent == 0 || c[1].Counters.Sent != 0 {
			t.Errorf("%+v", c)
		}
		a1.Medium().Cut()
		if err := transfer(ca, cb, 6, 50_000); err != nil {
			t.Fatal(err)
		}
		if c := a.Info().Circuits; c[1].Counters.Sent == 0 || c[0].State == routing.StateRU || c[0].Cause == "" {
			t.Errorf("%+v", c)
		}
		ca.Close()
		cb.Close()
	})
}

// Neighbours that do not verify, or have our address, come to nothing, and a link over another circuit does not notice.
func TestScenarioBadNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, b1 := memory.Pair()
		bad, b2 := memory.Pair()
		own, b3 := memory.Pair()
		a := newNode(t, "ALPHA", Circuit{Name: "GOOD", Link: good}, Circuit{Name: "BAD", Link: bad, Verify: []byte("SECRET")}, Circuit{Name: "OWN", Link: own})
		b := newNode(t, "BETA", Circuit{Name: "GOOD", Link: b1}, Circuit{Name: "BAD", Link: b2, Say: []byte("GUESS")})
		imposter := newNode(t, "ALPHA", Circuit{Name: "OWN", Link: b3})
		defer a.Close()
		defer b.Close()
		defer imposter.Close()
		ca, cb := pair(t, a, b)
		time.Sleep(time.Minute)
		if err := transfer(ca, cb, 7, 10_000); err != nil {
			t.Error(err)
		}
		c := a.Info().Circuits
		if c[0].State != routing.StateRU || c[0].Counters.Downs != 0 || c[1].State == routing.StateRU || c[1].Counters.Refused < 2 || c[2].State == routing.StateRU ||
			c[2].Counters.Refused < 2 {
			t.Errorf("%+v", c)
		}
		ca.Close()
		cb.Close()
	})
}

// Requests that nobody accepts are rejected in time, and leave nothing behind.
func TestScenarioNobodyAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		la, lb := memory.Pair()
		a, b := newNode(t, "ALPHA", Circuit{Name: "C", Link: la}), newNode(t, "BETA", Circuit{Name: "C", Link: lb})
		defer a.Close()
		defer b.Close()
		ln, err := b.Listen("201", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		a.AwaitCircuit(t.Context())
		for range 3 {
			start := time.Now()
			var e *scp.Error
			if _, err := a.Dial(t.Context(), "BETA::201", nil); !errors.As(err, &e) || e.Reason != scp.NoAnswer || e.Local {
				t.Errorf("%v", err)
			}
			if d := time.Since(start); d != 45*time.Second {
				t.Errorf("after %v", d)
			}
		}
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(ln.queue)+len(b.waiting)+b.session.NSP.Ports() > 0 {
			t.Errorf("%d in the queue, %d waiting, %d links", len(ln.queue), len(b.waiting), b.session.NSP.Ports())
		}
	})
}

// A flood of connect initiates that nobody accepts leaves other links alone, and is counted.
func TestScenarioFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		la, lb := memory.Pair()
		a, b := newNode(t, "ALPHA", Circuit{Name: "C", Link: la}), newNode(t, "BETA", Circuit{Name: "C", Link: lb})
		defer a.Close()
		defer b.Close()
		ca, cb := pair(t, a, b)
		ln, err := b.Listen("201", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var flood sync.WaitGroup
		var mu sync.Mutex
		reasons := map[scp.Reason]int{}
		for range 500 {
			flood.Go(func() {
				var e *scp.Error
				if _, err := a.Dial(ctx, "BETA::201", nil); errors.As(err, &e) {
					mu.Lock()
					reasons[e.Reason]++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		if err := transfer(ca, cb, 8, 50_000); err != nil {
			t.Error(err)
		}
		cancel()
		flood.Wait()
		// What is refused depends on how many come at once: beyond what waits for the object it is busy, beyond what the node lets wait it has
		// no resources, and of answers beyond those it can keep none is given.
		busy, resources := reasons[scp.ObjectBusy], reasons[scp.NoResources]
		delete(reasons, scp.ObjectBusy)
		delete(reasons, scp.NoResources)
		if busy == 0 || busy+resources > 500-128 || len(reasons) > 0 {
			t.Errorf("%d busy, %d without resources, %v", busy, resources, reasons)
		}
		ca.Close()
		cb.Close()
	})
}

func simSeeds(t *testing.T) uint64 {
	n := uint64(100)
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		var err error
		if n, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return max(n/10, 1) // each is a long one
}

// TestSimulation has two nodes with two circuits, an Ethernet that loses and a pair that is cut at random, and several links with transfers both
// ways, by each kind of flow control: all octets arrive. It runs a tenth of TENUTO_SEEDS.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		synctest.Test(t, func(t *testing.T) {
			if err := simulate(t, seed); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}

func simulate(t *testing.T, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 9))
	lan := memory.NewEthernet()
	loss, fate := 5+rng.IntN(50), rand.New(rand.NewPCG(seed, 10))
	lan.SetFate(func(link.Packet) (int, bool) {
		switch fate.IntN(loss) {
		case 0:
			return 0, false
		case 1:
			return 2, false
		}
		return 1, fate.IntN(loss) == 0
	})
	la, lb := memory.Pair()
	var nodes [2]*Node
	for i, name := range []string{"ALPHA", "BETA"} {
		n, err := New(Config{Addr: names[name], Name: name, Names: names, Flow: nsp.FlowControl(rng.IntN(3)), Circuits: []Circuit{
			{Name: "LAN", Link: lan.Link(names[name].MAC()), Cost: 9}, {Name: "PAIR", Link: []link.Link{la, lb}[i], Cost: 1, BlockSize: 300 + rng.IntN(2000)}}})
		if err != nil {
			return err
		}
		defer n.Close()
		nodes[i] = n
	}
	errs := make(chan error)
	const links = 3
	for i := range links {
		ca, cb := pair(t, nodes[0], nodes[1])
		go func() { errs <- both(ca, cb, seed+uint64(i), 200_000) }()
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 5 {
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
			la.Medium().Cut()
			time.Sleep(time.Duration(rng.IntN(8000)) * time.Millisecond)
			la.Medium().Mend()
		}
	}()
	var all error
	for range links {
		all = errors.Join(all, <-errs)
	}
	<-over
	if c := nodes[0].Info(); all == nil && (c.Counters.Retransmissions == 0 || c.Circuits[1].Opens < 2) {
		all = fmt.Errorf("nothing has happened: %+v", c)
	}
	return all
}

func both(ca, cb *scp.Conn, seed uint64, size int) error {
	there, back := make(chan error), make(chan error)
	go func() { there <- slowly(ca, cb, seed, size, 200*time.Millisecond) }()
	go func() { back <- slowly(cb, ca, seed+100, size, 300*time.Millisecond) }()
	err := errors.Join(<-there, <-back)
	if err != nil {
		ca.Abort(nil)
		cb.Abort(nil)
		return err
	}
	ca.Close()
	cb.Close()
	return nil
}
