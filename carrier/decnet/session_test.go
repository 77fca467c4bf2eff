package decnet

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"testing"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/carrier"
)

// anybody lets all in.
type anybody struct{}

func (anybody) Verify(string, ed25519.PublicKey) error        { return nil }
func (anybody) Admit(string, ed25519.PublicKey, string) error { return nil }

// A session goes on over the loss of its link: the bridge makes another one.
func TestSession(t *testing.T) {
	nw := newTwo(t)
	newEnd := func(n *Network) *tenuto.Endpoint {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		ep, err := tenuto.NewEndpoint(&tenuto.EndpointConfig{Key: key, Peers: anybody{}, Carriers: []carrier.Network{n}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ep.Close() })
		return ep
	}
	near, far := newEnd(nw.dials), newEnd(nw.listens)
	ln, err := far.Listen(t.Context(), Scheme+"://:225", nil)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		s, err := ln.Accept(t.Context())
		if err == nil {
			_, err = io.Copy(s.Conn(), s.Conn())
		}
		served <- err
	}()
	s, err := near.Dial(t.Context(), Scheme+"://1.2/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Conn()
	data, got := bytes.Repeat([]byte("session"), 10_000), make([]byte, 70_000)
	for range 5 {
		go c.Write(data)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, data) {
			t.Fatal(err)
		}
		nw.listens.n.AbortLinks() // the link below breaks
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
