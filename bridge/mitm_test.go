package bridge

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The tests in this file put somebody in the middle of a first handshake who sees all octets, and may change, drop, keep and add
// what it likes. It holds none of the ends' keys. Nothing must pass: the responder never has a bridge with an initiator that did
// not agree with it about every octet, the binding of the carrier among them.

// side is an end of a handshake as a driver runs it: octets come, in pieces of any size, and octets go.
type side struct {
	initiator *Initiator // nil at the responder
	hello     bool       // the responder waits for the HELLO, not for the PROOF
	responder *Responder
	key       ed25519.PrivateKey
	ch        Channel
	seed      byte

	in  []byte
	res *Result
	err error
}

// begin makes an initiator, and returns what it sends first.
func begin(key byte, ch Channel, seed byte) (*side, []byte) {
	hs, hello := NewInitiator(testKey(key), testSettings, ch, testSeed(seed))
	return &side{initiator: hs}, hello
}

func await(key byte, ch Channel, seed byte) *side {
	return &side{hello: true, key: testKey(key), ch: ch, seed: seed}
}

// take takes octets from the carrier, and returns those that go out in answer.
func (s *side) take(b []byte) (out []byte) {
	s.in = append(s.in, b...)
	for s.err == nil && s.res == nil {
		mt, body, n, err := ParseMessage(s.in)
		if n == 0 || err != nil {
			s.err = err
			return out
		}
		s.in = s.in[n:]
		var answer []byte
		var res Result
		switch {
		case s.initiator != nil && mt == MessageWelcome:
			if answer, res, s.err = s.initiator.Welcome(body); s.err == nil {
				s.res = &res
			}
		case s.hello && mt == MessageHello:
			s.hello = false
			s.responder, answer, s.err = NewResponder(s.key, testSettings, s.ch, body, testSeed(s.seed))
		case s.responder != nil && mt == MessageProof:
			if res, s.err = s.responder.Proof(body); s.err == nil {
				s.res = &res
			}
		default:
			s.err = handshakeErr(mt, "not expected here")
		}
		if s.err == nil {
			out = append(out, answer...)
		}
	}
	return out
}

// between is what somebody in the middle makes of a message on its way.
type between func(mt MessageType, msg []byte) []byte

// through runs a handshake with somebody between; nil forwards.
func through(chI, chR Channel, f between) (i, r *side) {
	if f == nil {
		f = func(_ MessageType, msg []byte) []byte { return msg }
	}
	i, hello := begin(1, chI, 1)
	r = await(2, chR, 2)
	welcome := r.take(f(MessageHello, bytes.Clone(hello)))
	proof := i.take(f(MessageWelcome, bytes.Clone(welcome)))
	r.take(f(MessageProof, bytes.Clone(proof)))
	return i, r
}

// wantNothing checks that the responder has no bridge, and that an end which refused says which message did not fit.
func wantNothing(t *testing.T, name string, i, r *side) {
	t.Helper()
	if r.res != nil {
		t.Errorf("%s: the responder has a bridge", name)
	}
	for _, err := range []error{i.err, r.err} {
		var h *HandshakeError
		if err != nil && (!errors.As(err, &h) || h.Text == "") {
			t.Errorf("%s: %v is no HandshakeError that says something", name, err)
		}
	}
}

// wantRefused checks that one of the ends refused because of this message, and that there is no bridge.
func wantRefused(t *testing.T, name string, i, r *side, mt MessageType, text string) {
	t.Helper()
	wantNothing(t, name, i, r)
	for _, err := range []error{i.err, r.err} {
		var h *HandshakeError
		if errors.As(err, &h) && h.Message == mt && strings.Contains(h.Text, text) {
			return
		}
	}
	t.Errorf("%s: got %v and %v, want %v: …%s…", name, i.err, r.err, mt, text)
}

func wantAgreed(t *testing.T, name string, i, r *side) {
	t.Helper()
	if i.err != nil || r.err != nil || i.res == nil || r.res == nil {
		t.Fatalf("%s: %v, %v", name, i.err, r.err)
	}
	if i.res.Secret != r.res.Secret || i.res.ID != r.res.ID {
		t.Errorf("%s: the ends do not agree", name)
	}
}

