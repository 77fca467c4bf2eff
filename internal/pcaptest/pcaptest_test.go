package pcaptest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// read is the TCP segments of a capture, in words, and the octets that each port has sent.
func read(t *testing.T, capture []byte) (segments []string, octets map[layers.TCPPort][]byte) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(capture), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	octets = map[layers.TCPPort][]byte{}
	next := map[layers.TCPPort]uint32{}
	for {
		data, _, err := r.ReadPacketData()
		if err == io.EOF {
			return segments, octets
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		s, ok := p.TransportLayer().(*layers.TCP)
		if !ok {
			t.Fatalf("no TCP in %v", p)
		}
		words := []string{fmt.Sprint(uint16(s.SrcPort))}
		for _, flag := range []struct {
			set  bool
			name string
		}{{s.SYN, "SYN"}, {s.FIN, "FIN"}, {s.RST, "RST"}} {
			if flag.set {
				words = append(words, flag.name)
			}
		}
		segments = append(segments, strings.Join(words, " "))
		if at, begun := next[s.SrcPort]; begun && s.Seq != at {
			t.Errorf("%v: sequence number %d, want %d", s.SrcPort, s.Seq, at)
		}
		next[s.SrcPort] = s.Seq + uint32(len(s.Payload))
		if s.SYN || s.FIN {
			next[s.SrcPort]++
		}
		octets[s.SrcPort] = append(octets[s.SrcPort], s.Payload...)
	}
}

func TestConn(t *testing.T) {
	f := New(Pcapng)
	c := f.Connect(netip.MustParseAddrPort("[2001:db8::1]:5000"), netip.MustParseAddrPort("[2001:db8::2]:6000"))
	long := bytes.Repeat([]byte("a"), 2*MSS+1)
	c.Send(Client, long)
	c.Send(Server, []byte("b"))
	c.Close()
	segments, octets := read(t, f.Bytes())
	want := "5000 SYN,6000 SYN,5000,5000,5000,5000,6000,5000 FIN,6000,6000 FIN,5000"
	if got := strings.Join(segments, ","); got != want {
		t.Errorf("segments %s, want %s", got, want)
	}
	if !bytes.Equal(octets[5000], long) || string(octets[6000]) != "b" {
		t.Errorf("%d octets from the client, %q from the server", len(octets[5000]), octets[6000])
	}
}

// TestProxy finds in the capture what the connections sent that went through it.
func TestProxy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	f := New(Pcapng)
	p := NewProxy(t, f, ln.Addr().String(), 102)
	for _, text := range []string{"one", "another"} {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, text)
		c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
		c.Close()
	}
	p.Close()
	r, err := pcapgo.NewNgReader(bytes.NewReader(f.Bytes()), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var fromServer, fins int
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			break
		}
		s := gopacket.NewPacket(data, r.LinkType(), gopacket.Default).TransportLayer().(*layers.TCP)
		if s.SrcPort == 102 {
			fromServer += len(s.Payload)
		}
		if s.FIN {
			fins++
		}
	}
	if fromServer != len("oneanother") || fins != 4 {
		t.Errorf("%d octets from the server and %d FIN, want 10 and 4", fromServer, fins)
	}
}
