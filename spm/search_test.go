package spm

import (
	"fmt"
	"hash/maphash"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// A world is two machines and what is on its way between them, as the search sees it.
type world struct {
	m     [2]Machine
	lanes [2][]parcel // towards each machine, in the order of sending
	left  [2]uint8    // requests that the user may still make
	tim   [2]bool
}

// A parcel is an SPDU on its way. An expedited one may overtake, and no normal one overtakes it.
type parcel struct {
	Event
	expedited bool
}

// A selection is what one run of the search starts with.
type selection struct {
	units     spdu.Units
	expedited bool // the transport's flow
	reuse     bool
	inside    bool // an activity
}

func (c selection) String() string {
	s := c.units.String()
	for _, f := range []struct {
		on   bool
		name string
	}{{c.expedited, "TEXP"}, {c.reuse, "reuse"}, {c.inside, "in activity"}} {
		if f.on {
			s += ", " + f.name
		}
	}
	return s
}

// selections are the combinations that differ in what their rows do.
func selections() (all []selection) {
	const (
		fd, hd, nr, ex, td = spdu.Duplex, spdu.HalfDuplex, spdu.NegotiatedRelease, spdu.Expedited, spdu.TypedData
		sy, ma, rs, ds, cd = spdu.MinorSync, spdu.MajorSync, spdu.Resync, spdu.DataSeparation, spdu.CapabilityData
		xc, ac             = spdu.Exceptions, spdu.Activity
		bas                = hd | td | cd | sy | xc | ac
	)
	for _, u := range []spdu.Units{fd, hd, fd | nr, hd | nr, fd | sy | ma | rs, hd | sy | ma | rs, fd | rs, hd | rs, hd | xc, hd | xc | rs | sy | nr,
		fd | sy | rs | ds, hd | sy | ma | rs | ds, fd | ac, bas, bas | ma | rs, bas | ma | rs | nr | ds} {
		for _, texp := range []bool{false, true} {
			c := selection{units: u, expedited: texp}
			if texp {
				c.units |= ex
			}
			all = append(all, c)
			if !texp && u&rs != 0 && u&ac == 0 {
				c.reuse = true
				all = append(all, c)
			}
			if u&ac != 0 {
				c.reuse, c.inside = false, true
				all = append(all, c)
			}
		}
	}
	return all
}

func (c selection) world(requests uint8) *world {
	w := &world{left: [2]uint8{requests, requests}}
	for i := range w.m {
		m := &w.m[i]
		m.Reuse, m.state = c.reuse, sta713
		m.connect = connectVars{Vtca: i == 1, TEXP: c.expedited, Units: c.units}
		m.perform(act05, &Event{Units: c.units, Serial: 1})
		m.tokens = tokensOf(c.units, 0, i == 0)
		if c.inside {
			m.perform(act12, &Event{})
			m.perform(act26, &Event{})
		}
	}
	return w
}

func (w *world) clone() *world {
	n := *w
	for i := range n.m {
		n.m[i].queue, n.m[i].out = slices.Clone(w.m[i].queue), nil
		n.lanes[i] = slices.Clone(w.lanes[i])
	}
	return &n
}

// key is the world's marshalled state.
func (w *world) key(b []byte) []byte {
	for i := range w.m {
		m, err := w.m[i].MarshalBinary()
		if err != nil {
			panic("BUG: " + err.Error())
		}
		b = append(append(b, byte(len(m)), w.left[i], byte(len(w.lanes[i]))), m...)
		if w.tim[i] {
			b = append(b, 1)
		}
		for j := range w.lanes[i] {
			p := &w.lanes[i][j]
			flags := byte(bits(p.flags())) << 1
			if p.expedited {
				flags |= 1
			}
			b = append(b, byte(p.Kind), flags, byte(p.Serial), byte(p.Setting), byte(p.Tokens))
		}
	}
	return b
}

// step gives side i an event and puts what it sends on the lanes. It returns an error if that was not allowed, and what is wrong
// with the protocol if something is.
func (w *world) step(i int, ev Event) (wrong string, err error) {
	m := &w.m[i]
	if err := m.Step(ev); err != nil {
		return "", err
	}
	out := slices.Clone(m.Drain())
	if ev.Kind != TDISind && slices.Contains(out, SPABind) && !(ev.Kind == ABnr || ev.Kind == ABr) {
		return fmt.Sprintf("protocol error: %v", ev), nil
	}
	for _, o := range out {
		switch {
		case o == TDISreq:
			w.lanes[i], w.tim[i] = nil, false
			if !slices.ContainsFunc(w.lanes[1-i], func(p parcel) bool { return p.Kind == TDISind }) && w.m[1-i].state != sta01 {
				w.lanes[1-i] = append(w.lanes[1-i], parcel{Event: Event{Kind: TDISind}})
			}
		case o == StartTIM, o == StopTIM:
			w.tim[i] = o == StartTIM
		case o.Sends():
			w.lanes[1-i] = append(w.lanes[1-i], parcel{m.pdu(o, ev), m.connect.TEXP && expedites(o, ev)})
		}
	}
	return "", nil
}

// deliverable lists the places of a lane from which the next SPDU may come: the first normal one unless an expedited one was sent
// before it, and the first expedited one.
func (w *world) deliverable(i int) (places []int) {
	lane := w.lanes[i]
	if len(lane) == 0 {
		return nil
	}
	places = append(places, 0)
	if !lane[0].expedited {
		if j := slices.IndexFunc(lane, func(p parcel) bool { return p.expedited }); j > 0 {
			places = append(places, j)
		}
		if j := len(lane) - 1; j > 0 && lane[j].Kind == TDISind {
			places = append(places, j)
		}
	}
	return places
}

// moves lists what a user may try, whether the machine allows it or not.
func (m *Machine) moves() (answers, requests []Event) {
	if m.state == sta01 || m.state == sta01C {
		return nil, nil
	}
	for _, k := range []Kind{SCDrsp, SSYNMrsp, SACTIrsp, SACTDrsp, SACTErsp, SRELrspPos, SRELrspNeg} {
		answers = append(answers, Event{Kind: k})
	}
	for n := range uint32(4) {
		answers = append(answers, Event{Kind: SSYNmrsp, Serial: n})
	}
	if m.state == sta11A {
		for s := range spdu.TokenSetting(2) { // whatever the request left open
			s *= 0x55
			answers = append(answers, Event{Kind: SRSYNrsp, Setting: s, Serial: uint32(max(m.resync.Vrspnb, 0))})
			if m.resync.Vrsp == set {
				answers = append(answers, Event{Kind: SRSYNrsp, Setting: s, Serial: 3})
			}
		}
	}
	for _, k := range []Kind{SDTreq, STDreq, SEXreq, SCDreq, SCGreq, SSYNmreq, SSYNmdreq, SSYNMreq, SUERreq, SACTSreq, SACTIreq, SACTDreq, SACTEreq, SRELreq} {
		requests = append(requests, Event{Kind: k})
	}
	requests = append(requests, Event{Kind: SUABreq}, Event{Kind: SACTRreq, Serial: 1}, Event{Kind: SPTreq, Tokens: m.tokens.Available})
	if m.connect.TEXP {
		requests = append(requests, Event{Kind: SUABreq, Len: 100})
	}
	for j := range 4 {
		requests = append(requests, Event{Kind: SGTreq, Tokens: 1 << (2 * j)})
	}
	if m.tokens.Owned&(m.tokens.Owned-1) != 0 {
		requests = append(requests, Event{Kind: SGTreq, Tokens: m.tokens.Owned})
	}
	if m.fu(spdu.Resync) {
		requests = append(requests, Event{Kind: SRSYNreqA}, Event{Kind: SRSYNreqS}, Event{Kind: SRSYNreqS, Serial: 3})
		for n := range uint32(4) {
			requests = append(requests, Event{Kind: SRSYNreqR, Serial: n})
		}
	}
	return answers, requests
}

// checkRest checks S3 for two machines between which nothing is on its way, and that they are not stuck; answerable tells whether an
// answer, or TIM, is outstanding.
func checkRest(a, b *Machine, answerable bool) string {
	if a.state == sta713 && b.state == sta713 {
		switch {
		case a.inActivity() && (a.sync.VM != b.sync.VM || a.sync.VR != b.sync.VR): // elsewhere they mean nothing
			return fmt.Sprintf("numbers differ: %+v and %+v", a.sync, b.sync)
		case a.sync.Vsc && b.sync.Vsc:
			return "both may confirm minor synchronization points"
		case a.activity.Vact != b.activity.Vact:
			return "one is in an activity"
		case a.resync != resyncVars{} || b.resync != resyncVars{}:
			return "a resynchronization goes on"
		case a.tokens.Owned&b.tokens.Owned != 0 || a.tokens.Owned|b.tokens.Owned != a.tokens.Available:
			return fmt.Sprintf("tokens do not mirror: %v and %v", a.tokens, b.tokens)
		case len(a.queue)+len(b.queue) > 0:
			return "something is queued"
		}
		return ""
	}
	if answerable {
		return ""
	}
	for _, m := range []*Machine{a, b} {
		switch m.state {
		case sta01, sta01C, sta713:
		case sta19, sta20: // until somebody clears the exception
		default:
			return fmt.Sprintf("stuck in %v and %v", a.state, b.state)
		}
	}
	return ""
}

// maxLane is more SPDUs than two requests a side and their answers ever put on the way.
const maxLane = 16

var searchSeed = maphash.MakeSeed()

// search explores a selection breadth first and returns how many worlds and steps there were.
func search(t *testing.T, c selection, requests uint8) (worlds, steps int) {
	type node struct {
		w     *world
		trace *link
	}
	seen := make(map[uint64]struct{})
	var buf []byte
	frontier := []node{{c.world(requests), nil}}
	fresh := func(w *world) bool {
		buf = w.key(buf[:0])
		h := maphash.Bytes(searchSeed, buf)
		if _, ok := seen[h]; ok {
			return false
		}
		seen[h] = struct{}{}
		return true
	}
	fresh(frontier[0].w)
	for len(frontier) > 0 {
		var next []node
		for _, n := range frontier {
			answerable := false
			try := func(i int, ev Event, request bool, place int) {
				w := n.w.clone()
				switch {
				case ev.Kind == TIM:
					w.tim[i] = false
				case place >= 0:
					if ev.Kind == TDISind {
						w.lanes[i] = nil
					} else {
						w.lanes[i] = slices.Delete(w.lanes[i], place, place+1)
					}
				case request:
					w.left[i]--
				}
				wrong, err := w.step(i, ev)
				if err != nil {
					return
				}
				if place < 0 && !request {
					answerable = true
				}
				steps++
				if wrong != "" {
					t.Fatalf("%v: %s\n%v", c, wrong, &link{n.trace, i, ev, w.m[i].state})
				}
				if len(w.lanes[0]) > maxLane || len(w.lanes[1]) > maxLane {
					t.Fatalf("%v: %d and %d SPDUs on the way", c, len(w.lanes[0]), len(w.lanes[1]))
				}
				if fresh(w) {
					next = append(next, node{w, &link{n.trace, i, ev, w.m[i].state}})
				}
			}
			for i := range 2 {
				for _, place := range n.w.deliverable(i) {
					try(i, n.w.lanes[i][place].Event, false, place)
				}
				if n.w.tim[i] {
					try(i, Event{Kind: TIM}, false, -1)
				}
				answers, more := n.w.m[i].moves()
				if n.w.left[i] == 0 {
					more = nil
				}
				for _, ev := range answers {
					try(i, ev, false, -1)
				}
				for _, ev := range more {
					try(i, ev, true, -1)
				}
			}
			if len(n.w.lanes[0])+len(n.w.lanes[1]) > 0 {
				continue
			}
			if wrong := checkRest(&n.w.m[0], &n.w.m[1], answerable); wrong != "" {
				t.Fatalf("%v: %s\n%v", c, wrong, n.trace)
			}
		}
		frontier = next
	}
	return len(seen), steps
}

// A link is the last step of a trace.
type link struct {
	before *link
	side   int
	ev     Event
	state  State
}

func (l *link) String() string {
	var lines []string
	for ; l != nil; l = l.before {
		lines = append(lines, fmt.Sprintf("%c: %v serial=%d tokens=%v setting=%#x -> %v", 'I'+9*rune(l.side), l.ev.Kind, l.ev.Serial, l.ev.Tokens, uint8(l.ev.Setting), l.state))
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

// TestSearch explores all that two users can do with TENUTO_SEARCH requests each (1 if it is not set, 2 in "make soak"), and with answers and
// the order of delivery as they like: no machine draws a protocol error, nobody is stuck, and S3 holds.
func TestSearch(t *testing.T) {
	requests := 1
	if v := os.Getenv("TENUTO_SEARCH"); v != "" {
		var err error
		if requests, err = strconv.Atoi(v); err != nil || requests > 3 {
			t.Fatalf("TENUTO_SEARCH=%s: requests a side", v)
		}
	}
	worlds, steps := 0, 0
	for _, c := range selections() {
		w, s := search(t, c, uint8(requests))
		worlds, steps = worlds+w, steps+s
		if testing.Verbose() {
			t.Logf("%v: %d states, %d steps", c, w, s)
		}
	}
	t.Logf("%d selections, %d requests a side: %d states, %d steps", len(selections()), requests, worlds, steps)
}