func TestMiddleForwards(t *testing.T) {
	one := func(to *side, msg []byte) (out []byte) {
		for k := range msg {
			out = append(out, to.take(msg[k:k+1])...)
		}
		return out
	}
	for _, ch := range channels {
		i, r := through(ch, ch, nil)
		wantAgreed(t, "as a whole", i, r)

		// In pieces of one octet.
		i, hello := begin(1, ch, 1)
		r = await(2, ch, 2)
		one(r, one(i, one(r, hello)))
		wantAgreed(t, "octet by octet", i, r)
	}
}

// TestMiddleCuts cuts the carrier after every octet of every message: the ends wait for the rest, and have no bridge.
func TestMiddleCuts(t *testing.T) {
	for _, ch := range channels {
		cuts(t, ch)
	}
}

func cuts(t *testing.T, ch Channel) {
	t.Helper()
	for _, cut := range []MessageType{MessageHello, MessageWelcome, MessageProof} {
		size := 1
		for at := 0; at < size; at++ {
			dead := false
			i, r := through(ch, ch, func(mt MessageType, msg []byte) []byte {
				if mt == cut {
					dead, size = true, len(msg)
					return msg[:at]
				}
				if dead {
					return nil
				}
				return msg
			})
			name := fmt.Sprintf("%v cut after %d octets", cut, at)
			wantNothing(t, name, i, r)
			if i.err != nil || r.err != nil || (cut != MessageProof) != (i.res == nil) {
				t.Fatalf("%s: %v, %v, the initiator has %v", name, i.err, r.err, i.res)
			}
		}
		if size < 90 {
			t.Fatalf("%v had %d octets", cut, size)
		}
	}
}

// TestMiddleChangesLength takes octets from the end of every message, and adds some, with lengths that fit and with lengths that do
// not.
func TestMiddleChangesLength(t *testing.T) {
	for _, ch := range channels {
		changesLength(t, ch)
	}
}

func changesLength(t *testing.T, ch Channel) {
	t.Helper()
	for _, changed := range []MessageType{MessageHello, MessageWelcome, MessageProof} {
		for by := -120; by <= 40; by++ {
			if by == 0 {
				continue
			}
			i, r := through(ch, ch, func(mt MessageType, msg []byte) []byte {
				if mt != changed {
					return msg
				}
				return resized(msg, by)
			})
			name := fmt.Sprintf("%v longer by %d", changed, by)
			wantNothing(t, name, i, r)
			if i.err == nil && r.err == nil {
				t.Errorf("%s: nobody refused", name)
			}
			// The header alone: the end of the message is missing, or the next one does not begin where it should.
			i, r = through(ch, ch, func(mt MessageType, msg []byte) []byte {
				if mt == changed {
					binary.BigEndian.PutUint16(msg[1:], uint16(max(0, len(msg)-messageHeader+by)))
				}
				return msg
			})
			wantNothing(t, name+" in its header", i, r)
		}
	}
}

// resized makes a message longer by some octets, or shorter.
func resized(msg []byte, by int) []byte {
	body := msg[messageHeader:]
	if by < 0 {
		body = body[:max(0, len(body)+by)]
	} else {
		body = append(body, make([]byte, by)...)
	}
	return appendMessage(nil, MessageType(msg[0]), body)
}

// TestMiddleReplays plays each message of an earlier handshake to ends of later ones: with the same keys, and with others. The
// channel is the same, which no carrier's security would have: the nonces alone are enough.
func TestMiddleReplays(t *testing.T) {
	for _, ch := range channels {
		replays(t, ch)
	}
}

