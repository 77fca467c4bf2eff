package tshark

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/tenuto-session/tenuto/cotp"
	"github.com/tenuto-session/tenuto/internal/pcaptest"
	"github.com/tenuto-session/tenuto/spdu"
)

// Who sends.
const (
	client = pcaptest.Client
	server = pcaptest.Server
)

var serverAddr = netip.MustParseAddrPort("192.0.2.2:102")

// connection is a transport connection in a capture.
type connection struct {
	t *testing.T
	c *pcaptest.Conn
	// size is the most octets of user data in a DT.
	size int
}

// transport begins a transport connection, with CR and CC.
func transport(t *testing.T, f *pcaptest.File, port uint16) *connection {
	t.Helper()
	c := &connection{t, f.Connect(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), serverAddr), cotp.MaxTPDU}
	i := cotp.NewInitiator(1, cotp.Offer{Calling: []byte{0, 1}, Called: []byte{0, 2}, Size: cotp.Size8192, Expedited: true})
	r := cotp.NewResponder(2, cotp.Offer{Size: cotp.Size2048, Expedited: true})
	cr := c.tpdu(client, i.Connect())
	if _, _, err := r.Handle(cr); err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.Handle(c.tpdu(server, r.Accept())); err != nil {
		t.Fatal(err)
	}
	c.size = i.MaxData()
	return c
}

