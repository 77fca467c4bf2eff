package adsp

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrBusy is Attention's error while the other end has not acknowledged the message before.
var ErrBusy = errors.New("adsp: attention: the message before is not acknowledged")

// message is what there is of attention messages, of which one is on the way at a time each way.
type message struct {
	busy   bool      // ours is not acknowledged
	ours   Packet    //
	at     time.Time // when it is sent again
	tried  uint      //
	number uint32    // AttnSendSeq
	taking uint32    // AttnRecvSeq
	full   bool      // theirs was not taken by the user
	theirs Packet
}

// Attention sends an attention message beside the stream: a code of at most LastAttention, and at most MaxAttention octets. IA2 ch. 12
func (m *Machine) Attention(now time.Time, code uint16, data []byte) error {
	switch {
	case code > LastAttention:
		return fmt.Errorf("adsp: attention: code %04x is reserved", code)
	case len(data) > MaxAttention:
		return fmt.Errorf("adsp: attention: %d octets exceed %d", len(data), MaxAttention)
	case m.state != Established:
		return fmt.Errorf("adsp: attention: the connection is %v", m.state)
	case m.busy:
		return ErrBusy
	}
	m.busy, m.tried = true, 0
	m.ours = Packet{ConnID: m.id, First: m.number, Attention: true, AckRequest: true, Message: code, Data: slices.Clone(data)}
	m.tell(now)
	return nil
}

// tell sends the attention message, for the first time or again.
func (m *Machine) tell(now time.Time) {
	m.ours.Next = m.taking
	m.packets = append(m.packets, m.ours)
	m.message.at = now.Add(min(m.out.interval()<<min(m.tried, 4), mostRetransmit))
	m.tried++
}

// attention takes an attention packet.
func (m *Machine) attention(now time.Time, p Packet) {
	if m.state < Established {
		m.Stray++
		return
	}
	if m.busy && p.Next == m.number+1 {
		m.busy, m.message.at = false, time.Time{}
		m.number++
		m.ours = Packet{}
		m.push(now) // which may have waited for it to close
	}
	if p.Control {
		return
	}
	if p.First == m.taking && !m.full {
		m.taking++
		m.full, m.theirs = true, p
		m.theirs.Data = slices.Clone(p.Data)
	}
	m.packets = append(m.packets, Packet{ConnID: m.id, First: m.number, Next: m.taking, Control: true, Attention: true})
}

// TakeAttention takes the attention message that has come.
func (m *Machine) TakeAttention() (code uint16, data []byte, ok bool) {
	if !m.full {
		return 0, nil, false
	}
	code, data = m.theirs.Message, m.theirs.Data
	m.full, m.theirs = false, Packet{}
	return code, data, true
}

// ForwardReset drops what was written and not acknowledged, here and at the other end. Nothing is taken until the other end has heard of it. IA2 ch. 12
func (m *Machine) ForwardReset(now time.Time) error {
	if m.state != Established {
		return fmt.Errorf("adsp: forward reset: the connection is %v", m.state)
	}
	m.out.clear()
	m.reset.pending = true
	m.again(now)
	return nil
}

// again sends the forward reset, for the first time or again.
func (m *Machine) again(now time.Time) {
	m.control(ForwardReset)
	m.out.backoff++
	m.reset.at = now.Add(m.out.interval())
}

// resetDone takes the acknowledgment of a forward reset.
func (m *Machine) resetDone(now time.Time, p Packet) {
	o := &m.out
	if !m.reset.pending || before(p.Next, o.sent) || before(o.limit, p.Next) {
		return
	}
	m.reset.pending, m.reset.at, o.backoff = false, time.Time{}, 0
	if limit := p.Next + uint32(p.Window); before(o.limit, limit) {
		o.limit = limit
	}
	m.push(now)
}
