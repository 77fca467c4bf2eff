package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/ddcmp"
	"github.com/tenuto-session/tenuto/decnet/ethernet"
	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/mirror"
	"github.com/tenuto-session/tenuto/decnet/multinet"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// The exchanges in testdata/peers were recorded with software of others; the first lines of each file say which and when. A replay wants this node to
// say the same again. With TENUTO_DECNET_PEER=KIND,ADDRESS… in the environment the exchanges take place with a node 1.2 there, and are recorded:
// multinet-tcp,HOST:PORT; multinet-udp,LOCAL,REMOTE; ddcmp-tcp,HOST:PORT; ethernet-udp,LOCAL,REMOTE. TENUTO_DECNET_PROVENANCE is the first line,
// and TENUTO_DECNET_ONLY names one exchange, as it has to for those in which the peer takes the initiative.

// exchanges are what a node does with its peer, by name. Of the last two the peer takes the initiative.
var exchanges = []struct {
	name string
	run  func(ctx context.Context, n *Node) error
}{
	{"mirror", func(ctx context.Context, n *Node) error {
		return looped(ctx, n, "1.2::MIRROR", &DialConfig{Source: scp.ByName("TESTER")}, 5, 500, 1281, 5000)
	}},
	{"access", func(ctx context.Context, n *Node) error {
		return looped(ctx, n, "1.2::TASK=MIRROR", &DialConfig{Access: &scp.Access{User: "SMITH", Password: "SECRET", Account: "ACCT"}, Data: []byte{1, 2, 3}}, 5)
	}},
	{"codes", func(ctx context.Context, n *Node) error {
		return looped(ctx, n, "1.2::MIRROR", &DialConfig{Source: scp.Descriptor{Format: 2, Group: 1, User: 2, Name: "JOE"}, Proxy: true}, 5)
	}},
	{"unknown", func(ctx context.Context, n *Node) error {
		for _, object := range []string{"200", "NOBODY"} {
			var e *scp.Error
			if _, err := n.Dial(ctx, "1.2::"+object, nil); !errors.As(err, &e) || e.Reason != scp.UnknownObject || e.Local {
				return fmt.Errorf("object %s: %w", object, err)
			}
		}
		return nil
	}},
	{"nml", func(ctx context.Context, n *Node) error {
		r, err := n.ShowExecutor(ctx, "1.2", nil)
		if err == nil && r.Node.Addr != decnet.NewAddr(1, 2) {
			err = fmt.Errorf("%+v", r)
		}
		return err
	}},
	{"interrupt", func(ctx context.Context, n *Node) error {
		c, err := n.Dial(ctx, "1.2::MIRROR", nil)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Interrupt(ctx, []byte("INTR")); err != nil {
			return err
		}
		return mirror.Loop(ctx, c, []byte("after the interrupt"))
	}},
	{"segment", func(ctx context.Context, n *Node) error {
		return looped(ctx, n, "1.2::MIRROR", &DialConfig{Flow: nsp.FlowSegment}, 5, 3000, 3000, 3000)
	}},
	{"message", func(ctx context.Context, n *Node) error {
		return looped(ctx, n, "1.2::MIRROR", &DialConfig{Flow: nsp.FlowMessage}, 5, 3000, 100, 100, 100, 100, 100, 100, 100, 100)
	}},
	{"restart", func(ctx context.Context, n *Node) error {
		c, err := n.Dial(ctx, "1.2::MIRROR", nil)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := mirror.Loop(ctx, c, []byte("before")); err != nil {
			return err
		}
		n.mu.Lock()
		n.circuits[0].restart()
		n.Unlock()
		if err := awaitDown(ctx, n); err != nil {
			return err
		}
		if err := n.AwaitCircuit(ctx); err != nil {
			return err
		}
		return mirror.Loop(ctx, c, []byte("after"))
	}},
	{"abort", func(ctx context.Context, n *Node) error {
		c, err := n.Dial(ctx, "1.2::MIRROR", nil)
		if err != nil {
			return err
		}
		if err := mirror.Loop(ctx, c, []byte("once")); err != nil {
			return err
		}
		c.Abort([]byte("ab"))
		return awaitNoLinks(ctx, n)
	}},
	{"mirrored", called},
	{"asked", called},
}

