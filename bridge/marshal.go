package bridge

import (
	"encoding/json"
	"fmt"
)

// stateVersion changes when a state of before cannot be restored.
const stateVersion = 1

type state struct {
	Version int
	*Machine
}

// MarshalBinary is the machine's state without its carrier, secrets included: the restored machine goes on with the next Attach.
func (m *Machine) MarshalBinary() ([]byte, error) { return json.Marshal(state{stateVersion, m}) }

// UnmarshalBinary restores a machine from MarshalBinary.
func (m *Machine) UnmarshalBinary(b []byte) error {
	*m = Machine{}
	s := state{Machine: m}
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("bridge: restore: %w", err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("bridge: restore: version %d, want %d", s.Version, stateVersion)
	}
	if m.Streams == nil {
		m.Streams = map[uint32]*Stream{}
	}
	m.Detach()
	return nil
}
