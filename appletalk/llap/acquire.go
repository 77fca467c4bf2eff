package llap

import (
	"math/rand/v2"
	"time"
)

// How an address is acquired. The book has many ENQs microseconds apart; over UDP all send few and slow ones.
const (
	Probes        = 8
	ProbeInterval = 250 * time.Millisecond
	lastNode      = 0xFE
	lastUser      = 0x7F            // nodes of the user class are 1 to it
	pause         = 5 * time.Second // after all nodes were found taken
)

// Acquirer is a node's address: it is acquired once, and defended ever after.
//
//	commands   Start
//	handlers   Control Tick
//	getters    Node Next Taken
//
// What they return are the control frames to send, none with data.
type Acquirer struct {
	Taken int // how many candidates others had

	server    bool
	rng       *rand.Rand
	candidate uint8
	node      uint8
	probes    int // ENQs sent for the candidate
	at        time.Time
	tried     [lastNode + 1]bool
}

// NewAcquirer makes the acquirer of a node of the server class, which asks for 254 first, or of the user class.
func NewAcquirer(server bool, rng *rand.Rand) *Acquirer { return &Acquirer{server: server, rng: rng} }

// Node is the node's address, or 0 while it has none.
func (a *Acquirer) Node() uint8 { return a.node }

// Next is when Tick has something to do; zero if it has nothing.
func (a *Acquirer) Next() time.Time { return a.at }

// Start begins to acquire an address: the hint, or one of the class if that is 0.
func (a *Acquirer) Start(now time.Time, hint uint8) {
	a.node, a.tried = 0, [lastNode + 1]bool{}
	switch {
	case hint > 0 && hint <= lastNode:
		a.try(now, hint)
	case a.server:
		a.try(now, lastNode)
	default:
		a.another(now)
	}
}

func (a *Acquirer) try(now time.Time, node uint8) { a.candidate, a.probes, a.at = node, 0, now }

// another goes on with a candidate that was not tried: of the user class for its nodes while it has any.
func (a *Acquirer) another(now time.Time) {
	for _, last := range []int{lastUser, lastNode} {
		if a.server && last == lastUser {
			continue
		}
		first := 1 + a.rng.IntN(last)
		for i := range last {
			if node := (first-1+i)%last + 1; !a.tried[node] {
				a.try(now, uint8(node))
				return
			}
		}
	}
	a.tried = [lastNode + 1]bool{}
	a.try(now.Add(pause), uint8(1+a.rng.IntN(lastNode)))
}

// Control handles a control frame of another station.
func (a *Acquirer) Control(now time.Time, f Frame) (reply Frame, ok bool) {
	switch {
	case f.Type == TypeENQ && f.Dst == a.node && a.node != 0:
		return Frame{Dst: a.node, Src: a.node, Type: TypeACK}, true
	case a.node != 0 || f.Dst != a.candidate || a.candidate == 0:
	case f.Type == TypeACK, f.Type == TypeENQ: // who asks for the same address at the same time has it
		a.Taken++
		a.tried[a.candidate] = true
		a.another(now)
	}
	return Frame{}, false
}

// Tick does what is due: the next ENQ, or the candidate is the node's address.
func (a *Acquirer) Tick(now time.Time) (f Frame, ok bool) {
	if a.at.IsZero() || now.Before(a.at) {
		return Frame{}, false
	}
	if a.probes == Probes {
		a.node, a.at = a.candidate, time.Time{}
		return Frame{}, false
	}
	a.probes++
	a.at = now.Add(ProbeInterval)
	return Frame{Dst: a.candidate, Src: a.candidate, Type: TypeENQ}, true
}
