package drive

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tenuto-session/tenuto"
)

// A flow is what one side said until the other one did. testdata/peers has recordings of them: real software of others on one side, a Player on the
// other, the octets of TCP in hexadecimal.
type flow struct {
	byInitiator bool
	octets      []byte
}

// parts reads the parts of a file by their names.
func parts(t *testing.T, file string) map[string]string {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	part := make(map[string]string)
	for _, f := range ar.Files {
		part[f.Name] = string(f.Data)
	}
	return part
}

func parseFlows(t *testing.T, text string) (flows []flow) {
	t.Helper()
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, ">>>") {
			flows = append(flows, flow{byInitiator: strings.Contains(l, "initiator to")})
			continue
		}
		b, err := hex.DecodeString(l)
		if err != nil || len(flows) == 0 {
			t.Fatalf("%s: %v", l, err)
		}
		f := &flows[len(flows)-1]
		f.octets = append(f.octets, b...)
	}
	return flows
}

// References of a transport connection are chosen anew each time: those of CR and CC stand at the same places behind TPKT.
const (
	dstRef = 6
	srcRef = 8
)

// replay says what the peer said, and checks that what it gets is what the peer got.
func replay(c net.Conn, flows []flow, initiator bool) error {
	var own [2]byte // the reference of the Tenuto side
	for i, f := range flows {
		b := bytes.Clone(f.octets)
		if f.byInitiator == initiator {
			if i == 1 {
				copy(b[dstRef:], own[:])
			}
			if _, err := c.Write(b); err != nil {
				return fmt.Errorf("flow %d: %w", i+1, err)
			}
			continue
		}
		got := make([]byte, len(b))
		n, err := io.ReadFull(c, got)
		if err == nil && i < 2 {
			copy(own[:], got[srcRef:])
			copy(b[srcRef:], got[srcRef:srcRef+2])
		}
		if err != nil || !bytes.Equal(got, b) {
			return fmt.Errorf("flow %d: %v\ngot  %x\nwant %x", i+1, err, got[:n], b)
		}
	}
	return nil
}

// TestPeersRelayed replays testdata/relayed, where real software is at both ends, and two relays and a bridge between them.
func TestPeersRelayed(t *testing.T) {
	files, err := filepath.Glob("testdata/relayed/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			part := parts(t, file)
			far, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer far.Close()
			ended := make(chan error, 2)
			go func() {
				c, err := far.Accept()
				if err == nil {
					defer c.Close()
					c.SetDeadline(time.Now().Add(patience))
					err = replay(c, parseFlows(t, part["far"]), false)
				}
				ended <- err
			}()
			ep, err := tenuto.NewEndpoint(nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ep.Close() })
			at, err := url.Parse(relayed(t, ep, strings.Replace(strings.TrimSpace(part["url"]), "PEER", far.Addr().String(), 1), osi, bridge))
			if err != nil {
				t.Fatal(err)
			}
			near, err := net.Dial("tcp", at.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer near.Close()
			near.SetDeadline(time.Now().Add(patience))
			ended <- replay(near, parseFlows(t, part["near"]), true)
			for range cap(ended) {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestPeers replays testdata/peers: the script of the Tenuto side goes as it went when it was recorded, octet for octet.
func TestPeers(t *testing.T) {
	files, err := filepath.Glob("testdata/peers/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			part := parts(t, file)
			script, err := ParseScript(part["script"])
			if err != nil {
				t.Fatal(err)
			}
			flows := parseFlows(t, part["flows"])
			url := strings.TrimSpace(part["url"])
			if url != "" {
				replayResponder(t, url, script, flows)
			} else {
				replayInitiator(t, script, flows)
			}
		})
	}
}

// replayResponder is the peer that is dialled.
func replayResponder(t *testing.T, url string, s Script, flows []flow) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			peer <- err
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		peer <- replay(c, flows, false)
		io.Copy(io.Discard, c) // until we disconnect, as the receiver of DN does
	}()
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	var out bytes.Buffer
	p := New(t.Context(), Options{Timeout: patience, Print: printTo(&out), Dial: func(ctx context.Context, c *tenuto.Config) (*tenuto.Session, error) {
		return ep.Dial(ctx, strings.Replace(url, "PEER", ln.Addr().String(), 1), c)
	}})
	if err := p.Play(s); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := <-peer; err != nil {
		t.Errorf("the peer: %v", err)
	}
}

// replayInitiator is the peer that dials.
func replayInitiator(t *testing.T, s Script, flows []flow) {
	st := newStage(t, osi)
	peer := make(chan error, 1)
	go func() {
		c, err := net.Dial("tcp", st.ln.Addr().String())
		if err != nil {
			peer <- err
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		peer <- replay(c, flows, true)
	}()
	var out bytes.Buffer
	if err := st.listener(t, &out).Play(s); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := <-peer; err != nil {
		t.Errorf("the peer: %v", err)
	}
}
