package zip

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

var (
	routerA = ddp.Addr{Net: 1, Node: 10}
	routerB = ddp.Addr{Net: 1, Node: 20}
)

func names(t *Table) string {
	var all []string
	for i := range t.Len() {
		all = append(all, macroman.Decode(t.Name(i)))
	}
	return strings.Join(all, ",")
}

func extended(count uint8, zones ...string) (Reply, []string) {
	return Reply{Extended: true, Count: count}, zones
}

func TestTable(t *testing.T) {
	table := NewTable()
	seeded := table.Seed(net35, true, []string{"EtherTalk Network", cafe, "Third"})
	n := table.Add(ddp.Range{First: 10, Last: 12}, true)
	if again := table.Add(n.Range, true); again != n || !seeded.Complete() || n.Complete() {
		t.Fatal("a network is added twice")
	}
	r, zones := extended(3, "third", "Fourth")
	if got := table.Learn(routerA, n, r, zones); got != LearnedPart || n.Complete() || len(table.Of("Fourth")) != 0 {
		t.Errorf("half a list: %d, and it is used", got)
	}
	// What another router says does not complete it.
	if r, zones := extended(3, "Other"); table.Learn(routerB, n, r, zones) != LearnedPart {
		t.Error("two routers' series were put together")
	}
	// A lost packet: the series comes again, with a part that is known.
	if r, zones := extended(3, "Fourth", "Fifth"); table.Learn(routerA, n, r, zones) != LearnedComplete {
		t.Error("the list is not complete")
	}
	if got := names(table); got != "EtherTalk Network,Café,Third,Fourth,Fifth" {
		t.Errorf("zones %s", got)
	}
	if got := fmt.Sprint(n.Zones()); got != "[Third Fourth Fifth]" { // in the spelling that was seen first
		t.Errorf("zones of the network: %s", got)
	}
	if got := table.Of("THIRD"); len(got) != 2 || !n.Has("fifth") || n.Has("Fif") {
		t.Errorf("networks of Third: %v", got)
	}
	if r, zones := extended(1, "Late"); table.Learn(routerA, n, r, zones) != LearnedNothing {
		t.Error("a complete list has changed")
	}
	table.Remove(n.Range.First)
	if got := names(table); got != "EtherTalk Network,Café,Third" || table.Find(10) != nil || len(table.Networks()) != 1 {
		t.Errorf("zones %s, networks %v", got, table.Networks())
	}
	table.Remove(10)
}

func TestCollectors(t *testing.T) {
	table := NewTable()
	n := table.Add(net35, true)
	// A series whose count changes begins anew.
	r, zones := extended(3, "A", "B")
	table.Learn(routerA, n, r, zones)
	if r, zones := extended(2, "A"); table.Learn(routerA, n, r, zones) != LearnedPart {
		t.Error("the count has changed, and the list is complete")
	}
	for i := range 2 * maxCollectors {
		r, zones := extended(200, "A")
		table.Learn(ddp.Addr{Net: 1, Node: uint8(i + 1)}, n, r, zones)
	}
	if len(n.collectors) != maxCollectors {
		t.Errorf("%d collectors", len(n.collectors))
	}
	// A plain reply is whole by itself.
	if got := table.Learn(routerB, n, Reply{}, []string{"A", "B", "a"}); got != LearnedComplete || len(n.Zones()) != 2 {
		t.Errorf("%d, %q", got, n.Zones())
	}
}

func TestRename(t *testing.T) {
	table := NewTable()
	n := table.Seed(net35, true, []string{"One", "Two", "Three"})
	table.Seed(net1, false, []string{"Two"})
	if !table.Rename(n, "TWO", "Neu") || fmt.Sprint(n.Zones()) != "[One Neu Three]" || names(table) != "Two,One,Neu,Three" {
		t.Errorf("%q of %s", n.Zones(), names(table))
	}
	if table.Rename(n, "Two", "Four") || table.Rename(n, "One", "three") || fmt.Sprint(n.Zones()) != "[One Neu Three]" {
		t.Errorf("%q", n.Zones())
	}
	if !table.Rename(n, "One", "ONE") || n.Zones()[0] != "ONE" {
		t.Errorf("%q", n.Zones())
	}
	if !n.Default("three") || fmt.Sprint(n.Zones()) != "[Three ONE Neu]" || n.Default("Nowhere") || !n.Default("Three") {
		t.Errorf("%q", n.Zones())
	}
}

