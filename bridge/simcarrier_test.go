package bridge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// simCarrier is a carrier of the simulation: a queue each way, in order. What an end has sent may still be delivered when the end
// has dropped the carrier, unless it is stalled.
type simCarrier struct {
	serial  int
	since   time.Time
	binding []byte
	nonce   []byte // of the initiator's attempt on it; nil if the carrier is an adversary's
	wire    [2][]simMessage
	dropped [2]bool // the end wants no more of it
	stalled bool    // nothing arrives any more, for good
	asked   bool    // the responder has had its ATTACH
	epoch   uint64  // with which the responder has accepted it
	waits   bool    // the responder has answered, and not begun to use it
}

// simMessage is a frame, or the body of a handshake message.
type simMessage struct {
	frame   Frame
	message MessageType
	body    []byte
	refusal Refusal
}

func (m simMessage) String() string {
	switch m.message {
	case 0:
		return m.frame.String()
	case MessageAttach:
		return fmt.Sprintf("ATTACH(epoch=%d)", binary.BigEndian.Uint64(m.body[idSize:]))
	case MessageRefused:
		return fmt.Sprintf("REFUSED(%v)", m.refusal)
	}
	return m.message.String() + "()"
}

// dead tells whether no answer can come on an attempt any more.
func (c *simCarrier) dead() bool { return c.stalled || c.dropped[1] }

func (w *simWorld) newCarrier() *simCarrier {
	w.serial++
	c := &simCarrier{serial: w.serial, since: w.now}
	if w.bound {
		c.binding = w.random()
	}
	w.carriers = append(w.carriers, c)
	return c
}

// sweep forgets carriers on which nothing can happen any more.
func (w *simWorld) sweep() {
	w.carriers = slices.DeleteFunc(w.carriers, func(c *simCarrier) bool {
		return c.dropped[0] && c.dropped[1] || c.stalled && c != w.ends[0].cur && c != w.ends[0].try && c != w.ends[1].cur
	})
}

// put sends a message on a carrier; nobody hears it if the other end has dropped it.
func (c *simCarrier) put(from int, m simMessage) {
	if !c.stalled && !c.dropped[1-from] {
		c.wire[1-from] = append(c.wire[1-from], m)
	}
}

// lose makes an end drop its current carrier.
func (w *simWorld) lose(e *simEnd) {
	if e.cur == nil {
		return
	}
	w.trace("%s loses carrier %d", e.name, e.cur.serial)
	e.cur.dropped[e.side] = true
	e.cur.wire[e.side] = nil
	e.cur = nil
	e.m.Detach()
}

// fault does something bad to an end's carrier.
func (w *simWorld) fault(e *simEnd) {
	c := e.cur
	if c == nil {
		return
	}
	switch w.rng.IntN(3) {
	case 0: // a reset that both notice at once
		for _, e := range w.ends {
			if e.cur == c {
				w.lose(e)
			}
		}
		c.dropped = [2]bool{true, true}
	case 1:
		w.trace("carrier %d stalls", c.serial)
		w.counts[simStalls]++
		c.stalled = true
	case 2:
		if p := w.ends[1-e.side]; p.cur == c {
			w.counts[simHalfOpens]++
		}
		w.lose(e)
	}
	w.sweep()
}

// notice lets an end see that the other one has dropped its carrier.
func (w *simWorld) notice(e *simEnd) {
	if c := e.cur; c != nil && c.dropped[1-e.side] && !c.stalled {
		w.lose(e)
	}
}

func (w *simWorld) tick(e *simEnd) {
	if e.cur != nil && e.m.Tick(w.now) {
		w.counts[simDeaths]++
		w.trace("%s: the carrier is dead", e.name)
		w.lose(e)
	}
}

// giveUp ends the initiator's attempt; what it has sent may still arrive.
func (w *simWorld) giveUp(i *simEnd) {
	i.try.dropped[0] = true
	i.try.wire[0] = nil
	i.try = nil
	i.m.Detach()
}

