package spm

import (
	"bytes"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

// FuzzMachine gives a machine any events in any order: it does not panic, its outputs and queue stay bounded, and a machine that was
// marshalled and restored goes on as the first.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{byte(SCONreq), 0, byte(TCONcnf), 0, byte(AC), 0, byte(SDTreq), 0, byte(DT), 0, byte(SRELreq), 0, byte(DN), 0})
	f.Add([]byte{byte(TCONind), 1, byte(CN), 0, byte(SCONrspPos), 0, byte(FNnr), 0, byte(SRELreq), 0, byte(DN), 0, byte(SRELrspPos), 0, byte(TDISind), 0})
	f.Add([]byte{byte(TCONind), 1, byte(CN), 8, byte(CDO), 0, byte(CDO), 8, byte(SCONrspNeg), 0, byte(TIM), 0})
	f.Add([]byte{byte(TCONind), 1, byte(CN), 16, byte(SCONrspPos), 16, byte(MIP), 0, byte(PRRS), 0, byte(RSa), 0, byte(SRSYNrsp), 0, byte(GT), 64})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(Machine)
		if len(b) > 0 {
			m.Reuse = b[0]&0x80 != 0
		}
		for len(b) >= 2 {
			k, flags := Kind(b[0]&0x7f), b[1]
			b = b[2:]
			if k == noEvent || k >= numEvents {
				continue
			}
			ev := Event{Kind: k, Expedited: flags&1 != 0, Refuse: flags&2 != 0, UserAbort: flags&4 != 0, More: flags&8 != 0,
				Last: flags&8 != 0, Keep: flags&8 != 0, Units: spdu.Duplex, Len: int(flags) * 100, Serial: uint32(flags & 3),
				Tokens: spdu.Tokens(flags), Setting: spdu.TokenSetting(flags) & 0x55}
			if flags&16 != 0 {
				ev.Units = 1<<13 - 1 - spdu.Duplex - spdu.SymmetricSync
			}
			if flags == 255 {
				ev.Serial = maxSerial
			}
			before, err := m.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			twin := new(Machine)
			if err := twin.UnmarshalBinary(before); err != nil {
				t.Fatal(err)
			}
			err = m.Step(ev)
			if len(m.queue) > maxQueue {
				t.Fatalf("queue of %d", len(m.queue))
			}
			out := m.Drain()
			if len(out) > 4+2*maxQueue {
				t.Fatalf("%v: outputs %v", k, out)
			}
			if err2 := twin.Step(ev); (err == nil) != (err2 == nil) || len(twin.Drain()) != len(out) {
				t.Fatalf("%v: the restored machine differs", k)
			}
			after, _ := m.MarshalBinary()
			if twins, _ := twin.MarshalBinary(); !bytes.Equal(after, twins) {
				t.Fatalf("%v: %x, the restored machine %x", k, after, twins)
			}
			if err != nil && !bytes.Equal(before, after) {
				t.Fatalf("%v was refused and changed something", k)
			}
		}
	})
}

// FuzzUnmarshal: octets from anywhere do not panic, and what is accepted marshals to the same.
func FuzzUnmarshal(f *testing.F) {
	b, _ := (&Machine{state: sta02A, queue: []Event{{Kind: DT, Len: 7, Last: true}}}).MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Machine
		if m.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := m.MarshalBinary(); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%x came back as %x, %v", b, again, err)
		}
	})
}
