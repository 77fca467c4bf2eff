package cotp

import (
	"bytes"
	"testing"
)

// FuzzParse: no panic, no more octets than there are, and what was parsed can be sent and parses to the same.
func FuzzParse(f *testing.F) {
	for _, row := range codecTable {
		f.Add(octets(f, row.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := ParseHeader(b)
		if n < 0 || n > len(b) || h.Size > 65535 || err != nil && n != 0 {
			t.Fatalf("%+v, %d of %d octets, %v", h, n, len(b), err)
		}
		if n == 0 || err != nil {
			return
		}
		p, err := Parse(b[:n])
		if err != nil {
			return
		}
		again, err := p.AppendBinary(nil)
		if err != nil {
			if er, ok := p.(ER); ok && len(er.Invalid) > maxInvalid {
				return // we send less
			}
			if dr, ok := p.(DR); ok && len(dr.Information) > maxInvalid {
				return
			}
			t.Fatalf("%v cannot be sent: %v", p, err)
		}
		q, err := Parse(again)
		if err != nil || p.String() != q.String() {
			t.Fatalf("%v came back as %v, %v", p, q, err)
		}
	})
}

// FuzzMachine feeds a machine any octets, as a peer may send them, in each of its states: it does not panic, takes no more than there
// are, waits for no packet larger than one, and ends with an error or a disconnect.
func FuzzMachine(f *testing.F) {
	var all []byte
	for _, row := range codecTable {
		all = append(all, octets(f, row.hex)...)
		for state := range uint8(4) {
			f.Add(state, octets(f, row.hex))
		}
	}
	f.Add(uint8(3), all)
	f.Add(uint8(3), octets(f, "0300000A 02F000 616263 0300000A 021080 646566 03000007 02F080 0300000B 068000010002 80"))
	f.Fuzz(func(t *testing.T, state uint8, b []byte) {
		m := machineIn(t, state%4)
		for len(b) > 0 && m.State != Closed {
			if m.Left > 0 {
				n := min(m.Left, len(b))
				m.Took(n)
				b = b[n:]
				continue
			}
			e, n, err := m.Handle(b)
			if err != nil {
				if p := m.Answer(err); p != nil {
					if _, err := p.AppendBinary(nil); err != nil {
						t.Fatal(err)
					}
				}
				if m.State != Closed {
					t.Fatalf("%v after %v", m.State, err)
				}
				return
			}
			if n == 0 {
				if len(b) >= maxControl {
					t.Fatalf("%d octets are not enough: % x", len(b), b)
				}
				return
			}
			if n > len(b) || e.N != m.Left || e.N > MaxTPDU {
				t.Fatalf("%+v, %d of %d octets, %d to come", e, n, len(b), m.Left)
			}
			b = b[n:]
			switch e.Kind {
			case EffectIndication:
				if _, err := m.Accept().AppendBinary(nil); err != nil {
					t.Fatal(err)
				}
			case EffectUnacceptable:
				if _, err := m.Refuse(e.Reason).AppendBinary(nil); err != nil {
					t.Fatal(err)
				}
			case EffectDisconnect:
				if m.State != Closed {
					t.Fatalf("%v after %v", m.State, e.TPDU)
				}
			}
			if d := m.MaxData(); m.State == Open && (d < 125 || d > 65528) {
				t.Fatalf("%d octets of user data", d)
			}
		}
	})
}

func machineIn(t testing.TB, state uint8) *Machine {
	t.Helper()
	switch state {
	case 0:
		return NewResponder(7, Offer{Expedited: true})
	case 1:
		m := NewInitiator(1, Offer{Size: Size8192, Expedited: true, Called: []byte{0, 1}})
		m.Connect()
		return m
	case 2:
		m := NewResponder(7, Offer{})
		if e, _, err := m.Handle(octets(t, "03 00 00 0B 06 E0 00 00 00 01 00")); e.Kind != EffectIndication || err != nil {
			t.Fatal(e, err)
		}
		return m
	}
	return open(t, Offer{Expedited: true})
}

func TestAliases(t *testing.T) {
	b := octets(t, "03 00 00 16 11 E0 00 00 00 01 00 C0 01 0D C1 02 00 01 C2 02 00 01")
	m := NewResponder(2, Offer{})
	if _, _, err := m.Handle(b); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !bytes.Equal(m.Peer.Called, []byte{0, 1}) || !bytes.Equal(m.Peer.Calling, []byte{0, 1}) {
		t.Errorf("the machine keeps the caller's octets: %v", CR(m.Peer))
	}
}
