package nbp

import (
	"time"

	"github.com/tenuto-session/tenuto/appletalk/ddp"
)

// What a lookup does if it is not told otherwise. The book has no values.
const (
	Tries    = 3
	Interval = time.Second
)

// maxFound is how many entities a lookup finds at most.
const maxFound = 4096

// Lookup asks for a name several times, and collects who answers.
//
//	handlers   Handle Tick
//	commands   Stop
//	getters    Next Done Found
type Lookup struct {
	request  Packet
	tries    int
	interval time.Duration
	at       time.Time
	done     bool
	found    []Tuple
	seen     map[key]bool
}

// key is what a reply's entity is known by, whatever its spelling. IA2 ch. 7
type key struct {
	addr       ddp.Socket
	enumerator uint8
}

// NewLookup makes a lookup, whose replies go to a socket. Tick begins it.
func NewLookup(id uint8, replyTo ddp.Socket, e Entity, tries int, interval time.Duration) *Lookup {
	return &Lookup{request: Packet{Function: LkUp, ID: id, Tuples: []Tuple{{Addr: replyTo, Entity: e}}}, tries: tries, interval: interval,
		seen: map[key]bool{}}
}

// Next is when Tick is to be called; zero before the first time, and when it is done.
func (l *Lookup) Next() time.Time { return l.at }

// Done reports whether all has been asked and waited for.
func (l *Lookup) Done() bool { return l.done }

// Found are the entities that answered, each once.
func (l *Lookup) Found() []Tuple { return l.found }

// Stop ends the lookup.
func (l *Lookup) Stop() { l.done, l.at = true, time.Time{} }

// Tick returns the request to send if it is time. Its function is LkUp; through a router it is to be BrRq.
func (l *Lookup) Tick(now time.Time) (p Packet, ok bool) {
	if l.done || !l.at.IsZero() && now.Before(l.at) {
		return p, false
	}
	if l.tries == 0 {
		l.Stop()
		return p, false
	}
	l.tries--
	l.at = now.Add(l.interval)
	return l.request, true
}

// Handle takes a reply. It reports false if the reply is none to this lookup.
func (l *Lookup) Handle(p Packet) bool {
	if p.Function != LkUpReply || p.ID != l.request.ID || l.done {
		return false
	}
	for _, t := range p.Tuples {
		k := key{t.Addr, t.Enumerator}
		// Names that do not match were not asked for.
		if !l.request.Tuples[0].Entity.Matches(t.Entity) || l.seen[k] || len(l.found) == maxFound {
			continue
		}
		l.seen[k] = true
		l.found = append(l.found, t)
	}
	return true
}
