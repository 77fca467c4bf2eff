package port

import "time"

// Cause is why something that was received, or was to be sent, was dropped.
type Cause uint8

// The causes.
const (
	BadFrame        Cause = iota // a frame or an AARP packet that is none
	BadDatagram                  // lengths, sockets, types
	BadChecksum                  // of a datagram
	Hops                         // a datagram that has passed fifteen routers
	NoRoute                      // a network that is not known, or is not reached any more
	NotUp                        // a port that does not know its network yet
	ClosedSocket                 // a socket that nobody listens on
	BadPacket                    // RTMP, NBP, ZIP, ATP or AEP that is none
	Unasked                      // a reply that nobody asked for
	Stranger                     // a source that is none of the cable
	RangeConflict                // network ranges or zones that others have otherwise
	AddressConflict              // another station has our address
	Flood                        // more address requests in a second than are answered
	Unresolved                   // a station that does not answer for its address
	TableFull                    // no room for a route or a list of zones
	Causes                       // how many there are
)

var causeNames = [...]string{"bad frame", "bad datagram", "bad checksum", "too many hops", "no route", "port not up", "closed socket",
	"bad packet", "not asked for", "stranger", "range conflict", "address conflict", "flood", "address not resolved", "table full"}

func (c Cause) String() string { return causeNames[c] }

// logInterval is the least time between two notes of one cause.
const logInterval = time.Minute

// Faults counts what was dropped, by cause.
type Faults struct {
	Counts [Causes]uint64
	noted  [Causes]time.Time
}

// Add counts n, and reports whether that is to be logged: it is once for each cause and minute.
func (f *Faults) Add(now time.Time, c Cause, n int) (log bool) {
	if n <= 0 {
		return false
	}
	f.Counts[c] += uint64(n)
	if at := f.noted[c]; !at.IsZero() && now.Sub(at) < logInterval {
		return false
	}
	f.noted[c] = now
	return true
}