func TestTooMuch(t *testing.T) {
	table := NewTable()
	n := table.Add(net1, false)
	many := make([]string, MaxZones+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	if got := table.Learn(routerA, n, Reply{}, many); got != LearnedTooMuch || n.Complete() || table.Len() != 0 {
		t.Errorf("%d zones of a network: %d", len(many), got)
	}
	for i := 0; ; i++ {
		for j := range many[:MaxZones] {
			many[j] = fmt.Sprint(i, " ", j)
		}
		n := table.Add(ddp.Range{First: uint16(10 + i), Last: uint16(10 + i)}, false)
		if got := table.Learn(routerA, n, Reply{}, many[:MaxZones]); got == LearnedTooMuch {
			break
		}
	}
	if table.Len() > maxNames || table.Len() < maxNames-MaxZones {
		t.Errorf("%d zones", table.Len())
	}
	// The router's own have a place nevertheless, and a new name.
	own := table.Seed(ddp.Range{First: 5000, Last: 5000}, true, many[:MaxZones])
	if !own.Complete() || len(own.Zones()) != MaxZones || !table.Rename(own, many[0], "Renamed") || own.Zones()[0] != "Renamed" || len(own.Zones()) != MaxZones {
		t.Errorf("%d zones of its own", len(own.Zones()))
	}
}

// TestTableSimulation makes random changes and compares the table with one that keeps only the lists.
func TestTableSimulation(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, lists := NewTable(), map[uint16][]string{}
	for range 20000 {
		first := uint16(1 + rng.IntN(30))
		r := ddp.Range{First: first, Last: first}
		var zones []string
		for range 1 + rng.IntN(4) {
			zones = append(zones, string(rune('A'+rng.IntN(12))))
		}
		zones = distinct(nil, zones)
		switch rng.IntN(4) {
		case 0:
			table.Seed(r, true, zones)
			lists[first] = zones
		case 1:
			table.Remove(first)
			delete(lists, first)
		case 2:
			if n := table.Find(first); n != nil && table.Rename(n, zones[0], "M") {
				lists[first][slices.Index(lists[first], zones[0])] = "M"
			}
		case 3:
			if n := table.Add(r, true); table.Learn(routerA, n, Reply{}, zones) == LearnedComplete {
				lists[first] = zones
			}
		}
	}
	seen := map[string]int{}
	for first, want := range lists {
		n := table.Find(first)
		if n == nil || !slices.Equal(n.Zones(), want) {
			t.Fatalf("network %d: %v, want %v", first, n, want)
		}
		for _, z := range want {
			seen[z]++
		}
	}
	if table.Len() != len(seen) {
		t.Errorf("%d zones, want %d", table.Len(), len(seen))
	}
	for z, count := range seen {
		if len(table.Of(z)) != count {
			t.Errorf("%s: %d networks, want %d", z, len(table.Of(z)), count)
		}
	}
}

// TestTableMemory: 10,000 networks take no more than 10 MiB together with their routes, which have 20 octets each.
func TestTableMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := NewTable()
	for i := range 10000 {
		r := ddp.Range{First: uint16(1 + i), Last: uint16(1 + i)}
		table.Learn(routerA, table.Add(r, true), Reply{}, []string{fmt.Sprintf("%032d", i)})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 9<<20 {
		t.Errorf("%d octets", used)
	} else {
		t.Logf("%d octets", used)
	}
	runtime.KeepAlive(table)
}