func replays(t *testing.T, ch Channel) {
	t.Helper()
	recorded := map[MessageType][]byte{}
	i, r := through(ch, ch, func(mt MessageType, msg []byte) []byte {
		recorded[mt] = bytes.Clone(msg)
		return msg
	})
	wantAgreed(t, "recorded", i, r)
	for _, keys := range [][2]byte{{1, 2}, {1, 3}, {3, 2}, {2, 1}} {
		for _, replayed := range []MessageType{MessageHello, MessageWelcome, MessageProof} {
			name := fmt.Sprintf("%v to keys %v", replayed, keys)
			i, hello := begin(keys[0], ch, 11)
			r := await(keys[1], ch, 12)
			pass := func(mt MessageType, msg []byte) []byte {
				if mt == replayed {
					return recorded[mt]
				}
				return msg
			}
			proof := i.take(pass(MessageWelcome, r.take(pass(MessageHello, hello))))
			r.take(pass(MessageProof, proof))
			if replayed == MessageHello || replayed == MessageWelcome {
				wantRefused(t, name, i, r, MessageWelcome, "")
			} else {
				wantRefused(t, name, i, r, MessageProof, "signature does not fit")
			}
		}
		// All of what the initiator had sent, to the responder of before and to another one.
		r := await(keys[1], ch, 13)
		r.take(recorded[MessageHello])
		r.take(recorded[MessageProof])
		wantRefused(t, fmt.Sprintf("an initiator's messages to key %d", keys[1]), &side{}, r, MessageProof, "signature does not fit")
		// A PROOF in place of the HELLO, and a HELLO after the HELLO.
		for _, first := range [][]byte{recorded[MessageProof], append(bytes.Clone(recorded[MessageHello]), recorded[MessageHello]...)} {
			r := await(keys[1], ch, 14)
			r.take(first)
			wantRefused(t, "out of order", &side{}, r, MessageType(first[0]), "not expected")
		}
	}
}

// TestMiddleSplices has two handshakes at a time, and exchanges their messages: each alone, each two, all three. Exchanging all is
// forwarding to the other responder.
func TestMiddleSplices(t *testing.T) {
	for _, keys := range [][4]byte{{1, 2, 1, 2}, {1, 2, 3, 4}, {1, 2, 2, 1}} {
		for _, bound := range []bool{false, true} {
			for mask := range 8 {
				splice(t, keys, bound, mask)
			}
		}
	}
}

func splice(t *testing.T, keys [4]byte, separate bool, mask int) {
	t.Helper()
	name := fmt.Sprintf("keys %v, bound %v, exchanged %03b", keys, separate, mask)
	var ch [2]Channel
	if separate {
		ch = [2]Channel{bound("a"), bound("b")}
	}
	exchanged := func(bit int, msgs [2][]byte) [2][]byte {
		if mask&bit != 0 {
			msgs[0], msgs[1] = msgs[1], msgs[0]
		}
		return msgs
	}
	var i, r [2]*side
	var hellos, welcomes, proofs [2][]byte
	for k := range 2 {
		i[k], hellos[k] = begin(keys[2*k], ch[k], byte(21+k))
		r[k] = await(keys[2*k+1], ch[k], byte(31+k))
	}
	for k, msg := range exchanged(1, hellos) {
		welcomes[k] = r[k].take(msg)
	}
	for k, msg := range exchanged(2, welcomes) {
		proofs[k] = i[k].take(msg)
	}
	for k, msg := range exchanged(4, proofs) {
		r[k].take(msg)
	}
	switch {
	case mask == 0:
		wantAgreed(t, name, i[0], r[0])
		wantAgreed(t, name, i[1], r[1])
	case mask == 7 && !separate:
		wantAgreed(t, name, i[0], r[1])
		wantAgreed(t, name, i[1], r[0])
	default:
		// An initiator is content if a responder answered its own HELLO, and that responder then hears nothing that fits.
		content := !separate && (mask == 3 || mask == 4) || separate && mask == 4
		for k := range 2 {
			wantNothing(t, name, i[k], r[k])
			if (i[k].res != nil) != content {
				t.Errorf("%s: initiator %d: %v", name, k, i[k].err)
			}
			if content {
				wantRefused(t, name, &side{}, r[k], MessageProof, "signature does not fit")
			}
		}
	}
}

