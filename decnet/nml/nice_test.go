package nml

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/decnet"
)

func octetsOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What was captured (decnet 6.2).
func TestExecutor(t *testing.T) {
	q := octetsOf(t, "14 00 0000 00")
	if got := Executor(Summary); !bytes.Equal(got, q) {
		t.Errorf("% x", got)
	}
	r, err := ParseRequest(q)
	if err != nil || r != (Request{}) {
		t.Errorf("%+v, %v", r, err)
	}
	n := Node{Addr: decnet.NewAddr(1, 2), Name: "BETA", Identification: "node beta"}
	answer := octetsOf(t, "01 0000 00 0204 84 42455441 0000 81 00 6400 40 09 6e6f64652062657461")
	if got := Answer(r, n); !bytes.Equal(got, answer) {
		t.Errorf("% x", got)
	}
	p, err := ParseResponse(answer)
	if err != nil || p.Node != n || p.Code != Success {
		t.Errorf("%+v, %v", p, err)
	}
	for i := range answer {
		if p, err := ParseResponse(answer[:i]); err == nil && p.Node == n {
			t.Errorf("%d octets are taken for %+v", i, p)
		}
	}
	for _, q := range []Request{{Node: n.Addr}, {Name: "BETA"}} {
		if got := Answer(q, n); !bytes.Equal(got, answer) {
			t.Errorf("%+v: % x", q, got)
		}
	}
	for _, q := range []Request{{Node: 1}, {Name: "GAMMA"}} {
		if p, err := ParseResponse(Answer(q, n)); err != nil || p.Code != UnrecognizedNode {
			t.Errorf("%+v: %+v, %v", q, p, err)
		}
	}
}

func TestParseRequestErrors(t *testing.T) {
	for text, code := range map[string]int8{"": InvalidFormat, "13 00": UnrecognizedFunction, "14 01 00": UnrecognizedFunction, "14 80 00 0000": UnrecognizedFunction,
		"14 00 ff": UnrecognizedFunction, "14 00 00 00": InvalidFormat, "14 00 04 42": InvalidFormat} {
		q, err := ParseRequest(octetsOf(t, text))
		if e, ok := err.(*RequestError); !ok || e.Code != code {
			t.Errorf("%s: %+v, %v; want code %d", text, q, err, code)
		}
	}
	if q, err := ParseRequest(octetsOf(t, "14 10 04 42455441")); err != nil || q != (Request{Kind: Status, Name: "BETA"}) {
		t.Errorf("%+v, %v", q, err)
	}
}

// Parameters of other peers are passed over.
func TestResponseOfOthers(t *testing.T) {
	p, err := ParseResponse(octetsOf(t, "01 ffff 00 0104 85 414c504841 5802 02 0300 0a00 20 06 aa0004000104 0000 81 01 6500 c3 01 04 01 00 01 00"))
	if err != nil || p.Node.Name != "ALPHA" || p.Node.State != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// FuzzParse: no panic, and a request that was understood has an answer that is.
func FuzzParse(f *testing.F) {
	f.Add(Executor(Summary))
	f.Add(Answer(Request{}, Node{Addr: 1, Name: "BETA", Identification: "x"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseResponse(b)
		q, err := ParseRequest(b)
		answer := Answer(q, Node{Addr: q.Node, Name: q.Name, Identification: "x"})
		if e, ok := err.(*RequestError); ok {
			answer = Refuse(e.Code)
		}
		if p, err := ParseResponse(answer); err != nil {
			t.Fatalf("%+v: %+v, %v", q, p, err)
		}
	})
}
