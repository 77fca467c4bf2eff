// Package drive runs the session service by hand: scripts whose lines are requests and responses, and what comes in shown in the notation of
// primitives and SPDUs. docs/drive.md has the grammar.
package drive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenuto-session/tenuto"
)

// Options say how a Player plays.
type Options struct {
	// Dial makes a session, and Next waits for one that a peer asks for. One of them is nil.
	Dial func(context.Context, *tenuto.Config) (*tenuto.Session, error)
	Next func(context.Context) (*tenuto.Incoming, error)

	Manual   bool          // a listener answers nothing by itself
	Terminal bool          // lines come from a person, by Do
	Timeout  time.Duration // of what a line waits for
	Print    func(Record)  // called by several goroutines, but one at a time
}

// Record is something to be shown.
type Record struct {
	Time      time.Time `json:"time"`
	Sent      bool      `json:"sent"`
	Primitive string    `json:"primitive,omitempty"` // in its notation, or a word about the session
	SPDU      string    `json:"spdu,omitempty"`
	Expedited bool      `json:"expedited,omitempty"` // of the SPDU
}

// Script is a list of lines.
type Script []line

// ParseScript reads a script. An error names the line.
func ParseScript(text string) (s Script, err error) {
	number := 0
	for t := range strings.Lines(text) {
		number++
		l, ok, err := parseLine(number, t)
		if err == nil && ok {
			err = check(&l)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if ok {
			s = append(s, l)
		}
	}
	return s, nil
}

// maxDataShown is how much of one SSDU is kept to be shown and compared, in octets; the rest is counted.
const maxDataShown = 64 << 10

// maxEvents is how many events wait to be looked at.
const maxEvents = 1024

// Player runs lines, one after the other, on one session at a time.
type Player struct {
	o      Options
	ctx    context.Context
	script Script

	mu        sync.Mutex
	at        int               // the next line of the script
	owed      []string          // verbs of answers that indications wait for
	latest    tenuto.Indication // the last one that wants an answer
	finishing bool              // there are no more lines

	session   *tenuto.Session
	in        *tenuto.Incoming
	events    chan event // of the session
	queue     []event    // those that have come and no line has named
	ended     bool
	began     bool
	receivers sync.WaitGroup
	lines     sync.WaitGroup // in the background
	failed    chan error     // of them
	print     sync.Mutex
}

// New makes a Player whose context bounds all that it does.
func New(ctx context.Context, o Options) *Player {
	return &Player{o: o, ctx: ctx, failed: make(chan error, 1)}
}

// Play runs a script and ends the session: by a release where that is allowed, else it waits for the peer, and then by an abort. It returns what
// differs from what the script expects, and an abort that it does not.
func (p *Player) Play(s Script) error {
	p.mu.Lock()
	p.script, p.at = s, 0
	p.mu.Unlock()
	for i := range s {
		p.mu.Lock()
		p.at = i
		p.mu.Unlock()
		if err := p.Run(&s[i]); err != nil {
			p.Close()
			return fmt.Errorf("line %d: %s: %w", s[i].number, s[i].text, err)
		}
	}
	p.mu.Lock()
	p.at = len(s)
	p.mu.Unlock()
	if len(s) == 0 {
		if err := p.connected(); err != nil {
			return err
		}
	}
	return p.finish()
}

// Do runs one line of text.
func (p *Player) Do(text string) error {
	l, ok, err := parseLine(0, text)
	if err != nil || !ok {
		return err
	}
	if err := check(&l); err != nil {
		return err
	}
	return p.Run(&l)
}

// Run runs one line. With an & behind it the line does not wait.
func (p *Player) Run(l *line) error {
	select {
	case err := <-p.failed:
		return err
	default:
	}
	if l.background && !confirmed(l) {
		p.lines.Go(func() {
			if err := p.run(l); err != nil {
				select {
				case p.failed <- fmt.Errorf("line %d: %s: %w", l.number, l.text, err):
				default:
				}
			}
		})
		return nil
	}
	return p.run(l)
}

func (p *Player) run(l *line) error {
	v := verbs[l.verb]
	if p.o.Terminal {
		p.forget()
	}
	if v.needs {
		if err := p.connected(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(p.ctx, p.o.Timeout)
	defer cancel()
	if v.answers {
		if err := p.awaitOwed(ctx, l.verb); err != nil {
			return err
		}
	}
	if l.size > 0 {
		l.data = pattern(l.size)
		defer func() { l.data = nil }()
	}
	if err := v.run(p, ctx, l); err != nil {
		return err
	}
	if v.confirm == nil || l.background {
		return nil
	}
	if name := v.confirm(l); name != "" {
		return p.awaitConfirm(ctx, name)
	}
	return nil
}

func confirmed(l *line) bool { return verbs[l.verb].confirm != nil }

// connected sees to it that there is a session: it connects as a line without parameters would, or waits for a peer and accepts it.
func (p *Player) connected() error {
	if p.session != nil {
		return nil
	}
	if p.began && p.o.Dial != nil {
		return errors.New("there is no session")
	}
	l := line{verb: "connect", set: map[string]string{}}
	if p.o.Next != nil {
		l.verb = "accept"
	}
	return p.run(&l)
}

// show prints a primitive.
func (p *Player) show(sent bool, text string) {
	p.print.Lock()
	defer p.print.Unlock()
	p.o.Print(Record{Time: time.Now(), Sent: sent, Primitive: text})
}

func (p *Player) trace(t tenuto.Trace) {
	p.print.Lock()
	defer p.print.Unlock()
	p.o.Print(Record{Time: time.Now(), Sent: t.Sent, SPDU: t.SPDU.String(), Expedited: t.Expedited})
}

// start begins to receive from a session.
func (p *Player) start(s *tenuto.Session) {
	p.session, p.events, p.ended, p.began = s, make(chan event, maxEvents), false, true
	p.mu.Lock()
	p.owed = nil
	p.mu.Unlock()
	events := p.events
	p.receivers.Go(func() { p.receive(s, events) })
}

// receive shows what comes in, answers what the script does not, and hands it on, until the session ends.
func (p *Player) receive(s *tenuto.Session, events chan event) {
	var data []byte
	more := 0
	for {
		ind, err := s.Receive(p.ctx)
		if err != nil {
			e := ended(err)
			p.show(false, e.text)
			p.hand(events, e)
			return
		}
		switch i := ind.(type) {
		case tenuto.Data:
			if data, more = gather(data, more, i.B); !i.End {
				continue
			}
			ind, data = tenuto.Data{B: data, End: true}, nil
		case tenuto.TypedDataInd:
			if data, more = gather(data, more, i.B); !i.End {
				continue
			}
			ind, data = tenuto.TypedDataInd{B: data, End: true}, nil
		default:
			data, more = nil, 0 // an SSDU that was cut
		}
		e := newEvent(ind.String())
		if more > 0 {
			p.show(false, fmt.Sprintf("%s and %d octets more", e.text, more))
			more = 0
		} else {
			p.show(false, e.text)
		}
		e.passed = p.owe(s, ind)
		p.hand(events, e)
	}
}

// hand passes an event on. Without a script nobody need look at it, and what nobody looks at is forgotten.
func (p *Player) hand(events chan event, e event) {
	for p.o.Terminal && !e.end {
		select {
		case events <- e:
			return
		default:
		}
		select {
		case <-events:
		default:
		}
	}
	events <- e
}

func gather(data []byte, more int, b []byte) ([]byte, int) {
	n := min(len(b), maxDataShown-len(data))
	return append(data, b[:n]...), more + len(b) - n
}

// owe notes that an indication wants an answer, or gives it, and tells whether it did.
func (p *Player) owe(s *tenuto.Session, ind tenuto.Indication) (answered bool) {
	verb := answerVerb(ind)
	if verb == "" {
		return false
	}
	p.mu.Lock()
	auto := (p.o.Next != nil || p.finishing) && !p.o.Manual && !p.named(verb)
	if !auto {
		p.owed = append(p.owed, verb)
		p.latest = ind
	}
	p.mu.Unlock()
	if !auto {
		return false
	}
	answered, err := answer(p.ctx, s, ind)
	if err != nil {
		p.show(false, "the answer did not go: "+err.Error())
	}
	return answered
}

// named tells whether a line that is still to come has the verb, or one that does the same. mu is held.
func (p *Player) named(verb string) bool {
	return slices.ContainsFunc(p.script[min(p.at, len(p.script)):], func(l line) bool {
		return l.verb == verb || verb == "release-response" && l.verb == "release-refuse"
	})
}

// awaitOwed waits until an indication wants the answer that a line is.
func (p *Player) awaitOwed(ctx context.Context, verb string) error {
	if verb == "release-refuse" {
		verb = "release-response"
	}
	for {
		p.mu.Lock()
		i := slices.Index(p.owed, verb)
		if i >= 0 {
			p.owed = slices.Delete(p.owed, i, i+1)
		}
		p.mu.Unlock()
		if i >= 0 {
			return nil
		}
		if err := p.next(ctx); err != nil {
			return fmt.Errorf("nothing to answer: %w", err)
		}
	}
}

// errNoMore is returned when the session has ended, and with it what comes in.
var errNoMore = errors.New("the session has ended")

// next waits for one more event and puts it into the queue.
func (p *Player) next(ctx context.Context) error {
	if p.events == nil || p.ended {
		return errNoMore
	}
	var e event
	select {
	case e = <-p.events:
	default:
		select {
		case e = <-p.events:
		case <-ctx.Done():
			if p.ctx.Err() != nil {
				return p.ctx.Err()
			}
			return fmt.Errorf("nothing came within %v", p.o.Timeout)
		}
	}
	p.queue = append(p.queue, e)
	if e.end {
		p.session, p.ended = nil, true
	}
	return nil
}

// awaitConfirm waits for a confirm, or for what comes in its place after a collision or an abort.
func (p *Player) awaitConfirm(ctx context.Context, name string) error {
	for i := len(p.queue); ; i++ {
		if err := p.next(ctx); err != nil {
			return fmt.Errorf("no %s confirm: %w", name, err)
		}
		switch e := &p.queue[i]; {
		case e.name == name && e.kind == "confirm":
			e.passed = true
			return nil
		case e.end, e.kind == "indication" && (e.name == "resynchronize" || e.name == "activity-interrupt" || e.name == "activity-discard"),
			name == "release" && e.kind == "indication" && e.name == "release":
			return nil
		}
	}
}

// forget drops the events that have come.
func (p *Player) forget() {
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	for p.session != nil && len(p.events) > 0 && p.next(ctx) == nil {
	}
	p.queue = nil
}

// expect takes the next event off the queue that a script has to name, and compares it.
func (p *Player) expect(ctx context.Context, l *line) error {
	for {
		for len(p.queue) > 0 {
			e := p.queue[0]
			p.queue = p.queue[1:]
			switch {
			case e.matches(l):
				return nil
			case !e.passed:
				return fmt.Errorf("got %s", e.text)
			}
		}
		if err := p.next(ctx); err != nil {
			return err
		}
	}
}
