package dissect

import "github.com/tenuto-session/tenuto/spdu"

// maxHeld is the most octets of a TSDU that are kept, but for user information to show: an SPDU of category 0 and one of category 2.
const maxHeld = 2 * spdu.MaxSPDU

// tsdu gathers what is needed of a TSDU: its SPDUs, and the first octets of user information.
type tsdu struct {
	held     located
	at       Position // of its first TPDU
	last     Position // of its last TPDU
	tpdus    int      // how many there are of it
	octets   int64    // how many have come
	keep     int      // octets of user information to keep
	head     int      // octets before the user information, once that is known
	hasHead  bool
	full     bool // no more is kept
	damaged  bool // octets are missing that should have been kept
	doubtful bool // its beginning may have been missed
}

func (t *tsdu) begin(at Position, keep int) { t.at, t.keep = at, keep }

func (t *tsdu) reset() {
	held := t.held
	held.reset()
	*t = tsdu{held: held}
}

// add appends octets.
func (t *tsdu) add(b []byte, pos Position) {
	t.octets += int64(len(b))
	for len(b) > 0 && !t.full && !t.damaged {
		n := min(t.room(), len(b))
		t.held.add(b[:n], pos)
		pos.Octet += int64(n)
		b = b[n:]
		t.look()
	}
}

// room is how many octets to keep before looking again.
func (t *tsdu) room() int {
	if t.hasHead {
		return t.head + t.keep - len(t.held.b)
	}
	need, _ := spdu.Need(t.held.b)
	if need <= len(t.held.b) { // all of it
		need = maxHeld
	}
	return min(need, maxHeld) - len(t.held.b)
}

// look finds out where the head ends, and whether enough is kept.
func (t *tsdu) look() {
	if !t.hasHead {
		if n, data := spdu.Need(t.held.b); data && n <= len(t.held.b) {
			t.head, t.hasHead = n, true
		}
	}
	limit := maxHeld
	if t.hasHead {
		limit = t.head + t.keep
	}
	t.full = len(t.held.b) >= limit
}

// lose says that n octets are missing.
func (t *tsdu) lose(n int) {
	t.octets += int64(n)
	if !t.full && !t.hasHead {
		t.damaged = true
	}
	t.full = true // what follows is not what follows in the TSDU
}
