package datagram

import (
	"errors"
	"net"
	"testing"
)

// Each Conn gets what comes in its own time, and a closed port at the other end ends nothing.
func TestConns(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	remote := peer.LocalAddr().String()
	peer.Close()
	s, err := Listen("127.0.0.1:0", remote)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var last *Conn
	for range 3 {
		c, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			if _, err := last.Read(make([]byte, 10)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the Conn before reads: %v", err)
			}
			if _, err := last.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the Conn before writes: %v", err)
			}
		}
		last = c
		if _, err := c.Write([]byte("nobody is there")); err != nil {
			t.Fatal(err)
		}
		got := make(chan string)
		go func() {
			b := make([]byte, 10)
			n, err := c.Read(b)
			if err != nil {
				t.Error(err)
			}
			got <- string(b[:n])
		}()
		if peer, err = net.ListenPacket("udp", remote); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.WriteTo([]byte("hello"), s.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if v := <-got; v != "hello" {
			t.Errorf("got %q", v)
		}
		peer.Close()
	}
	s.Close()
	if _, err := s.Open(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed socket opens: %v", err)
	}
}
