package node

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/decnet/link"
	"github.com/tenuto-session/tenuto/decnet/memory"
	"github.com/tenuto-session/tenuto/decnet/nsp"
	"github.com/tenuto-session/tenuto/decnet/scp"
)

// FuzzNode gives a whole node, with an object that accepts or rejects what is asked for and writes back what it reads, packets of any content: it
// does not panic, and holds no more than it may. The seeds are what peers have said.
func FuzzNode(f *testing.F) {
	files, err := filepath.Glob("testdata/peers/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var all []byte
		for line := range strings.Lines(string(text)) {
			if said, ok := strings.CutPrefix(strings.TrimSpace(line), "< "); ok {
				words := strings.Fields(said)
				b, err := hex.DecodeString(words[len(words)-1])
				if err != nil {
					f.Fatal(err)
				}
				b = b[:min(len(b), 255)]
				all = append(append(all, byte(len(b))), b...)
			}
		}
		f.Add(strings.Contains(file, "ethernet"), all)
	}
	f.Fuzz(func(t *testing.T, ethernet bool, b []byte) {
		n, c := stillNode(t, ethernet)
		defer n.Close()
		ln, err := n.Listen("MIRROR", nil)
		if err != nil {
			t.Fatal(err)
		}
		for len(b) > 0 {
			k := min(int(b[0]), len(b)-1)
			n.mu.Lock()
			now := time.Now()
			if d, ok := n.routing.Receive(now, 0, names["BETA"].MAC(), b[1:1+k]); ok {
				n.session.NSP.Receive(now, d.Src, d.Returned, d.Payload)
			}
			n.Unlock()
			b = b[1+k:]
			n.mu.Lock()
			var queue []*Request
			queue, ln.queue = ln.queue, nil
			var conns []*scp.Conn
			for conn := range n.conns {
				conns = append(conns, conn)
			}
			n.mu.Unlock()
			for _, r := range queue {
				if k&1 == 0 {
					r.Accept([]byte{0xff, 0xff})
				} else {
					r.Reject(nil)
				}
			}
			n.mu.Lock()
			for _, conn := range conns {
				buf := make([]byte, 100)
				if m := n.session.NSP.Read(conn.Link().Port, buf); m > 0 {
					n.session.NSP.Write(now, conn.Link().Port, buf[:m], true) // it may be over
				}
				n.session.NSP.ReadInterrupt(conn.Link().Port)
			}
			n.Unlock()
			n.mu.Lock()
			ports, waiting := n.session.NSP.Ports(), len(n.waiting)
			c.buf, c.ends = c.buf[:0], c.ends[:0]
			n.mu.Unlock()
			if ports > 16 || waiting > 16 {
				t.Fatalf("%d links, %d requests", ports, waiting)
			}
		}
	})
}

// stillNode is a node whose circuit is up and goes nowhere.
func stillNode(t *testing.T, ethernet bool) (*Node, *circuit) {
	t.Helper()
	var l link.Link
	if l, _ = memory.Pair(); ethernet {
		l = memory.NewEthernet().Link(names["ALPHA"].MAC())
	}
	n, err := New(Config{Addr: names["ALPHA"], NSP: nsp.Config{Links: 16}, Session: scp.Config{}, Circuits: []Circuit{{Name: "C", Link: idleLink{l}}}})
	if err != nil {
		t.Fatal(err)
	}
	c := n.circuits[0]
	n.mu.Lock()
	c.conn = nowhere{}
	n.routing.Up(time.Now(), 0)
	n.Unlock()
	return n, c
}

// idleLink is a link that never comes up by itself.
type idleLink struct{ link.Link }

func (idleLink) Open(ctx context.Context) (link.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// nowhere is a Conn that nothing comes from.
type nowhere struct{ link.Conn }
