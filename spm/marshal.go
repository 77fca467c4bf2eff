package spm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tenuto-session/tenuto/spdu"
)

// marshalVersion is the first octet of a marshalled machine.
const marshalVersion = 2

// eventSize is the size of a marshalled event in octets.
const eventSize = 1 + 1 + 2 + 1 + 1 + 4 + 4

// machineSize is that of a machine without its queue.
const machineSize = 1 + 2 + 2 + 2 + 2 + 1 + 6*4 + 1

// The booleans of a machine and of an event, as bits in the order of these lists.
func (m *Machine) flags() []*bool {
	return []*bool{&m.Reuse, &m.connect.Vtca, &m.connect.TEXP, &m.connect.Overflow, &m.sync.Vsc, &m.resync.DiscardRcv,
		&m.resync.DiscardSnd, &m.activity.Vact, &m.activity.Vnextact, &m.release.Vtrr, &m.release.Vcoll, &m.release.Vdnr, &m.Relay}
}

func (e *Event) flags() []*bool {
	return []*bool{&e.Expedited, &e.Refuse, &e.More, &e.Last, &e.Keep, &e.UserAbort}
}

func (m *Machine) numbers() []*int32 {
	return []*int32{&m.sync.VA, &m.sync.VM, &m.sync.VR, &m.sync.VAdo, &m.sync.VAdi, &m.resync.Vrspnb}
}

func bits(flags []*bool) (v uint16) {
	for i, f := range flags {
		if *f {
			v |= 1 << i
		}
	}
	return v
}

func setBits(flags []*bool, v uint16) error {
	if v>>len(flags) != 0 {
		return errors.New("spm: unmarshal: unknown flag")
	}
	for i, f := range flags {
		*f = v&(1<<i) != 0
	}
	return nil
}

// MarshalBinary returns the machine's state. Its outputs must have been drained: they are not part of it.
func (m *Machine) MarshalBinary() ([]byte, error) {
	if len(m.out) > 0 {
		return nil, errors.New("spm: marshal: outputs not drained")
	}
	b := make([]byte, 0, machineSize+len(m.queue)*eventSize)
	b = append(b, marshalVersion, byte(m.state), byte(m.visible))
	b = binary.BigEndian.AppendUint16(b, bits(m.flags()))
	b = binary.BigEndian.AppendUint16(b, uint16(m.connect.Units))
	b = append(b, byte(m.tokens.Available), byte(m.tokens.Owned), byte(m.resync.Vrsp))
	for _, n := range m.numbers() {
		b = binary.BigEndian.AppendUint32(b, uint32(*n))
	}
	b = append(b, byte(len(m.queue)))
	for i := range m.queue {
		e := &m.queue[i]
		b = append(b, byte(e.Kind), byte(bits(e.flags())))
		b = binary.BigEndian.AppendUint16(b, uint16(e.Units))
		b = append(b, byte(e.Setting), byte(e.Tokens))
		b = binary.BigEndian.AppendUint32(b, e.Serial)
		b = binary.BigEndian.AppendUint32(b, uint32(e.Len))
	}
	return b, nil
}

// UnmarshalBinary restores what MarshalBinary returned. On an error the machine is unchanged.
func (m *Machine) UnmarshalBinary(b []byte) error {
	if len(b) < machineSize || b[0] != marshalVersion {
		return errors.New("spm: unmarshal: not a machine of this version")
	}
	var r Machine
	r.state, r.visible = State(b[1]), State(b[2])
	if r.state >= numStates || r.visible >= numStates {
		return fmt.Errorf("spm: unmarshal: states %d and %d", b[1], b[2])
	}
	b = b[3:]
	if err := setBits(r.flags(), binary.BigEndian.Uint16(b)); err != nil {
		return err
	}
	r.connect.Units = spdu.Units(binary.BigEndian.Uint16(b[2:]))
	r.tokens = tokenVars{spdu.Tokens(b[4]), spdu.Tokens(b[5])}
	if r.resync.Vrsp = resync(b[6]); r.resync.Vrsp > discard {
		return fmt.Errorf("spm: unmarshal: resynchronization %d", b[6])
	}
	b = b[7:]
	for _, n := range r.numbers() {
		*n = int32(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	count := int(b[0])
	b = b[1:]
	if count > maxQueue || len(b) != count*eventSize {
		return fmt.Errorf("spm: unmarshal: %d octets for %d events", len(b), count)
	}
	for ; len(b) > 0; b = b[eventSize:] {
		e := Event{
			Kind:    Kind(b[0]),
			Units:   spdu.Units(binary.BigEndian.Uint16(b[2:])),
			Setting: spdu.TokenSetting(b[4]),
			Tokens:  spdu.Tokens(b[5]),
			Serial:  binary.BigEndian.Uint32(b[6:]),
			Len:     int(int32(binary.BigEndian.Uint32(b[10:]))),
		}
		if e.Kind == noEvent || e.Kind >= numEvents {
			return fmt.Errorf("spm: unmarshal: event %d", b[0])
		}
		if err := setBits(e.flags(), uint16(b[1])); err != nil {
			return err
		}
		r.queue = append(r.queue, e)
	}
	*m = r
	return nil
}