// dial makes an attempt to attach, if the initiator has no carrier; it overtakes one that is not answered yet. The positions go out
// behind ATTACH at once.
func (w *simWorld) dial() {
	i := w.ends[0]
	switch {
	case i.cur != nil:
		return
	case i.m.Parked && i.m.Wanting():
		w.counts[simWakes]++
		i.m.Wake()
	case i.m.Parked:
		w.counts[simGlances]++
		i.m.Glance()
	}
	if c := i.try; c != nil {
		w.counts[simOvertaken]++
		if c.waits {
			w.counts[simCrossed]++
		}
		w.giveUp(i)
	}
	w.counts[simAttempts]++
	c := w.newCarrier()
	c.nonce = w.random()
	for _, s := range i.m.Streams {
		if s.High > s.Acked {
			w.counts[simReplays]++
		}
	}
	body := w.attach(i, c)
	w.trace("I attaches to carrier %d with epoch %d", c.serial, i.m.Keys.Epoch)
	c.put(0, simMessage{message: MessageAttach, body: body})
	for f, _, ok := i.m.NextPosition(w.now); ok; f, _, ok = i.m.NextPosition(w.now) {
		w.trace("I states %v", f)
		c.put(0, simMessage{frame: f})
	}
	if w.rng.IntN(8) == 0 {
		w.counts[simStalls]++
		c.stalled = true
	}
	i.try = c
	w.sweep()
}

// attach begins an attempt, which the adversary records.
func (w *simWorld) attach(i *simEnd, c *simCarrier) []byte {
	body := i.m.Keys.Attach(c.binding, c.nonce)[messageHeader:]
	i.m.Attach(w.now)
	if len(w.recorded) == 16 {
		w.recorded, w.seen = w.recorded[1:], w.seen[1:]
	}
	w.recorded, w.seen = append(w.recorded, body), append(w.seen, false)
	return body
}

// replay lets an adversary send an ATTACH that it has seen, or changed, on a carrier of its own. Where there is no channel binding,
// one that the responder has not had yet is as good as the initiator's: only its carrier is another.
func (w *simWorld) replay() {
	if len(w.recorded) == 0 {
		return
	}
	k := w.rng.IntN(len(w.recorded))
	body := w.recorded[k]
	if forge := w.rng.IntN(4) == 0; forge {
		body = bytes.Clone(body)
		body[w.rng.IntN(len(body)-1)+1] ^= 1 // not of what tells the bridge's ID from others': that is the driver's
	} else if !w.bound && !w.seen[k] {
		return
	}
	c := w.newCarrier()
	c.dropped[0] = true
	w.trace("the adversary sends an ATTACH on carrier %d", c.serial)
	c.put(0, simMessage{message: MessageAttach, body: body})
	c.put(0, simMessage{frame: Frame{Type: FrameReady}})
}

// impostor answers an attempt of the initiator without the bridge's secret.
func (w *simWorld) impostor() error {
	i := w.ends[0]
	if i.cur != nil || i.try != nil {
		return nil
	}
	c := w.newCarrier()
	c.dropped = [2]bool{true, true}
	c.nonce = w.random()
	w.attach(i, c)
	before := i.m.Keys
	if err := i.m.Keys.Attached(c.binding, c.nonce, append(w.random(), w.random()...)); err == nil || i.m.Keys != before {
		return fmt.Errorf("B3: I takes a forged ATTACHED: %v", err)
	}
	w.counts[simForged]++
	i.m.Detach()
	w.sweep()
	return nil
}

// restore makes a machine anew from its state. Its carrier and its handshakes are lost with the process.
func (w *simWorld) restore(e *simEnd) error {
	w.counts[simRestores]++
	w.trace("%s is restored", e.name)
	w.lose(e)
	if e.try != nil {
		w.giveUp(e)
	}
	for _, c := range w.carriers {
		if e.side == 1 && c.asked {
			c.dropped[1], c.waits = true, false
		}
	}
	w.sweep()
	b, err := e.m.MarshalBinary()
	if err != nil {
		return err
	}
	e.m = new(Machine)
	return e.m.UnmarshalBinary(b)
}

func (w *simWorld) send(e *simEnd, n int) {
	for ; n > 0 && e.cur != nil; n-- {
		f, _, ok := e.m.Next(w.now)
		if !ok {
			return
		}
		w.trace("%s sends %v on carrier %d", e.name, f, e.cur.serial)
		e.cur.put(e.side, simMessage{frame: f})
		if f.Type == FrameParked {
			w.lose(e)
		}
	}
}

// deliver gives an end some of what is on its way on one carrier, its current one or any other.
func (w *simWorld) deliver(e *simEnd, n int) error {
	first := w.rng.IntN(len(w.carriers) + 1)
	for k := range w.carriers {
		c := w.carriers[(first+k)%len(w.carriers)]
		for ; n > 0 && len(c.wire[e.side]) > 0 && !c.stalled && !c.waitsAt(e); n-- {
			m := c.wire[e.side][0]
			c.wire[e.side] = c.wire[e.side][1:]
			if err := w.arrive(e, c, m); err != nil {
				return fmt.Errorf("%s gets %v on carrier %d: %w", e.name, m, c.serial, err)
			}
		}
	}
	w.sweep()
	return nil
}