func (c *connection) tpdu(from pcaptest.Side, p cotp.TPDU) []byte {
	c.t.Helper()
	b, err := p.AppendBinary(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.c.Send(from, b)
	return b
}

// send sends a TSDU with SPDUs, and with user information if the last is DT or TD.
func (c *connection) send(from pcaptest.Side, pdus ...spdu.SPDU) {
	c.t.Helper()
	tsdu, err := spdu.AppendTSDU(nil, pdus...)
	if err != nil {
		c.t.Fatal(err)
	}
	switch pdus[len(pdus)-1].(type) {
	case spdu.DT, spdu.TD:
		tsdu = append(tsdu, userInformation...)
	}
	c.data(from, tsdu)
}

// empty sends a TSDU without user information, which only a last segment may lack.
func (c *connection) empty(from pcaptest.Side, p spdu.SPDU) {
	c.t.Helper()
	tsdu, err := spdu.AppendTSDU(nil, p)
	if err != nil {
		c.t.Fatal(err)
	}
	c.data(from, tsdu)
}

// segments sends an SPDU in TSDUs of at most max octets.
func (c *connection) segments(from pcaptest.Side, p spdu.SPDU, max int) {
	c.t.Helper()
	tsdus, err := spdu.Segments(p, max)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, tsdu := range tsdus {
		c.data(from, tsdu)
	}
}

// data sends a TSDU in as many DT as it takes.
func (c *connection) data(from pcaptest.Side, tsdu []byte) {
	for end := false; !end; {
		n := min(c.size, len(tsdu))
		end = n == len(tsdu)
		var h [cotp.HeaderSize]byte
		cotp.PutHeader(h[:], cotp.TypeDT, n, end)
		c.c.Send(from, append(h[:], tsdu[:n]...))
		tsdu = tsdu[n:]
	}
}

// expedited sends an SPDU as expedited data.
func (c *connection) expedited(from pcaptest.Side, p spdu.SPDU) {
	c.t.Helper()
	tsdu, err := spdu.AppendTSDU(nil, p)
	if err != nil {
		c.t.Fatal(err)
	}
	var h [cotp.HeaderSize]byte
	cotp.PutHeader(h[:], cotp.TypeED, len(tsdu), true)
	c.c.Send(from, append(h[:], tsdu...))
}

var someData = []byte("some data")

// userInformation begins as an SPDU would, for then tshark looks at the TD or EX before it.
var userInformation = []byte{1, 0, 'i', 'n', 'f', 'o'}

// Functional units that exclude each other.
const (
	duplexUnits = spdu.Duplex | spdu.Expedited | spdu.MinorSync | spdu.MajorSync | spdu.Resync | spdu.NegotiatedRelease | spdu.TypedData
	basicUnits  = spdu.HalfDuplex | spdu.MinorSync | spdu.MajorSync | spdu.Resync | spdu.Activity | spdu.NegotiatedRelease | spdu.CapabilityData | spdu.Exceptions | spdu.TypedData
	symmetric   = spdu.Duplex | spdu.SymmetricSync | spdu.DataSeparation | spdu.MajorSync | spdu.Resync
)

// everything is a capture with every SPDU of package spdu, with all parameters, in sequences that are legal.
func everything(t *testing.T) []byte {
	f := pcaptest.New(pcaptest.Pcapng)
	duplexSession(transport(t, f, 50001))
	activities(transport(t, f, 50002))
	symmetricSession(transport(t, f, 50003))
	overflow(transport(t, f, 50004))
	refusals(transport(t, f, 50005))
	aborts(transport(t, f, 50006))
	oldVersion(transport(t, f, 50007))
	segmented(transport(t, f, 50008))
	return f.Bytes()
}

var id = spdu.ConnectionID{User: []byte("me"), Common: []byte("261122120000Z"), Additional: []byte{1, 2}}

func duplexSession(c *connection) {
	c.send(client, spdu.CN{ID: id, ConnectItem: spdu.ConnectItem{ExtendedConcatenation: true, TSDUSize: spdu.TSDUSize{ToResponder: 0x400, ToInitiator: 0x800}, Version: spdu.Version1 | spdu.Version2,
		Serial: spdu.Serial{N: 1, Present: true}, TokenSetting: spdu.TokenSetting(0).With(spdu.MinorToken, spdu.AtResponder).With(spdu.MajorToken, spdu.CalledChooses)},
		Units: duplexUnits | spdu.HalfDuplex, Calling: []byte("calling"), Called: []byte("called"), UserData: someData})
	c.send(server, spdu.AC{ID: spdu.ConnectionID{User: []byte("you"), Common: id.Common, Additional: id.Additional}, ConnectItem: spdu.ConnectItem{ExtendedConcatenation: true,
		TSDUSize: spdu.TSDUSize{ToResponder: 0x400, ToInitiator: 0x400}, Version: spdu.Version2, Serial: spdu.Serial{N: 10, Present: true},
		TokenSetting: spdu.TokenSetting(0).With(spdu.MinorToken|spdu.MajorToken, spdu.AtResponder)},
		Tokens: spdu.ReleaseToken, Units: duplexUnits, Calling: []byte("calling"), Responding: []byte("responding"), UserData: someData})
	c.send(client, spdu.DT{})
	c.send(server, spdu.DT{Enclosure: spdu.First})
	c.send(server, spdu.DT{Enclosure: spdu.Middle})
	c.send(server, spdu.DT{Enclosure: spdu.Last})
	c.send(client, spdu.TD{})
	c.data(client, []byte{0x21, 0, 'i', 'n', 'f', 'o'})
	c.send(client, spdu.TD{Enclosure: spdu.First})
	c.empty(client, spdu.TD{Enclosure: spdu.Last})
	c.expedited(client, spdu.EX{UserData: []byte("urgent")})
	c.send(server, spdu.MIP{Serial: 10, UserData: someData})
	c.send(client, spdu.MIA{Serial: 10, UserData: someData})
	c.send(server, spdu.GT{Tokens: spdu.MajorToken}, spdu.MIP{Type: spdu.Optional, Serial: 11})
	c.send(server, spdu.GT{Tokens: spdu.MinorToken}, spdu.DT{})
	c.send(server, spdu.PT{Tokens: spdu.ReleaseToken | spdu.MinorToken, UserData: someData})
	c.send(client, spdu.MAP{Serial: 12, UserData: someData})
	c.expedited(server, spdu.PR{Type: spdu.PrepareMAA})
	c.send(server, spdu.MAA{Serial: 12, UserData: someData})
	c.send(client, spdu.MIP{Serial: 13}, spdu.DT{})
	for _, kind := range []spdu.ResyncType{spdu.Restart, spdu.Abandon, spdu.Set} {
		c.expedited(client, spdu.PR{Type: spdu.PrepareRS})
		c.send(client, spdu.RS{Type: kind, Serial: 14, Tokens: spdu.TokenSetting(0).With(spdu.MajorToken, spdu.CalledChooses), HasTokens: true, UserData: someData})
		c.expedited(server, spdu.PR{Type: spdu.PrepareRA})
		c.send(server, spdu.RA{Serial: 14, Tokens: spdu.TokenSetting(0).With(spdu.MajorToken, spdu.AtResponder), HasTokens: true, UserData: someData})
	}
	c.send(server, spdu.GT{Tokens: spdu.MajorToken})
	c.send(client, spdu.FN{UserData: someData})
	c.send(server, spdu.NF{UserData: someData})
	c.send(client, spdu.FN{})
	c.send(server, spdu.DN{UserData: someData})
	c.c.Close()
}

func activities(c *connection) {
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: basicUnits, Called: []byte{0, 1}})
	c.send(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: basicUnits, Responding: []byte{0, 1}})
	c.send(client, spdu.CD{UserData: someData})
	c.send(server, spdu.CDA{UserData: someData})
	c.send(client, spdu.AS{Activity: []byte("act-1"), UserData: someData})
	c.send(client, spdu.DT{})
	c.send(client, spdu.MIP{Type: spdu.Optional, Serial: 1})
	c.send(server, spdu.MIA{Serial: 1})
	c.send(server, spdu.ED{Reason: spdu.DemandDataToken, UserData: someData})
	c.send(client, spdu.GT{Tokens: spdu.DataToken, UserData: someData})
	c.send(client, spdu.PT{Tokens: spdu.DataToken})
	c.send(server, spdu.ER{Reflect: []byte{1, 0, 0x31, 0}})
	c.send(client, spdu.AI{Reason: spdu.LocalUserError, UserData: someData})
	c.send(server, spdu.AIA{UserData: someData})
	c.send(client, spdu.AR{Activity: []byte("act-2"), Linking: spdu.Linking{Called: []byte("you"), Calling: []byte("me"), Common: []byte("before"), Additional: []byte{9},
		Activity: []byte("act-1"), Serial: 1}, UserData: someData})
	c.send(client, spdu.DT{})
	c.send(client, spdu.AE{Serial: 2, UserData: someData})
	c.send(server, spdu.MAA{Serial: 2, UserData: someData})
	c.send(client, spdu.GTC{UserData: someData})
	c.send(server, spdu.GTA{})
	c.send(server, spdu.AS{Activity: []byte("3")})
	c.send(server, spdu.DT{})
	c.send(server, spdu.AD{Reason: spdu.UnrecoverableError, UserData: someData})
	c.send(client, spdu.ADA{UserData: someData})
	c.send(server, spdu.AR{Activity: []byte("4"), Linking: spdu.Linking{Activity: []byte("3"), Serial: 999999}})
	c.send(server, spdu.AI{})
	c.send(client, spdu.AIA{})
	c.send(server, spdu.AS{Activity: []byte("5")})
	c.send(server, spdu.AD{Reason: spdu.UserSequenceError})
	c.send(client, spdu.ADA{})
	c.send(server, spdu.FN{Keep: false})
	c.send(client, spdu.DN{})
	c.c.Close()
}

