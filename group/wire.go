package group

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/tenuto-session/tenuto"
	"github.com/tenuto-session/tenuto/group/playout"
)

// Units are the functional units of a group's sessions.
const Units = tenuto.Duplex | tenuto.MinorSync | tenuto.Resync | tenuto.Activity

// version is that of what the user data mean.
const version = 1

// MaxName is the largest Member.Name, in octets.
const MaxName = 64

// maxText is the most that is said of a refusal or an abort, in octets.
const maxText = 512

// ID is a group's identifier.
type ID [16]byte

// NewID makes an identifier that no other group has.
func NewID() (id ID) {
	_, _ = rand.Read(id[:]) // it never fails
	return id
}

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Description is what the initiator of a session says in S-CONNECT of the stream that it opens.
type Description struct {
	Group     ID
	Stream    int // from 0 to MaxStreams-1
	Rate      Rate
	Essential bool
	Name      string // for people: UTF-8, at most MaxName octets
}

const (
	descriptionSize = 1 + 1 + 16 + 1 + 4 + 4 // and the name
	flagEssential   = 1
)

func (d *Description) append(b []byte) []byte {
	var flags byte
	if d.Essential {
		flags |= flagEssential
	}
	b = append(append(b, version, flags), d.Group[:]...)
	b = append(b, byte(d.Stream))
	b = binary.BigEndian.AppendUint32(b, d.Rate.Num)
	b = binary.BigEndian.AppendUint32(b, d.Rate.Den)
	return append(b, d.Name...)
}

// ParseDescription takes the user data of an S-CONNECT indication (tenuto.Incoming) apart: a server of several groups finds the Receiver by them.
func ParseDescription(b []byte) (d Description, err error) {
	if err := head("description", b, flagEssential); err != nil {
		return d, err
	}
	if len(b) < descriptionSize {
		return d, fmt.Errorf("group: parse description: %d octets are less than %d", len(b), descriptionSize)
	}
	d.Essential = b[1]&flagEssential != 0
	copy(d.Group[:], b[2:])
	if d.Stream = int(b[18]); d.Stream >= MaxStreams {
		return Description{}, fmt.Errorf("group: parse description: stream %d: a group has %d, from 0 on", d.Stream, MaxStreams)
	}
	d.Rate = Rate{Num: binary.BigEndian.Uint32(b[19:]), Den: binary.BigEndian.Uint32(b[23:])}
	if err := d.Rate.Check(); err != nil {
		return Description{}, fmt.Errorf("group: parse description: rate: %w", err)
	}
	if name := b[descriptionSize:]; len(name) > MaxName {
		return Description{}, fmt.Errorf("group: parse description: name: %d octets exceed %d", len(name), MaxName)
	} else if !utf8.Valid(name) {
		return Description{}, fmt.Errorf("group: parse description: name: not UTF-8")
	}
	d.Name = string(b[descriptionSize:])
	return d, nil
}

// head looks at version and flags.
func head(what string, b []byte, known byte) error {
	if len(b) < 2 || b[0] != version {
		return fmt.Errorf("group: parse %s: version is not %d", what, version)
	}
	if b[1]&^known != 0 {
		return fmt.Errorf("group: parse %s: flags %#x", what, b[1])
	}
	return nil
}

// An answer is what the receiver says in S-CONNECT.
type answer struct {
	most uint32 // octets of a unit
}

const answerSize = 2 + 4

func (a answer) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(append(b, version, 0), a.most)
}

func parseAnswer(b []byte) (a answer, err error) {
	if err := head("answer", b, 0); err != nil {
		return a, err
	}
	if len(b) != answerSize {
		return a, fmt.Errorf("group: parse answer: %d octets instead of %d", len(b), answerSize)
	}
	a.most = binary.BigEndian.Uint32(b[2:])
	return a, nil
}

// A mark is a time of the streams and what the sender's clock said when it was set.
type mark struct {
	time  int64
	clock time.Duration // since the sender was made
}

const markSize = 2 + 8 + 8

func (m mark) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, version, 0), uint64(m.time))
	return binary.BigEndian.AppendUint64(b, uint64(m.clock))
}

func parseMark(b []byte) (m mark, err error) {
	if err := head("mark", b, 0); err != nil {
		return m, err
	}
	if len(b) != markSize {
		return m, fmt.Errorf("group: parse mark: %d octets instead of %d", len(b), markSize)
	}
	clock := binary.BigEndian.Uint64(b[10:])
	if clock > math.MaxInt64 {
		return m, fmt.Errorf("group: parse mark: clock exceeds %d", int64(math.MaxInt64))
	}
	m.clock = time.Duration(clock)
	m.time, err = parseTime("mark", b[2:])
	return m, err
}

// A position is what the receiver says of a stream's time: in S-RESYNCHRONIZE where it is to go on, in S-ACTIVITY-INTERRUPT response where it has come to.
type position struct {
	flag bool // of a resynchronization: because of a Seek; of an interrupt: nothing has come
	time int64
}

const (
	positionSize = 2 + 8
	flagPosition = 1
)

func (p position) append(b []byte) []byte {
	var flags byte
	if p.flag {
		flags = flagPosition
	}
	return binary.BigEndian.AppendUint64(append(b, version, flags), uint64(p.time))
}

func parsePosition(b []byte) (p position, err error) {
	if err := head("position", b, flagPosition); err != nil {
		return p, err
	}
	if len(b) != positionSize {
		return p, fmt.Errorf("group: parse position: %d octets instead of %d", len(b), positionSize)
	}
	p.flag = b[1] == flagPosition
	p.time, err = parseTime("position", b[2:])
	return p, err
}

// unitHead is the size of a unit's time, which its octets follow.
const unitHead = 8

func parseTime(what string, b []byte) (int64, error) {
	if t := binary.BigEndian.Uint64(b); t <= math.MaxInt64 {
		return int64(t), nil
	}
	return 0, fmt.Errorf("group: parse %s: %w", what, playout.ErrNegative)
}

// cut makes a text short enough to be sent.
func cut(text string) []byte { return []byte(text[:min(len(text), maxText)]) }