func looped(ctx context.Context, n *Node, target string, cfg *DialConfig, lengths ...int) error {
	c, err := n.Dial(ctx, target, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, k := range lengths {
		if err := mirror.Loop(ctx, c, bytes.Repeat([]byte{byte(k)}, k)); err != nil {
			return fmt.Errorf("%d octets: %w", k, err)
		}
	}
	return nil
}

// called waits until a link has come and gone.
func called(ctx context.Context, n *Node) (err error) {
	for err == nil && n.Info().Counters.Connects == 0 {
		err = pause(ctx)
	}
	if err != nil {
		return err
	}
	return awaitNoLinks(ctx, n)
}

func awaitNoLinks(ctx context.Context, n *Node) (err error) {
	for err == nil {
		n.mu.Lock()
		k := n.session.NSP.Ports()
		n.mu.Unlock()
		if k == 0 {
			return nil
		}
		err = pause(ctx)
	}
	return err
}

func awaitDown(ctx context.Context, n *Node) (err error) {
	for err == nil && n.Info().Circuits[0].Opens < 2 {
		err = pause(ctx)
	}
	return err
}

// pause lets a moment pass, which is none in a replay.
func pause(ctx context.Context) error {
	select {
	case <-time.After(time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestPeers(t *testing.T) {
	if peer := os.Getenv("TENUTO_DECNET_PEER"); peer != "" {
		record(t, strings.Split(peer, ","))
		return
	}
	files, err := filepath.Glob("testdata/peers/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		for _, x := range exchanges {
			if x.name != name {
				continue
			}
			t.Run(filepath.Base(filepath.Dir(file))+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { replay(t, file, x.run) })
			})
		}
	}
}

// peerNode is the node that exchanges: 1.1 with link addresses that are the same each time. Its link comes up when it is ready.
func peerNode(t *testing.T, l link.Link) *Node {
	t.Helper()
	ready := make(chan struct{})
	n, err := New(Config{Addr: names["ALPHA"], Name: "ALPHA", Seed: 1, Circuits: []Circuit{{Name: "PEER", Link: heldLink{l, ready}}}})
	if err == nil {
		err = errors.Join(n.ServeMirror(), n.ServeNML("node alpha"))
	}
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	return n
}

// heldLink is a link that does not come up before it may.
type heldLink struct {
	link.Link
	ready chan struct{}
}

func (l heldLink) Open(ctx context.Context) (link.Conn, error) {
	<-l.ready
	return l.Link.Open(ctx)
}

func record(t *testing.T, peer []string) {
	for _, x := range exchanges {
		if only := os.Getenv("TENUTO_DECNET_ONLY"); only != "" && only != x.name || only == "" && (x.name == "mirrored" || x.name == "asked") {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			l := &recorder{Link: peerLink(t, peer)}
			n := peerNode(t, l)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := n.AwaitCircuit(ctx)
			if err == nil && n.routing.Info(0).Ethernet {
				time.Sleep(12 * time.Second) // of real time: until the peer's hello has come
			}
			if err == nil {
				err = x.run(ctx, n)
			}
			if err == nil {
				err = awaitNoLinks(ctx, n)
			}
			n.drain()
			lines := l.take()
			n.Close()
			if err != nil {
				t.Fatalf("%v\n%s", err, lines)
			}
			dir := filepath.Join("testdata/peers", peer[0])
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			text := "# " + os.Getenv("TENUTO_DECNET_PROVENANCE") + "\n" + lines
			if err := os.WriteFile(filepath.Join(dir, x.name+".txt"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func peerLink(t *testing.T, peer []string) (l link.Link) {
	t.Helper()
	var err error
	switch peer[0] {
	case "multinet-tcp":
		l, err = multinet.Connect(peer[1])
	case "multinet-udp":
		l, err = multinet.Datagrams(peer[1], peer[2])
	case "ddcmp-tcp":
		l, err = ddcmp.Connect(peer[1])
	case "ddcmp-udp":
		l, err = ddcmp.Datagrams(peer[1], peer[2])
	case "ethernet-udp":
		l, err = ethernet.Bridge(names["ALPHA"].MAC(), peer[1], peer[2])
	default:
		err = fmt.Errorf("no kind %s", peer[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// recorder is a link that writes down what goes over it.
type recorder struct {
	link.Link
	mu    sync.Mutex
	lines strings.Builder
}

func (r *recorder) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.lines, format+"\n", args...)
}

func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

func (r *recorder) Open(ctx context.Context) (link.Conn, error) {
	c, err := r.Link.Open(ctx)
	if err != nil {
		return nil, err
	}
	if r.take() == "" {
		p := r.Properties()
		r.say("properties ethernet=%v restarts=%v block=%d", p.Ethernet, p.Restarts, p.MaxBlock)
	}
	r.say("up")
	return &recordedConn{Conn: c, r: r}, nil
}

type recordedConn struct {
	link.Conn
	r    *recorder
	down bool // guarded by r.mu
}

func (c *recordedConn) Receive() ([]link.Packet, error) {
	ps, err := c.Conn.Receive()
	for _, p := range ps {
		c.r.say("< %s", packetText(p))
	}
	if err != nil {
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		c.down = true
		fmt.Fprintln(&c.r.lines, "down")
	}
	return ps, err
}

func (c *recordedConn) Send(ps []link.Packet) error {
	c.r.mu.Lock()
	for _, p := range ps {
		if !c.down { // else nobody hears it
			fmt.Fprintf(&c.r.lines, "> %s\n", packetText(p))
		}
	}
	c.r.mu.Unlock()
	return c.Conn.Send(ps)
}

func packetText(p link.Packet) string {
	s := hex.EncodeToString(p.Data)
	if p.MAC != (decnet.MAC{}) {
		s = p.MAC.String() + " " + s
	}
	return s
}

// replayer is a link that wants what was recorded, and gives what came then.
type replayer struct {
	props link.Properties
	mu    sync.Mutex
	cond  sync.Cond
	lines []string
	at    int
	err   error
	ended bool
	ours  bool // the link goes down when this node restarts it, and not before
}

// replay runs an exchange with what was recorded.
func replay(t *testing.T, file string, run func(context.Context, *Node) error) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &replayer{ours: filepath.Base(file) == "restart.txt"}
	r.cond.L = &r.mu
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		} else if strings.HasPrefix(line, "properties") {
			if _, err := fmt.Sscanf(line, "properties ethernet=%t restarts=%t block=%d", &r.props.Ethernet, &r.props.Restarts, &r.props.MaxBlock); err != nil {
				t.Fatal(err)
			}
			continue
		}
		r.lines = append(r.lines, line)
	}
	n := peerNode(t, r)
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err = n.AwaitCircuit(ctx); err == nil && r.props.Ethernet {
		time.Sleep(12 * time.Second)
	}
	if err == nil {
		err = run(ctx, n)
	}
	if err == nil {
		err = awaitNoLinks(ctx, n)
	}
	n.drain()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended = true; err != nil || r.err != nil || r.at != len(r.lines) {
		t.Errorf("%v; %v; line %d of %d", err, r.err, r.at, len(r.lines))
	}
	r.cond.Broadcast()
}

func (r *replayer) next() string {
	if r.at < len(r.lines) {
		return r.lines[r.at]
	}
	return ""
}

func (r *replayer) Properties() link.Properties { return r.props }
func (r *replayer) String() string              { return "replay" }

// Close ends it.
func (r *replayer) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.cond.Broadcast()
	return nil
}

// Open waits for its turn.
func (r *replayer) Open(ctx context.Context) (link.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.err != nil || r.next() != "up" {
		return nil, errors.New("it was not up then")
	}
	r.at++
	r.cond.Broadcast()
	return &replayedConn{r: r}, nil
}

type replayedConn struct {
	r      *replayer
	closed bool
}

// Receive waits until all was said that had been said when the packet came.
func (c *replayedConn) Receive() ([]link.Packet, error) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	for {
		line := c.r.next()
		rest, ok := strings.CutPrefix(line, "< ")
		switch {
		case c.closed || line == "down" && !c.r.ours:
			if line == "down" {
				c.r.at++
			}
			c.closed = true
			c.r.cond.Broadcast()
			return nil, errors.New("it went down then")
		case c.r.ended || c.r.err != nil:
			return nil, errors.New("over")
		case ok:
			c.r.at++
			c.r.cond.Broadcast()
			var p link.Packet
			if mac, data, ok := strings.Cut(rest, " "); ok {
				fmt.Sscanf(mac, "%02x-%02x-%02x-%02x-%02x-%02x", &p.MAC[0], &p.MAC[1], &p.MAC[2], &p.MAC[3], &p.MAC[4], &p.MAC[5])
				rest = data
			}
			p.Data, _ = hex.DecodeString(rest)
			return []link.Packet{p}, nil
		}
		c.r.cond.Wait()
	}
}

// Send wants what was sent then, in its turn.
func (c *replayedConn) Send(ps []link.Packet) error {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	for _, p := range ps {
		for (c.r.next() == "down" || strings.HasPrefix(c.r.next(), "< ")) && !c.closed && !c.r.ended {
			c.r.cond.Wait()
		}
		if c.closed || c.r.ended || c.r.err != nil {
			return errors.New("over")
		}
		if want := c.r.next(); want != "> "+packetText(p) {
			c.r.err = fmt.Errorf("sent\n> %s, and then it was\n%s", packetText(p), want)
			c.r.cond.Broadcast()
			return c.r.err
		}
		c.r.at++
		c.r.cond.Broadcast()
	}
	return nil
}

// Close ends the Conn.
func (c *replayedConn) Close() error {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.closed = true
	c.r.cond.Broadcast()
	return nil
}
