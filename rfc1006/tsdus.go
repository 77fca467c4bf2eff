package rfc1006

import "github.com/tenuto-session/tenuto/transport"

// tsdus are the expedited TSDUs that wait for their receiver. Few connections ever have one.
type tsdus struct{ q *tsduQueue }

type tsduQueue struct {
	tsdu  [maxExpeditedQueue][transport.MaxExpedited]byte
	size  [maxExpeditedQueue]uint8
	head  int // of those that wait
	n     int // how many do
	begun int // octets of the next one that have come
}

func (t *tsdus) len() int {
	if t.q == nil {
		return 0
	}
	return t.q.n
}

func (t *tsdus) full() bool { return t.len() == maxExpeditedQueue }

func (q *tsduQueue) next() int { return (q.head + q.n) % maxExpeditedQueue }

// begin makes place for one of n octets, which come by fill.
func (t *tsdus) begin(n int) {
	if t.q == nil {
		t.q = new(tsduQueue)
	}
	t.q.size[t.q.next()], t.q.begun = uint8(n), 0
}

func (t *tsdus) fill(b []byte) {
	q := t.q
	q.begun += copy(q.tsdu[q.next()][q.begun:], b)
}

// end says that the one that has begun is whole.
func (t *tsdus) end() { t.q.n++ }

func (t *tsdus) first() []byte { return t.q.tsdu[t.q.head][:t.q.size[t.q.head]] }

func (t *tsdus) remove() {
	t.q.head = (t.q.head + 1) % maxExpeditedQueue
	t.q.n--
}

// clear forgets those that wait; one that is coming goes on.
func (t *tsdus) clear() {
	if t.q != nil {
		t.q.head, t.q.n = t.q.next(), 0
	}
}
