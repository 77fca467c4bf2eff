package adsp

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"io"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/appletalk/link"
	"github.com/tenuto-session/tenuto/appletalk/memory"
	"github.com/tenuto-session/tenuto/appletalk/node"
	"github.com/tenuto-session/tenuto/carrier"
	"github.com/tenuto-session/tenuto/carrier/tcp"
)

// byTurns dials by AppleTalk and by TCP in turn, and keeps what it has dialled.
type byTurns struct {
	*Network
	tcp  *url.URL
	adsp *url.URL
	n    atomic.Int64
	last atomic.Value // carrier.Conn
}

func (b *byTurns) Dial(ctx context.Context, _ *url.URL) (c carrier.Conn, err error) {
	if b.n.Add(1)%2 == 1 {
		c, err = (&tcp.Network{}).Dial(ctx, b.tcp)
	} else {
		c, err = b.Network.Dial(ctx, b.adsp)
	}
	if err == nil {
		b.last.Store(kept{c})
	}
	return c, err
}

type kept struct{ carrier.Conn }

// anyone is who the peers may be.
type anyone struct{}

func (anyone) Verify(string, ed25519.PublicKey) error        { return nil }
func (anyone) Admit(string, ed25519.PublicKey, string) error { return nil }

// TestMove: a session goes from TCP to AppleTalk and back, several times, in the middle of its data.
func TestMove(t *testing.T) {
	cable := memory.NewCable(link.LocalTalk)
	near, far := node.New(cable.Attach(), node.Config{Seed: 1}), node.New(cable.Attach(), node.Config{Seed: 2})
	defer near.Close()
	defer far.Close()

	server, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{New(far)}, Peers: anyone{}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	sums := make(chan []byte, 2)
	listen := func(rawURL string) *url.URL {
		ln, err := server.Listen(t.Context(), rawURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			s, err := ln.Accept(t.Context())
			if err != nil {
				return
			}
			h := sha256.New()
			if _, err := io.Copy(h, s.Conn()); err != nil {
				t.Error(err)
			}
			sums <- h.Sum(nil)
			s.Conn().Close()
		}()
		u, err := url.Parse(ln.URL())
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	nw := &byTurns{Network: New(near), tcp: listen("tenuto+tcp://127.0.0.1:0"), adsp: listen(Scheme + "://:0")}
	client, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Carriers: []carrier.Network{nw}, Peers: anyone{}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s, err := client.Dial(t.Context(), nw.adsp.String()+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("to and fro "), 1<<16)
	const moves = 6
	for i := range moves {
		part := data[i*len(data)/moves : (i+1)*len(data)/moves]
		if _, err := s.Conn().Write(part); err != nil {
			t.Fatal(err)
		}
		nw.last.Load().(kept).Close()
	}
	if err := s.Conn().CloseWrite(); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-sums:
		if want := sha256.Sum256(data); !bytes.Equal(got, want[:]) {
			t.Error("what arrives is not what was sent")
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not arrive")
	}
	if n := nw.n.Load(); n < 3 {
		t.Errorf("%d carriers", n)
	}
}
