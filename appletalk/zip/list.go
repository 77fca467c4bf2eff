package zip

import (
	"encoding/binary"
	"fmt"

	"github.com/tenuto-session/tenuto/appletalk/macroman"
)

// maxListData is the data of one ATP packet in octets.
const maxListData = 578

// maxPages is how many pages of a list are asked for: no internet has more zones.
const maxPages = 1024

// ListRequest is an ATP request for names of zones: GetMyZone, GetZoneList or GetLocalZones. It is the user bytes; there are no data.
type ListRequest struct {
	Function Function
	Start    uint16 // index of the first zone; 1 is the first of all, and so is 0
}

// User is the user bytes of the request.
func (r ListRequest) User() (u [4]byte) {
	u[0] = byte(r.Function)
	binary.BigEndian.PutUint16(u[2:], r.Start)
	return u
}

// ParseListRequest reads user bytes.
func ParseListRequest(u [4]byte) (r ListRequest, err error) {
	r = ListRequest{Function(u[0]), binary.BigEndian.Uint16(u[2:])}
	if r.Function < FunctionGetMyZone || r.Function > FunctionGetLocalZones {
		return r, fmt.Errorf("zip: parse list request: function: %d is none of 7 to 9", u[0])
	}
	if r.Function == FunctionGetMyZone && r.Start != 0 {
		return r, fmt.Errorf("zip: parse list request: start index: %d in GetMyZone", r.Start)
	}
	return r, nil
}

// List is the answer: names of zones, and whether there are no more.
type List struct {
	Last  bool
	Zones []string
}

// User is the user bytes of the answer.
func (l List) User() (u [4]byte) {
	if l.Last {
		u[0] = 1
	}
	binary.BigEndian.PutUint16(u[2:], uint16(len(l.Zones)))
	return u
}

// AppendData appends the ATP data of the answer.
func (l List) AppendData(b []byte) []byte {
	for _, z := range l.Zones {
		b = appendName(b, z)
	}
	return b
}

// ParseList reads the user bytes and the ATP data of an answer. What follows the names is not looked at.
func ParseList(u [4]byte, b []byte) (l List, err error) {
	l.Last = u[0] != 0
	for i := range int(binary.BigEndian.Uint16(u[2:])) {
		var name string
		if name, b, err = cutZone(b); err != nil {
			return l, fmt.Errorf("zip: parse list: zone %d: %w", i+1, err)
		}
		l.Zones = append(l.Zones, name)
	}
	return l, nil
}

// Page is the part of n names that begins at an index, 1 for the first, and has room in one answer.
func Page(n int, name func(i int) string, start uint16) List {
	from := min(max(int(start), 1)-1, n)
	to, size := from, 0
	for to < n && size+1+len(name(to)) <= maxListData {
		size += 1 + len(name(to))
		to++
	}
	l := List{Last: to == n}
	for i := from; i < to; i++ {
		l.Zones = append(l.Zones, name(i))
	}
	return l
}

// Pager puts a list together from its pages, all of them from one router: orders differ between routers.
type Pager struct {
	zones []string
	seen  map[string]bool
	next  int
	pages int
	done  bool
}

// NewPager makes a pager that has no page yet.
func NewPager() *Pager { return &Pager{next: 1, seen: map[string]bool{}} }

// Next is the index to ask for; ok is false if the list is whole.
func (p *Pager) Next() (start uint16, ok bool) { return uint16(p.next), !p.done }

// Add takes the page that Next asked for. A router that answers without an end is an error.
func (p *Pager) Add(l List) error {
	for _, z := range l.Zones {
		if key := macroman.Fold(z); !p.seen[key] {
			p.seen[key] = true
			p.zones = append(p.zones, z)
		}
	}
	p.pages++
	p.next += len(l.Zones)
	p.done = l.Last || len(l.Zones) == 0
	if !p.done && (p.pages == maxPages || p.next > 0xFFFF) {
		return fmt.Errorf("zip: list of zones: no end after %d pages", p.pages)
	}
	return nil
}

// Zones are the names so far, each once.
func (p *Pager) Zones() []string { return p.zones }
