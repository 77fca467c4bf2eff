package tshark

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/internal/pcaptest"
	"github.com/tenuto-session/tenuto/spdu"
)

// The SPDUs and parameters of X.225.
var (
	allSPDUs = []string{"CN", "OA", "CDO", "AC", "RF", "FN", "DN", "NF", "AB", "AA", "PR", "EX", "TD", "GTC", "GTA", "GT", "PT", "DT", "MIP", "MIA",
		"MAP", "AE", "MAA", "AEA", "RS", "RA", "AS", "AR", "AI", "AIA", "AD", "ADA", "CD", "CDA", "ER", "ED"}
	allParameters = []int{1, 5, 9, 10, 11, 12, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 33, 41, 42, 46, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 60, 193, 194}
)

// TestEverything lets tshark look at every SPDU and every parameter.
func TestEverything(t *testing.T) {
	need(t)
	capture := everything(t)
	compare(t, capture)
	for _, f := range faults {
		if f.seen {
			t.Logf("passed over: %s: %s", f.what, f.why)
		} else {
			t.Logf("%s has mended this: %s", version(t), f.what)
		}
	}

	names, codes := map[string]bool{}, map[int]bool{}
	for _, u := range decode(t, write(t, capture)) {
		for _, s := range u.SPDUs {
			names[s.Name] = true
			for _, p := range s.Parameters {
				codes[p.Code] = true
			}
		}
	}
	for _, name := range allSPDUs {
		if !names[name] {
			t.Errorf("the capture has no %s", name)
		}
	}
	for _, code := range allParameters {
		if !codes[code] {
			t.Errorf("the capture has no parameter %d", code)
		}
	}
}

// TestAstray carries PR and EX as normal data, where they should not be but tshark can see them.
func TestAstray(t *testing.T) {
	need(t)
	f := pcaptest.New(pcaptest.Pcap)
	c := transport(t, f, 50001)
	for kind := spdu.PrepareMAA; kind <= spdu.PrepareAB; kind++ {
		c.send(client, spdu.PR{Type: kind})
	}
	c.send(client, spdu.EX{UserData: userInformation})
	c.c.Close()
	compare(t, f.Bytes(), "x225 3.1")
}

// TestRecorded compares what a proxy has recorded of a real connection.
func TestRecorded(t *testing.T) {
	need(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f := pcaptest.New(pcaptest.Pcapng)
	proxy := pcaptest.NewProxy(t, f, ln.Addr().String(), 102)
	near, err := net.Dial("tcp", proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	for _, say := range []struct {
		from, to net.Conn
		tpdu     cotp.TPDU
		pdu      spdu.SPDU
	}{
		{near, far, cotp.CR{SrcRef: 1, Called: []byte{0, 1}}, nil},
		{far, near, cotp.CC{DstRef: 1, SrcRef: 2, Called: []byte{0, 1}}, nil},
		{near, far, nil, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex}},
		{far, near, nil, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex}},
		{near, far, nil, spdu.FN{UserData: bytes.Repeat([]byte("f"), 5000)}},
		{far, near, nil, spdu.DN{}},
	} {
		b := packed(t, say.tpdu, say.pdu)
		if _, err := say.from.Write(b); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(b))
		if _, err := io.ReadFull(say.to, got); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("% x, %v, want % x", got, err, b)
		}
	}
	near.Close()
	far.Close()
	proxy.Close()
	compare(t, f.Bytes())
	if n := len(decode(t, write(t, f.Bytes()))); n != 6 {
		t.Errorf("%d TPDUs and TSDUs, want 6", n)
	}
}

// packed is a TPDU, or one with an SPDU in it.
func packed(t *testing.T, p cotp.TPDU, s spdu.SPDU) []byte {
	t.Helper()
	var tsdu []byte
	if s != nil {
		var err error
		if tsdu, err = spdu.AppendTSDU(nil, s); err != nil {
			t.Fatal(err)
		}
		p = cotp.DT{Length: len(tsdu), EOT: true}
	}
	b, err := p.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, tsdu...)
}

// TestComparisonCanFail compares captures that differ in one octet.
func TestComparisonCanFail(t *testing.T) {
	need(t)
	capture := func(p spdu.SPDU) string {
		f := pcaptest.New(pcaptest.Pcap)
		c := transport(t, f, 50001)
		c.send(client, p)
		return write(t, f.Bytes())
	}
	same := spdu.MIP{Serial: 5, UserData: []byte("data")}
	theirs := packets(t, capture(same))
	if all := differences(t, theirs, decode(t, capture(same)), nil); len(all) > 0 {
		t.Fatal(all)
	}
	for _, p := range []spdu.SPDU{
		spdu.MIP{Serial: 6, UserData: []byte("data")}, spdu.MIP{Serial: 5, UserData: []byte("date ")}, spdu.MIP{Serial: 5},
		spdu.MIP{Serial: 5, Type: spdu.Optional, UserData: []byte("data")}, spdu.MAP{Serial: 5}, spdu.DN{}, spdu.TD{},
	} {
		if all := differences(t, theirs, decode(t, capture(p)), nil); len(all) == 0 {
			t.Errorf("%v and %v are the same", p, same)
		}
	}
	ours := decode(t, capture(same))
	bad := slices.Clone(theirs)
	bad = append(bad, packet{Protocols: []field{{Name: "geninfo", Fields: []field{{Name: "num", Show: "9"}, {Name: "timestamp", Value: "0.0"}}}, {Name: "_ws.malformed", Showname: "[Malformed Packet: SES]"}}})
	if len(differences(t, bad, ours, nil)) != 1 {
		t.Error("a malformed packet is passed over")
	}
}
