package bridge

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// Magic is what the initiator of a carrier sends first; its last octet is the protocol's version. A carrier that begins otherwise
// was opened by some other program.
const Magic = "tenuto\x00\x01"

// MaxMessage is the largest body of a handshake message in octets.
const MaxMessage = 1024

const (
	messageHeader = 3 // Type (1) Length (2)
	nonceSize     = 32
	shareSize     = 32
	keySize       = 32
	sigSize       = 64
	macSize       = 32
	idSize        = 16
)

// ID names a bridge. It is random, and no secret: attaching takes the bridge's key.
type ID [idSize]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MessageType is the first octet of a handshake message. docs/wire/bridge.md section 3.
type MessageType uint8

const (
	MessageHello    MessageType = 1 // initiator: a new bridge
	MessageWelcome  MessageType = 2 // responder: its proof
	MessageProof    MessageType = 3 // initiator: its proof
	MessageAttach   MessageType = 4 // initiator: another carrier for a bridge that exists
	MessageAttached MessageType = 5 // responder: its proof
	MessageRefused  MessageType = 6 // responder
)

var messageNames = [...]string{"", "HELLO", "WELCOME", "PROOF", "ATTACH", "ATTACHED", "REFUSED"}

func (t MessageType) String() string {
	if t > 0 && int(t) < len(messageNames) {
		return messageNames[t]
	}
	return fmt.Sprintf("MESSAGE-%#02x", uint8(t))
}

// HandshakeError is a handshake that did not come to its end by the peer's fault, or somebody's between.
type HandshakeError struct {
	Message MessageType
	Text    string
	Refusal Refusal // what a responder answers; 0 is nothing
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("bridge: handshake: %v: %s", e.Message, e.Text)
}

func handshakeErr(t MessageType, format string, a ...any) error {
	return &HandshakeError{Message: t, Text: fmt.Sprintf(format, a...)}
}

// ParseMessage takes one handshake message from the beginning of b and returns its body, which aliases b, and how many octets it
// has: 0 if b holds too few.
func ParseMessage(b []byte) (t MessageType, body []byte, n int, err error) {
	if len(b) > 0 && (b[0] == 0 || int(b[0]) >= len(messageNames)) {
		return 0, nil, 0, handshakeErr(MessageType(b[0]), "unknown type")
	}
	if len(b) < messageHeader {
		return 0, nil, 0, nil
	}
	t, n = MessageType(b[0]), int(binary.BigEndian.Uint16(b[1:]))
	if n > MaxMessage {
		return t, nil, 0, handshakeErr(t, "length %d exceeds %d", n, MaxMessage)
	}
	if len(b) < messageHeader+n {
		return t, nil, 0, nil
	}
	return t, b[messageHeader : messageHeader+n], messageHeader + n, nil
}

func appendMessage(b []byte, t MessageType, body []byte) []byte {
	b = append(b, byte(t), byte(len(body)>>8), byte(len(body)))
	return append(b, body...)
}

// Settings are what an end tells the other of itself in HELLO and WELCOME.
type Settings struct {
	// Credit is what each new stream's peer may send before it hears of more, in octets; at least MinCredit.
	Credit uint32
	// Streams is how many streams the peer may have open at once.
	Streams uint32
	// Heartbeat is the longest silence this end leaves on a carrier; the shorter one of both holds.
	Heartbeat time.Duration
	// Retention is how long the responder keeps a bridge that has no carrier. The initiator gives up before.
	Retention time.Duration
	// Parked is how long the responder keeps a parked bridge; 0 if it parks none.
	Parked time.Duration
	// Simplex says that this end knows FrameSimplex.
	Simplex bool
}

// MinCredit is the guaranteed window of a stream in each direction, in octets.
const MinCredit = 32 << 10

// Setting codes. An unknown one is skipped.
const (
	settingCredit    = 1 // octets (4)
	settingHeartbeat = 2 // milliseconds (4)
	settingRetention = 3 // milliseconds (8)
	settingStreams   = 4 // count (4)
	settingParked    = 5 // milliseconds (8)
	settingFeatures  = 6 // bits (4)

	featureSimplex = 1 << 0
)

func (s Settings) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, settingCredit, 4), s.Credit)
	b = binary.BigEndian.AppendUint32(append(b, settingHeartbeat, 4), uint32(s.Heartbeat.Milliseconds()))
	b = binary.BigEndian.AppendUint64(append(b, settingRetention, 8), uint64(s.Retention.Milliseconds()))
	b = binary.BigEndian.AppendUint32(append(b, settingStreams, 4), s.Streams)
	b = binary.BigEndian.AppendUint64(append(b, settingParked, 8), uint64(s.Parked.Milliseconds()))
	if s.Simplex {
		b = binary.BigEndian.AppendUint32(append(b, settingFeatures, 4), featureSimplex)
	}
	return b
}