// TestMiddleDowngrades strips, changes, repeats and adds settings, in either direction.
func TestMiddleDowngrades(t *testing.T) {
	for _, ch := range channels {
		downgrades(t, ch)
	}
}

func downgrades(t *testing.T, ch Channel) {
	t.Helper()
	all := testSettings.append(nil)
	var each [][]byte
	for b := all; len(b) > 0; {
		n := 2 + int(b[1])
		each, b = append(each, b[:n]), b[n:]
	}
	changes := map[string][]byte{"all stripped": nil, "one added": append(bytes.Clone(all), 99, 1, 0)}
	for k := range each {
		rest := append(append([][]byte{}, each[:k]...), each[k+1:]...)
		changes[fmt.Sprintf("setting %d stripped", each[k][0])] = bytes.Join(rest, nil)
		changes[fmt.Sprintf("setting %d last", each[k][0])] = append(bytes.Join(rest, nil), each[k]...)
		weaker := bytes.Clone(each[k])
		weaker[len(weaker)-1]++
		changes[fmt.Sprintf("setting %d changed", each[k][0])] = append(bytes.Join(rest, nil), weaker...)
		changes[fmt.Sprintf("setting %d twice", each[k][0])] = append(bytes.Clone(all), each[k]...)
	}
	delete(changes, fmt.Sprintf("setting %d last", each[len(each)-1][0])) // where it stood before
	for name, settings := range changes {
		i, r := through(ch, ch, func(mt MessageType, msg []byte) []byte {
			if mt != MessageHello {
				return msg
			}
			b := msg[messageHeader : len(msg)-len(all)]
			return appendMessage(nil, mt, append(bytes.Clone(b), settings...))
		})
		wantNothing(t, name+" in HELLO", i, r)
		if i.err == nil && r.err == nil {
			t.Errorf("%s in HELLO: nobody refused", name)
		}
		i, r = through(ch, ch, func(mt MessageType, msg []byte) []byte {
			if mt != MessageWelcome {
				return msg
			}
			fixed := len(msg) - macSize - sigSize - len(all) - 2
			b := append(bytes.Clone(msg[messageHeader:fixed]), byte(len(settings)>>8), byte(len(settings)))
			b = append(b, settings...)
			return appendMessage(nil, mt, append(b, msg[fixed+2+len(all):]...))
		})
		wantRefused(t, name+" in WELCOME", i, r, MessageWelcome, "")
	}
}

// TestMiddleChoosesExchange takes the shares away and adds some of the middle's own: the ends know by their carriers what belongs there.
func TestMiddleChoosesExchange(t *testing.T) {
	_, share := plain.newShare(testSeed(9))
	const at = messageHeader + nonceSize // ShareLength
	for _, ch := range channels {
		for _, changed := range []MessageType{MessageHello, MessageWelcome} {
			i, r := through(ch, ch, func(mt MessageType, msg []byte) []byte {
				if mt != changed {
					return msg
				}
				b, rest := bytes.Clone(msg[messageHeader:at]), msg[at+1:]
				if msg[at] == 0 {
					b = append(append(b, shareSize), share...)
				} else {
					b, rest = append(b, 0), rest[shareSize:]
				}
				return appendMessage(nil, mt, append(b, rest...))
			})
			wantRefused(t, fmt.Sprintf("binding %q, %v", ch.Binding, changed), i, r, changed, "binding")
		}
	}
}

