package tshark

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto/appletalk/asp"
	"github.com/tenuto-session/tenuto/appletalk/atp"
	"github.com/tenuto-session/tenuto/appletalk/ddp"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/llap"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/appletalk/pap"
	"github.com/tenuto-session/tenuto/internal/pcaptest"
)

var bg = context.Background()

// TestAppleTalkSessions lets tshark look at a session of ASP and at a print job, and wants it to see in each request and response what we
// have said, and nothing wrong.
func TestAppleTalkSessions(t *testing.T) {
	need(t)
	t.Run("asp", func(t *testing.T) {
		seen := map[string]int{}
		for _, c := range captured(t, session) {
			if c.packet.Function == atp.TReq {
				c.want(t, seen, "asp.function", c.packet.User[0])
				if f := asp.Function(c.packet.User[0]); f != asp.GetStatus && f != asp.OpenSess {
					c.want(t, seen, "asp.session_id", c.packet.User[1])
				}
			}
		}
		for f := asp.CloseSess; f <= asp.Attention; f++ {
			if seen[fmt.Sprintf("asp.function %02x", uint8(f))] == 0 {
				t.Errorf("no request %v", f)
			}
		}
	})
	t.Run("pap", func(t *testing.T) {
		seen := map[string]int{}
		for _, c := range captured(t, job) {
			if c.packet.Function == atp.TReq || c.packet.Function == atp.TResp && c.packet.Bitmap == 0 && c.packet.EOM { // of several it shows the last
				c.want(t, seen, "prap.function", c.packet.User[1])
				if f := pap.Function(c.packet.User[1]); f != pap.SendStatus && f != pap.Status {
					c.want(t, seen, "prap.connid", c.packet.User[0])
				}
			}
		}
		for f := pap.OpenConn; f <= pap.Status; f++ {
			if seen[fmt.Sprintf("prap.function %02x", uint8(f))] == 0 {
				t.Errorf("no packet %v", f)
			}
		}
	})
}

// atpSeen is a packet of ATP, and what tshark has for it.
type atpSeen struct {
	packet atp.Packet
	theirs packet
}

// want compares a field of one octet.
func (c *atpSeen) want(t *testing.T, seen map[string]int, name string, v uint8) {
	t.Helper()
	var got []string
	for _, p := range c.theirs.Protocols {
		for _, f := range p.find(name) {
			got = append(got, f.Value)
		}
	}
	if want := fmt.Sprintf("%02x", v); len(got) != 1 || got[0] != want {
		t.Errorf("packet %d: %s is %q, want %s: % x", c.theirs.number(t), name, got, want, c.packet.User)
	}
	seen[fmt.Sprintf("%s %02x", name, v)]++
}

// captured is what of ATP two nodes say to each other.
func captured(t *testing.T, talk func(t *testing.T, server, client *node.Node)) (all []atpSeen) {
	frames := frames(t, talk)
	f := pcaptest.NewLink(pcaptest.Pcapng, linkTypeLocalTalk)
	for _, b := range frames {
		f.Packet(b)
	}
	for i, theirs := range packets(t, write(t, f.Bytes())) {
		l, err := llap.Parse(frames[i])
		if err != nil {
			t.Fatal(err)
		}
		if l.Type != llap.TypeShort || isFault(link.LocalTalk, frames[i]) {
			continue
		}
		for _, problem := range complaints(t, []packet{theirs}) {
			t.Errorf("%s: % x", problem, frames[i])
		}
		d, err := ddp.ParseShort(l.Data, l.Dst, l.Src)
		if err != nil {
			t.Fatal(err)
		}
		if d.Type != ddp.TypeATP {
			continue
		}
		p, err := atp.Parse(d.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, atpSeen{p, theirs})
	}
	return all
}

// frames are those of a cable with two nodes.
func frames(t *testing.T, talk func(t *testing.T, server, client *node.Node)) (all [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		cable := memory.NewCable(link.LocalTalk)
		server, client := node.New(cable.Attach(), node.Config{Seed: 1}), node.New(cable.Attach(), node.Config{Seed: 2})
		defer server.Close()
		defer client.Close()
		var mu sync.Mutex
		cable.Disturb(func(frame []byte) int {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, bytes.Clone(frame))
			return 1
		})
		talk(t, server, client)
	})
	return all
}

// status is that of a file server, which tshark decodes too: offsets of machine, versions, methods of login and icon, flags, the name.
const status = "\x00\x10\x00\x17\x00\x27\x00\x00\x00\x00\x05Shelf" + "\x06Tenuto" + "\x01\x0eAFPVersion 2.1" + "\x01\x0fNo User Authent"

// login is FPLogin for that.
const login = "\x12\x0eAFPVersion 2.1\x0fNo User Authent"

// echo answers.
type echo struct{}

func (echo) Opened(c *asp.ServerConn)                                { go c.Attention(bg, 0x2001) }
func (echo) Closed(*asp.ServerConn, error)                           {}
func (echo) Command(_ *asp.ServerConn, block []byte) (int32, []byte) { return -5019, block }
func (echo) Write(_ *asp.ServerConn, block []byte, data func(int) ([]byte, error)) (int32, []byte) {
	b, _ := data(asp.Quantum)
	return int32(len(b)), nil
}

func session(t *testing.T, server, client *node.Node) {
	l, err := asp.Listen(bg, server, "Shelf", asp.ServerConfig{Status: []byte(status)}, echo{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := asp.ReadStatus(bg, client, "Shelf"); err != nil {
		t.Fatal(err)
	}
	c, err := asp.Dial(bg, client, "Shelf")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Command(bg, []byte(login), asp.Quantum); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := c.Write(bg, []byte("put"), bytes.Repeat([]byte("book"), 1000), 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(asp.TickleTime + time.Second)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func job(t *testing.T, server, client *node.Node) {
	l, err := pap.Listen(bg, server, "Laser", 1, "idle")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := pap.ReadStatus(bg, client, "Laser"); err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := l.Accept(bg)
		if err != nil {
			t.Error(err)
			return
		}
		b := make([]byte, 1000)
		for err == nil {
			_, err = c.Read(bg, b)
		}
		if err != io.EOF {
			t.Error(err)
		}
		c.End(bg)
	}()
	c, err := pap.Dial(bg, client, "Laser", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Write(bg, bytes.Repeat([]byte("%!PS"), 500))
	if err := c.End(bg); err != nil {
		t.Fatal(err)
	}
	time.Sleep(pap.TickleTime + time.Second)
	if err := c.Close(bg); err != nil {
		t.Fatal(err)
	}
}