func symmetricSession(c *connection) {
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2, Serial: spdu.Serial{N: 5, Present: true}, SecondSerial: spdu.Serial{N: 6, Present: true}, UpperLimit: 6,
		LargeSerial: []byte{1}, LargeSecond: []byte{2}}, Units: symmetric})
	c.send(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2, Serial: spdu.Serial{N: 5, Present: true}, SecondSerial: spdu.Serial{N: 6, Present: true}, UpperLimit: 6}, Units: symmetric})
	c.send(client, spdu.MIP{DataSeparation: true, Serial: 5})
	c.send(server, spdu.MIP{Type: spdu.Optional, DataSeparation: true, Serial: 6})
	c.send(server, spdu.MIA{Serial: 5})
	c.send(client, spdu.MAP{Serial: 6, Second: spdu.Serial{N: 7, Present: true}})
	c.send(server, spdu.MAA{Serial: 6, Second: spdu.Serial{N: 7, Present: true}})
	c.send(client, spdu.RS{Type: spdu.Set, Serial: 100, SecondType: spdu.Abandon, HasSecondType: true, Second: spdu.Serial{N: 200, Present: true}})
	c.send(server, spdu.RA{Serial: 100, Second: spdu.Serial{N: 201, Present: true}})
	c.send(client, spdu.FN{})
	c.send(server, spdu.DN{})
	c.c.Close()
}

