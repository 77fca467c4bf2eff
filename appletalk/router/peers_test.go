package router_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/macroman"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/router"
	"github.com/tenuto-session/tenuto/appletalk/zip"
)

// peerSeed is the seed of our machines in the conversations.
const peerSeed = 7

// TestPeers replays our conversations with other routers: testdata/peers/*.txt, each with its provenance. What they said is said again at
// the same times, and what our router or node says is to be what it said then, octet for octet.
//
// A line is a time in seconds and what happened: "< PORT FRAME" was heard, "> PORT FRAME" was sent, "add PORT", "call NAME" and "close"
// were told by the program. What comes before are the ports, or the node; "= " is what a call found, or what was known in the end.
func TestPeers(t *testing.T) {
	names, err := filepath.Glob("testdata/peers/*.txt")
	if err != nil || len(names) < 11 {
		t.Fatalf("%d conversations, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := &replay{t: t, rng: rand.New(rand.NewPCG(peerSeed, 0)), sent: map[int][][]byte{}}
			number := 0
			for line := range strings.Lines(string(text)) {
				number++
				if line = strings.TrimRight(line, "\n"); line == "" || line[0] == '#' {
					continue
				}
				p.line(line)
				if t.Failed() {
					t.Fatalf("line %d: %s", number, line)
				}
			}
			for port, left := range p.sent {
				if len(left) > 0 {
					t.Errorf("port %d: %d frames more than then, the first % x", port, len(left), left[0])
				}
			}
		})
	}
}

// replay is a conversation that is being replayed.
type replay struct {
	t     *testing.T
	rng   *rand.Rand
	m     machine
	kinds []link.Kind
	hw    []link.Hardware
	ports []router.PortConfig
	sent  map[int][][]byte // what the machine wants sent, by port
	call  node.Call
}

func (p *replay) line(line string) {
	first, rest, _ := strings.Cut(line, " ")
	switch first {
	case "port":
		p.port(rest)
		return
	case "node":
		p.port("0 " + rest + " -")
		p.m = node.NewMachine(start, p.kinds[0], p.hw[0], node.Settings{}, p.rng)
		return
	case "=":
		if got := p.known(); got != rest {
			p.t.Errorf("known is %s", got)
		}
		return
	}
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	p.happen(start.Add(time.Duration(seconds*1e6)*time.Microsecond), rest)
}

// port reads INDEX KIND HARDWARE RANGE [ZONES].
func (p *replay) port(text string) {
	f := strings.SplitN(text, " ", 5)
	kind := link.LocalTalk
	if f[1] == link.EtherTalk.String() {
		kind = link.EtherTalk
	}
	var c router.PortConfig
	if f[3] != "-" {
		var err error
		if c.Range, err = ddp.ParseRange(f[3]); err != nil {
			p.t.Fatal(err)
		}
		for z := range strings.SplitSeq(f[4], ";") {
			c.Zones = append(c.Zones, encode(p.t, z))
		}
	}
	p.kinds, p.ports = append(p.kinds, kind), append(p.ports, c)
	p.hw = append(p.hw, link.Hardware(octets(p.t, strings.ReplaceAll(f[2], ":", ""))))
}

// settled is how long after its time the timer of the program has run for certain.
const settled = 20 * time.Millisecond

func (p *replay) happen(now time.Time, what string) {
	verb, rest, _ := strings.Cut(what, " ")
	if p.m == nil {
		p.m = router.NewMachine(start, p.rng)
	}
	for at := p.m.Next(); verb != ">" && !at.IsZero() && at.Before(now.Add(-settled)); at = p.m.Next() {
		p.do(func(out *link.Output) { p.m.Tick(at, out) })
	}
	switch verb {
	case "add":
		i, _ := strconv.Atoi(rest)
		if err := p.m.(*router.Machine).AddPort(now, i, p.kinds[i], p.hw[i], p.ports[i]); err != nil {
			p.t.Fatal(err)
		}
	case "call":
		p.begin(now, rest)
	case "close":
		p.do(func(out *link.Output) { p.m.(*router.Machine).Close(now, out) })
	case "<", ">":
		index, frame, _ := strings.Cut(rest, " ")
		i, _ := strconv.Atoi(index)
		b := octets(p.t, frame)
		if verb == "<" {
			p.do(func(out *link.Output) { p.m.Frame(now, i, b, out) })
			return
		}
		if len(p.sent[i]) == 0 {
			p.do(func(out *link.Output) { p.m.Tick(now, out) })
		}
		if len(p.sent[i]) == 0 || !bytes.Equal(p.sent[i][0], b) {
			p.t.Errorf("sends % x", p.sent[i])
			return
		}
		p.sent[i] = p.sent[i][1:]
	default:
		p.t.Fatalf("no verb %s", verb)
	}
}

func (p *replay) do(f func(*link.Output)) {
	var out link.Output
	f(&out)
	for port, b := range out.Frames() {
		p.sent[port] = append(p.sent[port], slices.Clone(b))
	}
}

// begin makes a call of the node.
func (p *replay) begin(now time.Time, text string) {
	m := p.m.(*node.Machine)
	name, arg, _ := strings.Cut(text, " ")
	switch name {
	case "zones":
		p.call = &node.List{Function: zip.FunctionGetZoneList}
	case "local":
		p.call = &node.List{Function: zip.FunctionGetLocalZones}
	case "my":
		p.call = &node.List{Function: zip.FunctionGetMyZone}
	case "netinfo":
		p.call = &node.NetInfo{Zone: encode(p.t, arg)}
	case "routes":
		p.call = &node.Routes{}
	case "ping":
		to, err := ddp.ParseAddr(arg)
		if err != nil {
			p.t.Fatal(err)
		}
		p.call = &node.Echo{To: to, Data: []byte("text"), Wait: 2 * time.Second}
	case "lookup":
		p.call = &node.Lookup{Entity: (&script{sim: newSim(p.t, 0)}).entity(arg)}
	case "register":
		if _, err := m.Open(200); err != nil {
			p.t.Fatal(err)
		}
		p.call = &node.Register{Lookup: node.Lookup{Entity: (&script{sim: newSim(p.t, 0)}).entity(arg)}, Socket: 200}
	default:
		p.t.Fatalf("no call %s", name)
	}
	p.do(func(out *link.Output) {
		if err := m.Start(now, p.call, out); err != nil {
			p.t.Fatal(err)
		}
	})
}

// known is what the last call has found, or what a router knows.
func (p *replay) known() string {
	if m, ok := p.m.(*router.Machine); ok {
		s := m.Snapshot()
		var all []string
		for _, r := range s.Routes {
			all = append(all, fmt.Sprintf("%v:%d %s (%s)", r.Range, r.Distance, r.State, strings.Join(r.Zones, ", ")))
		}
		return strings.Join(all, "; ")
	}
	// The call may end by its timer.
	for m := p.m.(*node.Machine); !slices.Contains(m.Done(), p.call); {
		at := m.Next()
		p.do(func(out *link.Output) { m.Tick(at, out) })
	}
	if err := p.call.Err(); err != nil {
		return err.Error()
	}
	switch c := p.call.(type) {
	case *node.List:
		return macroman.Decode(strings.Join(c.Zones(), ", "))
	case *node.NetInfo:
		return c.Info.String()
	case *node.Routes:
		return c.Data.String()
	case *node.Lookup:
		return strings.Trim(fmt.Sprint(c.Found()), "[]")
	}
	return "ok"
}