// waitsAt tells whether the end does not read on yet: the responder has answered and not begun to use the carrier.
func (c *simCarrier) waitsAt(e *simEnd) bool { return e.side == 1 && c.waits }

// arrive gives an end a message.
func (w *simWorld) arrive(e *simEnd, c *simCarrier, m simMessage) error {
	switch {
	case m.message == MessageAttach && !c.dropped[1]:
		return w.answer(e, c, m.body)
	case m.message == MessageAttached && e.try == c:
		if err := e.m.Keys.Attached(c.binding, c.nonce, m.body); err != nil {
			return err
		}
		w.trace("I uses carrier %d", c.serial)
		w.counts[simAttaches]++
		e.m.Accepted()
		e.cur, e.try = c, nil
		return nil
	case m.message == MessageRefused && e.try == c:
		return fmt.Errorf("the newest attempt is refused")
	case m.message != 0 || e.cur != c: // of a carrier that the end does not use, or not any more
		w.counts[simLate]++
		return nil
	}
	b, _ := m.frame.AppendBinary(nil)
	g, n, err := ParseFrame(b)
	if err != nil || n != len(b) || g != m.frame {
		return fmt.Errorf("it parses as %v (%d of %d octets): %v", g, n, len(b), err)
	}
	return w.handle(e, w.ends[1-e.side], m.frame)
}

// answer is the responder's part of an attach: it answers who proves itself, and stops listening to the carrier before at once.
func (w *simWorld) answer(r *simEnd, c *simCarrier, body []byte) error {
	c.asked = true
	known := slices.IndexFunc(w.recorded, func(b []byte) bool { return bytes.Equal(b, body) })
	if known >= 0 && c.nonce != nil {
		w.seen[known] = true
	}
	before := r.m.Keys
	attached, refused, err := r.m.Keys.Answer(c.binding, w.random(), body)
	if err != nil {
		w.trace("R refuses carrier %d: %v", c.serial, err)
		switch {
		case r.m.Keys != before:
			return fmt.Errorf("B3: a refused ATTACH has changed the keys")
		case c.nonce != nil:
			// Overtaken: only the newest attempt has a right to be accepted.
		case known < 0:
			w.counts[simForged]++
		default:
			w.counts[simDuplicates]++
			if refused == RefusedFenced {
				w.counts[simFenced]++
			}
		}
		if refused != 0 {
			c.put(1, simMessage{message: MessageRefused, refusal: refused})
		}
		c.dropped[1] = true
		return nil
	}
	if c.nonce == nil {
		return fmt.Errorf("B3: an adversary's ATTACH is accepted")
	}
	if r.m.Keys.Epoch <= before.Epoch {
		return fmt.Errorf("B2: epoch %d is accepted after %d", r.m.Keys.Epoch, before.Epoch)
	}
	w.lose(r)
	c.epoch, c.waits = r.m.Keys.Epoch, true
	w.trace("R accepts carrier %d with epoch %d", c.serial, c.epoch)
	c.put(1, simMessage{message: MessageAttached, body: attached[messageHeader:]})
	if w.rng.IntN(2) == 0 {
		w.install()
	}
	return nil
}

// install lets the responder use the carrier that it has accepted last; those before are fenced.
func (w *simWorld) install() {
	r := w.ends[1]
	for _, c := range w.carriers {
		if !c.waits {
			continue
		}
		if c.waits = false; r.m.Keys.Epoch != c.epoch {
			c.dropped[1] = true
			continue
		}
		w.trace("R uses carrier %d", c.serial)
		r.m.Attach(w.now)
		r.cur = c
	}
}

// owner checks that the responder listens to the carrier of the newest epoch alone (B2).
func (w *simWorld) owner() error {
	i, r := w.ends[0], w.ends[1]
	switch {
	case r.cur != nil && r.cur.epoch != r.m.Keys.Epoch:
		return fmt.Errorf("B2: R uses a carrier of epoch %d, but %d was accepted", r.cur.epoch, r.m.Keys.Epoch)
	case r.m.Keys.Epoch > i.m.Keys.Epoch:
		return fmt.Errorf("B3: R has epoch %d, but I has only used %d", r.m.Keys.Epoch, i.m.Keys.Epoch)
	case i.cur != nil && r.cur == i.cur && i.m.Keys.Epoch != r.m.Keys.Epoch:
		return fmt.Errorf("B2: both use a carrier of epoch %d, but I has made %d", r.m.Keys.Epoch, i.m.Keys.Epoch)
	}
	return nil
}