// TestMiddleHasKeys gives the middle a key and shares of its own.
func TestMiddleHasKeys(t *testing.T) {
	own := public(testKey(9))
	_, share := plain.newShare(testSeed(9))
	at := func(mt MessageType, field string) func([]byte) {
		offset := messageHeader + nonceSize + 1
		return func(msg []byte) {
			switch field {
			case "share":
				copy(msg[offset:], share)
			case "key":
				copy(msg[offset+shareSize:], own)
			}
		}
	}
	for _, mt := range []MessageType{MessageHello, MessageWelcome} {
		for _, field := range []string{"share", "key"} {
			i, r := through(plain, plain, func(m MessageType, msg []byte) []byte {
				if m == mt {
					at(mt, field)(msg)
				}
				return msg
			})
			wantRefused(t, field+" swapped in "+mt.String(), i, r, MessageWelcome, "signature does not fit")
		}
	}

	// Two handshakes, one with each end: each end knows whom it talks to, and it is not whom it wanted.
	i, hello := begin(1, plain, 1)
	far := await(9, plain, 8)
	far.take(i.take(far.take(hello)))
	near, hello := begin(9, plain, 7)
	r := await(2, plain, 2)
	r.take(near.take(r.take(hello)))
	wantAgreed(t, "towards the initiator", i, far)
	wantAgreed(t, "towards the responder", near, r)
	if !i.res.Peer.Equal(own) || !r.res.Peer.Equal(own) {
		t.Errorf("the ends take the middle for %x and %x", i.res.Peer, r.res.Peer)
	}
	if i.res.Secret == r.res.Secret {
		t.Error("both ends have one secret")
	}
}

// TestMiddleClaimsSecret: the middle puts its own name under what others exchange. It can sign for it, and does not know
// the secret.
func TestMiddleClaimsSecret(t *testing.T) {
	for _, ch := range channels {
		claimsSecret(t, ch)
	}
}

func claimsSecret(t *testing.T, ch Channel) {
	t.Helper()
	var hello []byte
	i, r := through(ch, ch, func(mt MessageType, msg []byte) []byte {
		switch mt {
		case MessageHello:
			hello = bytes.Clone(msg)
		case MessageWelcome:
			w, _, err := parseWelcome(msg[messageHeader:])
			if err != nil {
				t.Fatal(err)
			}
			w.Key = public(testKey(9))
			w.Signature = ed25519.Sign(testKey(9), signedText("responder", transcript(ch.Binding, hello, w.appendSigned(nil))))
			return w.append(nil)
		}
		return msg
	})
	wantRefused(t, "in the responder's place", i, r, MessageWelcome, "does not hold the secret")

	_, hello = begin(1, ch, 1)
	copy(hello[bytes.Index(hello, public(testKey(1))):], public(testKey(9)))
	r = await(2, ch, 2)
	w, signed, err := parseWelcome(body(t, r.take(hello), MessageWelcome))
	if err != nil {
		t.Fatal(err)
	}
	sig := ed25519.Sign(testKey(9), signedText("initiator", transcript(ch.Binding, hello, signed), w.Signature))
	r.take(appendMessage(nil, MessageProof, append(sig, make([]byte, macSize)...)))
	wantRefused(t, "in the initiator's place", &side{}, r, MessageProof, "does not hold the secret")
}

// TestMiddleEndsTLS: who ends TLS on both sides has two carriers with two bindings, and may hide either. Without any binding at both
// ends it passes, which both ends must have been told to take.
func TestMiddleEndsTLS(t *testing.T) {
	for _, b := range [][2]string{{"a", "b"}, {"a", ""}, {"", "b"}, {"a", "ab"}} {
		for name, of := range map[string]func(string) Channel{"with secrets": bound, "without": unkept} {
			chI, chR := of(b[0]), of(b[1])
			mt := MessageWelcome
			if (chI.Secret == nil) != (chR.Secret == nil) {
				mt = MessageHello
			}
			i, r := through(chI, chR, nil)
			wantRefused(t, fmt.Sprintf("bindings %q and %q, %s", b[0], b[1], name), i, r, mt, "binding")
			if i.res != nil {
				t.Errorf("bindings %q and %q, %s: the initiator has a bridge", b[0], b[1], name)
			}
		}
	}
	i, r := through(plain, plain, nil)
	wantAgreed(t, "no bindings", i, r)
}

// unkept is the channel of a carrier with a binding alone: that is enough to tell carriers apart.
func unkept(binding string) Channel { return Channel{Binding: []byte(binding)} }