func overflow(c *connection) {
	cn, rest := spdu.SplitConnect(spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex, UserData: bytes.Repeat([]byte("o"), spdu.MaxConnectData+3000)})
	c.send(client, cn)
	c.send(server, spdu.OA{Version: spdu.Version2, TSDUSize: spdu.TSDUSize{ToResponder: 0x400, ToInitiator: 0}})
	c.segments(client, spdu.CDO{UserData: rest}, 0x400)
	c.send(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2, TSDUSize: spdu.TSDUSize{ToResponder: 0x400, ToInitiator: 0}}, Units: spdu.Duplex})
	c.send(client, spdu.FN{})
	c.send(server, spdu.DN{})
	c.c.Close()
}

func refusals(c *connection) {
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version1 | spdu.Version2}, Units: spdu.Duplex})
	c.send(server, spdu.RF{Keep: true, Reason: spdu.RefusedSelectorUnknown})
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex, UserData: bytes.Repeat([]byte("x"), spdu.MaxUserDataV1+1)})
	c.send(server, spdu.RF{ID: spdu.ConnectionID{User: []byte("you")}, Keep: true, Units: spdu.Duplex, HasUnits: true, Version: spdu.Version2, Reason: spdu.RefusedWithData, UserData: someData})
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version1}, Units: spdu.Duplex})
	c.send(server, spdu.RF{Reason: spdu.RefusedVersions, Version: spdu.Version2})
	c.c.Close()
}

func aborts(c *connection) {
	for _, ab := range []spdu.AB{{Keep: true, Reason: spdu.UserAbort, UserData: someData}, {Keep: true, Reason: spdu.ProtocolErrorAbort, Reflect: []byte{9, 0}},
		{Keep: true, Reason: spdu.ImplementationRestriction}, {Keep: true, Reason: spdu.NoReason}} {
		c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex})
		c.send(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex})
		c.send(server, ab)
		c.send(client, spdu.AA{})
	}
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex | spdu.Expedited})
	c.send(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2}, Units: spdu.Duplex | spdu.Expedited})
	c.expedited(client, spdu.PR{Type: spdu.PrepareAB})
	c.send(client, spdu.AB{Reason: spdu.UserAbort, UserData: bytes.Repeat([]byte("a"), 300)})
	c.c.Close()
}

func oldVersion(c *connection) {
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version1}, Units: spdu.HalfDuplex | spdu.Duplex})
	c.send(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version1}, Units: spdu.HalfDuplex})
	c.send(client, spdu.GT{Tokens: spdu.DataToken}, spdu.DT{})
	c.send(server, spdu.DT{Enclosure: spdu.Only})
	c.send(server, spdu.FN{UserData: bytes.Repeat([]byte("f"), spdu.MaxUserDataV1)})
	c.send(client, spdu.DN{})
	c.c.Close()
}

func segmented(c *connection) {
	c.send(client, spdu.CN{ConnectItem: spdu.ConnectItem{Version: spdu.Version2, TSDUSize: spdu.TSDUSize{ToResponder: 0x40, ToInitiator: 0x40}}, Units: basicUnits})
	long := bytes.Repeat([]byte("s"), 100)
	c.segments(server, spdu.AC{ConnectItem: spdu.ConnectItem{Version: spdu.Version2, TSDUSize: spdu.TSDUSize{ToResponder: 0x40, ToInitiator: 0x40}}, Units: basicUnits, UserData: long}, 0x40)
	c.segments(client, spdu.CD{UserData: long}, 0x40)
	c.segments(server, spdu.CDA{UserData: long}, 0x40)
	c.segments(client, spdu.AS{Activity: []byte("1"), UserData: long}, 0x40)
	c.segments(client, spdu.MIP{Serial: 1, UserData: long}, 0x40)
	c.segments(server, spdu.MIA{Serial: 1, UserData: long}, 0x40)
	c.segments(client, spdu.MAP{Serial: 2, UserData: long}, 0x40)
	c.segments(server, spdu.MAA{Serial: 2, UserData: long}, 0x40)
	c.segments(client, spdu.AE{Serial: 3, UserData: long}, 0x40)
	c.segments(server, spdu.MAA{Serial: 3, UserData: long}, 0x40)
	c.size = 16
	c.segments(client, spdu.FN{UserData: long}, 0x40)
	c.segments(server, spdu.DN{UserData: long}, 0x40)
	c.c.Close()
}
