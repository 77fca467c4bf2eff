package nsp

import "time"

// trimAfter is how long a link keeps large buffers in which there is nothing.
const trimAfter = time.Second

// timers is a heap of links by the time at which each must be looked at, which may be too early but never too late.
type timers []*Port

func (t *timers) swap(i, j int) {
	h := *t
	h[i], h[j] = h[j], h[i]
	h[i].heap, h[j].heap = i+1, j+1
}

func (t *timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !(*t)[i].at.Before((*t)[parent].at) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timers) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(*t); c++ {
			if (*t)[c].at.Before((*t)[least].at) {
				least = c
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

func (t *timers) add(p *Port) {
	*t = append(*t, p)
	p.heap = len(*t)
	t.up(p.heap - 1)
}

func (t *timers) remove(p *Port) {
	if p.heap == 0 {
		return
	}
	i, last := p.heap-1, len(*t)-1
	t.swap(i, last)
	(*t)[last] = nil
	*t = (*t)[:last]
	p.heap = 0
	if i < last {
		t.up(i)
		t.down(i)
	}
}

// schedule sees to it that a link is looked at in time.
func (m *Machine) schedule(p *Port) {
	at := m.deadline(p)
	switch {
	case at.IsZero() || p.State == StateCL:
	case p.heap == 0:
		p.at = at
		m.timers.add(p)
	case at.Before(p.at):
		p.at = at
		m.timers.up(p.heap - 1)
	}
}

// deadline is when something of a link must happen; zero is never.
func (m *Machine) deadline(p *Port) (at time.Time) {
	earliest := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	earliest(p.ctlAt)
	earliest(p.timer)
	if p.State == StateRUN {
		earliest(p.data.at)
		earliest(p.other.at)
		earliest(p.in.ack.at)
		if p.silent() {
			earliest(p.heard.Add(m.cfg.Inactivity))
		}
	}
	if p.trimmable() {
		earliest(p.used.Add(trimAfter))
	}
	return at
}

// silent tells whether nothing is under way by which we would hear of the peer.
func (p *Port) silent() bool { return p.other.empty() && !p.other.probe && p.data.next == p.data.base }

func (p *Port) trimmable() bool {
	return cap(p.in.buf.b) > smallBuffer && p.in.buf.len() == 0 || cap(p.data.buf.b) > smallBuffer && p.data.buf.len() == 0
}

// NextTimeout is when Tick must be called; zero is never.
func (m *Machine) NextTimeout() time.Time {
	if len(m.timers) == 0 {
		return time.Time{}
	}
	return m.timers[0].at
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) {
	for len(m.timers) > 0 && !m.timers[0].at.After(now) {
		p := m.timers[0]
		m.timers.remove(p)
		m.tick(now, p)
		if p.State != StateCL {
			m.schedule(p)
			m.enqueue(p)
		}
	}
}

func (m *Machine) tick(now time.Time, p *Port) {
	is := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	if is(p.timer) {
		p.timer = time.Time{}
		m.note(p, EventTimer)
	}
	if is(p.ctlAt) {
		p.ctlAt = time.Time{}
		m.controlAgain(p)
	}
	if p.State == StateRUN {
		m.again(p, &p.data.window, is(p.data.at))
	}
	if p.State == StateRUN {
		m.again(p, &p.other.window, is(p.other.at))
	}
	if is(p.in.ack.at) {
		p.in.ack = acker{due: true}
	}
	if p.State == StateRUN && p.silent() && is(p.heard.Add(m.cfg.Inactivity)) {
		p.other.probe = true
	}
	if is(p.used.Add(trimAfter)) {
		p.in.buf.trim()
		p.data.buf.trim()
	}
}

// again sends what was not acknowledged once more, or gives the link up. (decnet 2.5)
func (m *Machine) again(p *Port, w *window, due bool) {
	if !due {
		return
	}
	if w.tries >= m.cfg.Retransmits {
		m.giveUp(p, StateCN)
		return
	}
	w.goBack()
	if w == &p.data.window {
		p.data.limit = 1 // what else was under way may have arrived: the acknowledgement will tell
	}
}

func (m *Machine) giveUp(p *Port, to State) {
	m.Counters.GaveUp++
	m.end(p, to, ReasonUnreachable, nil)
}

// controlAgain sends CI, CC or DI once more. A CI that nobody answers is left to the user's timer.
func (m *Machine) controlAgain(p *Port) {
	if p.ctlTries < m.cfg.Retransmits {
		p.ctlDue = true
		return
	}
	switch p.State {
	case StateCC, StateDI:
		m.giveUp(p, StateCN)
	case StateDR:
		m.giveUp(p, StateDRC)
	}
}

// Resume sends what was not acknowledged at once: there is a way again.
func (m *Machine) Resume() {
	for _, p := range m.ports {
		for _, w := range []*window{&p.data.window, &p.other.window} {
			if p.State == StateRUN && w.next > w.base {
				w.goBack()
				w.tries = max(w.tries-1, 0) // it says nothing of the peer that those did not arrive
			}
		}
		if !p.ctlAt.IsZero() {
			p.ctlDue = true
			p.ctlTries = max(p.ctlTries-1, 0)
		}
		m.enqueue(p)
	}
}