// parseSettings reads Code (1) Length (1) Value up to the end of b.
func parseSettings(t MessageType, b []byte) (s Settings, err error) {
	seen := [256]bool{}
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return s, handshakeErr(t, "setting cut off")
		}
		code, v := b[0], b[2:2+int(b[1])]
		b = b[2+len(v):]
		if seen[code] {
			return s, handshakeErr(t, "setting %d stands twice", code)
		}
		seen[code] = true
		want := 4
		if code == settingRetention || code == settingParked {
			want = 8
		}
		if code <= settingFeatures && len(v) != want {
			return s, handshakeErr(t, "setting %d: length %d is not %d", code, len(v), want)
		}
		switch code {
		case settingCredit:
			s.Credit = binary.BigEndian.Uint32(v)
		case settingHeartbeat:
			s.Heartbeat = time.Duration(binary.BigEndian.Uint32(v)) * time.Millisecond
		case settingRetention:
			s.Retention = time.Duration(min(binary.BigEndian.Uint64(v), maxMillis)) * time.Millisecond
		case settingStreams:
			s.Streams = binary.BigEndian.Uint32(v)
		case settingParked:
			s.Parked = time.Duration(min(binary.BigEndian.Uint64(v), maxMillis)) * time.Millisecond
		case settingFeatures:
			s.Simplex = binary.BigEndian.Uint32(v)&featureSimplex != 0
		}
	}
	if s.Credit < MinCredit {
		return s, handshakeErr(t, "credit %d is below %d", s.Credit, MinCredit)
	}
	if s.Heartbeat < minHeartbeat {
		return s, handshakeErr(t, "heartbeat %v is below %v", s.Heartbeat, minHeartbeat)
	}
	return s, nil
}

const (
	maxMillis    = 1 << 42 // a hundred years and more
	minHeartbeat = 100 * time.Millisecond
)

// hello, welcome, attach, attached and refused are the bodies of the messages of these names, fields in the order of the wire.
type hello struct {
	Nonce, Share, Key []byte // Share: shareSize octets, or none
	Settings          Settings
}

func (h *hello) append(b []byte) []byte {
	body := bytes.Join([][]byte{h.Nonce, {byte(len(h.Share))}, h.Share, h.Key}, nil)
	return appendMessage(b, MessageHello, h.Settings.append(body))
}

func parseHello(b []byte) (h hello, err error) {
	r := reader{b: b}
	h.Nonce, h.Share, h.Key = r.take(nonceSize), r.share(), r.take(keySize)
	if r.short {
		return h, handshakeErr(MessageHello, "cut off")
	}
	h.Settings, err = parseSettings(MessageHello, r.b)
	return h, err
}

type welcome struct {
	Nonce, Share, Key []byte
	ID                ID
	Settings          Settings
	Signature, MAC    []byte
}

// appendSigned appends the body up to the signature, which covers it.
func (w *welcome) appendSigned(b []byte) []byte {
	s := w.Settings.append(nil)
	return bytes.Join([][]byte{b, w.Nonce, {byte(len(w.Share))}, w.Share, w.Key, w.ID[:], {byte(len(s) >> 8), byte(len(s))}, s}, nil)
}

func (w *welcome) append(b []byte) []byte {
	return appendMessage(b, MessageWelcome, bytes.Join([][]byte{w.appendSigned(nil), w.Signature, w.MAC}, nil))
}

func parseWelcome(b []byte) (w welcome, signed []byte, err error) {
	r := reader{b: b}
	w.Nonce, w.Share, w.Key = r.take(nonceSize), r.share(), r.take(keySize)
	copy(w.ID[:], r.take(idSize))
	n := r.take(2)
	if r.short {
		return w, nil, handshakeErr(MessageWelcome, "cut off")
	}
	s := r.take(int(binary.BigEndian.Uint16(n)))
	signed = b[:len(b)-len(r.b)]
	w.Signature, w.MAC = r.take(sigSize), r.take(macSize)
	if r.short || len(r.b) != 0 {
		return w, nil, handshakeErr(MessageWelcome, "wrong length")
	}
	w.Settings, err = parseSettings(MessageWelcome, s)
	return w, signed, err
}

type attach struct {
	ID    ID
	Epoch uint64
	Nonce []byte
	MAC   []byte
}

func (a *attach) append(b []byte) []byte {
	body := binary.BigEndian.AppendUint64(append([]byte(nil), a.ID[:]...), a.Epoch)
	return appendMessage(b, MessageAttach, append(append(body, a.Nonce...), a.MAC...))
}

func parseAttach(b []byte) (a attach, err error) {
	if len(b) != idSize+8+nonceSize+macSize {
		return a, handshakeErr(MessageAttach, "wrong length")
	}
	r := reader{b: b}
	copy(a.ID[:], r.take(idSize))
	a.Epoch = binary.BigEndian.Uint64(r.take(8))
	a.Nonce, a.MAC = r.take(nonceSize), r.take(macSize)
	if a.Epoch > maxOffset {
		return a, handshakeErr(MessageAttach, "epoch exceeds %d", uint64(maxOffset))
	}
	return a, nil
}

// AttachID reads the name of the bridge from an ATTACH.
func AttachID(body []byte) (ID, error) {
	a, err := parseAttach(body)
	return a.ID, err
}

// reader takes fields off b and cannot overrun it.
type reader struct {
	b     []byte
	short bool
}

// share takes a ShareLength and the Share, which is empty if there is none.
func (r *reader) share() []byte {
	n := int(r.take(1)[0])
	if n != 0 && n != shareSize {
		r.short, r.b = true, nil
	}
	return r.take(n)
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return make([]byte, n)
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}