// TestMiddleReflects sends back to an end what the end itself has sent, as it is and as the message that is awaited.
func TestMiddleReflects(t *testing.T) {
	i, hello := begin(1, plain, 1)
	i.take(hello)
	wantRefused(t, "HELLO", i, &side{}, MessageHello, "not expected")

	i, hello = begin(1, plain, 1)
	i.take(appendMessage(nil, MessageWelcome, hello[messageHeader:]))
	wantRefused(t, "HELLO as WELCOME", i, &side{}, MessageWelcome, "")

	for _, as := range []MessageType{MessageWelcome, MessageHello, MessageProof} {
		_, hello = begin(1, plain, 1)
		r := await(2, plain, 2)
		welcome := r.take(hello)
		r.take(appendMessage(nil, as, body(t, welcome, MessageWelcome)))
		wantRefused(t, "WELCOME as "+as.String(), &side{}, r, as, "")
	}

	// To the listener of the initiator itself: it finds that it talks to itself.
	i, hello = begin(1, plain, 1)
	r := await(1, plain, 2)
	r.take(i.take(r.take(hello)))
	wantAgreed(t, "HELLO to its own listener", i, r)
	if !i.res.Peer.Equal(public(testKey(1))) {
		t.Errorf("it takes itself for %x", i.res.Peer)
	}

	ki, _ := keyPair(t)
	attach := body(t, ki.Attach(nil, nonce(1)), MessageAttach)
	before := *ki
	if err := ki.Attached(nil, nonce(1), attach[idSize+8:]); err == nil || *ki != before {
		t.Errorf("ATTACH as ATTACHED: %v", err)
	}
}

// TestMiddleReplaysAttach plays attaches of before: of earlier epochs, of other carriers, and made with secrets that have been
// replaced since.
func TestMiddleReplaysAttach(t *testing.T) {
	i, r := keyPair(t)
	first := *i
	var recorded [][]byte
	for k := range 4 {
		binding := []byte{byte(k)}
		msg := body(t, i.Attach(binding, nonce(byte(k))), MessageAttach)
		recorded = append(recorded, msg)
		answer, _, err := r.Answer(binding, nonce(byte(50+k)), msg)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Attached(binding, nonce(byte(k)), body(t, answer, MessageAttached)); err != nil {
			t.Fatal(err)
		}
		r.Done()
		before := *r
		for old, msg := range recorded {
			for _, binding := range [][]byte{nil, {byte(old)}, {99}} {
				if _, _, err := r.Answer(binding, nonce(60), msg); err == nil || *r != before {
					t.Errorf("ATTACH %d after ATTACH %d with binding %x: %v", old, k, binding, err)
				}
			}
		}
		// Who learns the first secret later has nothing by it.
		stolen := first
		stolen.Epoch = 1000
		var h *HandshakeError
		_, _, err = r.Answer([]byte{99}, nonce(61), body(t, stolen.Attach([]byte{99}, nonce(62)), MessageAttach))
		if !errors.As(err, &h) || h.Message != MessageAttach || *r != before {
			t.Errorf("an ATTACH with the first secret after ATTACH %d: %v", k, err)
		}
	}
}

// TestMiddleKeepsAttach: the middle keeps an ATTACH from arriving. It is good for nothing on another carrier, and once a later one has
// arrived it is good for nothing at all, though the secret is still the same.
func TestMiddleKeepsAttach(t *testing.T) {
	i, r := keyPair(t)
	kept := body(t, i.Attach([]byte("a"), nonce(1)), MessageAttach)
	before := *r
	for _, binding := range [][]byte{nil, []byte("b"), []byte("aa")} {
		_, _, err := r.Answer(binding, nonce(2), kept)
		var h *HandshakeError
		if !errors.As(err, &h) || *r != before {
			t.Errorf("with binding %q: %v", binding, err)
		}
	}
	later := body(t, i.Attach([]byte("a"), nonce(3)), MessageAttach)
	if _, _, err := r.Answer([]byte("a"), nonce(4), later); err != nil {
		t.Fatal(err)
	}
	before = *r
	for name, msg := range map[string][]byte{"the kept one": kept, "the same again": later} {
		if _, refused, err := r.Answer([]byte("a"), nonce(5), msg); err == nil || refused != RefusedFenced || *r != before {
			t.Errorf("%s: %v, %v", name, refused, err)
		}
	}
}
