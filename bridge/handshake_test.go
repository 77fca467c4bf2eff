package bridge

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"
)

var simStart = time.Unix(1e9, 0)

func testKey(b byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)) }

func testSeed(b byte) []byte { return bytes.Repeat([]byte{b}, SeedSize) }

var testSettings = Settings{Credit: MinCredit, Heartbeat: 20 * time.Second, Retention: time.Hour, Streams: 100, Simplex: true}

// plain is the channel of a carrier without security of its own.
var plain Channel

// bound is the channel of one that has some.
func bound(binding string) Channel {
	if binding == "" {
		return plain
	}
	secret := sha256.Sum256([]byte("known to both ends of " + binding))
	return Channel{Binding: []byte(binding), Secret: secret[:]}
}

// channels are one of each kind.
var channels = []Channel{plain, bound("b")}

// body is a message without its header.
func body(t testing.TB, msg []byte, want MessageType) []byte {
	t.Helper()
	mt, b, n, err := ParseMessage(msg)
	if err != nil || n != len(msg) || mt != want {
		t.Fatalf("%v of %d octets parses as %v, %d, %v", want, len(msg), mt, n, err)
	}
	return b
}

// shake runs a first handshake; change may alter each message on its way.
func shake(t testing.TB, chI, chR Channel, change func(MessageType, []byte)) (i, r Result, err error) {
	t.Helper()
	hs, hello := NewInitiator(testKey(1), testSettings, chI, testSeed(1))
	pass := func(msg []byte, mt MessageType) []byte {
		b := bytes.Clone(body(t, msg, mt))
		if change != nil {
			change(mt, b)
		}
		return b
	}
	resp, welcome, err := NewResponder(testKey(2), testSettings, chR, pass(hello, MessageHello), testSeed(2))
	if err != nil {
		return i, r, err
	}
	proof, i, err := hs.Welcome(pass(welcome, MessageWelcome))
	if err != nil {
		return i, r, err
	}
	r, err = resp.Proof(pass(proof, MessageProof))
	return i, r, err
}

func TestHandshake(t *testing.T) {
	for _, ch := range channels {
		i, r, err := shake(t, ch, ch, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i.ID != r.ID || i.Secret != r.Secret || i.Secret == [32]byte{} || bytes.Equal(i.Secret[:], ch.Secret) {
			t.Error("the ends do not agree on a secret of their own")
		}
		if !i.Peer.Equal(testKey(2).Public()) || !r.Peer.Equal(testKey(1).Public()) {
			t.Error("the ends do not know each other")
		}
		if i.Settings != testSettings || r.Settings != testSettings {
			t.Errorf("settings %+v and %+v, want %+v", i.Settings, r.Settings, testSettings)
		}
	}
}

// TestHandshakeChanged: whatever octet of whatever message is changed on the way, one end refuses (B3).
func TestHandshakeChanged(t *testing.T) {
	for _, ch := range channels {
		sizes := map[MessageType]int{}
		shake(t, ch, ch, func(mt MessageType, b []byte) { sizes[mt] = len(b) })
		for mt, size := range sizes {
			for at := range size {
				_, _, err := shake(t, ch, ch, func(m MessageType, b []byte) {
					if m == mt {
						b[at] ^= 1
					}
				})
				if err == nil {
					t.Fatalf("channel %s: %v with octet %d changed was accepted", ch.Binding, mt, at)
				}
			}
		}
		if len(sizes) != 3 {
			t.Errorf("saw %d messages", len(sizes))
		}
	}
}

func TestHandshakeBinding(t *testing.T) {
	for _, b := range [][2]string{{"a", "b"}, {"a", ""}, {"", "b"}} {
		for _, secret := range [][]byte{nil, bound("b").Secret} {
			chI, chR := Channel{[]byte(b[0]), secret}, Channel{[]byte(b[1]), secret}
			if _, _, err := shake(t, chI, chR, nil); err == nil {
				t.Errorf("bindings %q and %q were accepted", b[0], b[1])
			}
		}
	}
}

// TestHandshakeSecret: one end alone has a channel with a secret, or the ends have two secrets. The responder has no bridge, and the
// end that finds out says why.
func TestHandshakeSecret(t *testing.T) {
	one, other := bound("b"), bound("b")
	other.Secret = bound("other").Secret
	bare := Channel{Binding: one.Binding}
	for name, c := range map[string]struct {
		i, r    Channel
		text    string
		refusal Refusal
	}{
		"at the initiator only": {one, bare, "the initiator's carrier has a", RefusedBinding},
		"at the responder only": {bare, one, "the responder's carrier has a", RefusedBinding},
		"two secrets":           {one, other, "does not hold the secret", 0},
	} {
		_, _, err := shake(t, c.i, c.r, nil)
		var h *HandshakeError
		if !errors.As(err, &h) || !strings.Contains(h.Text, c.text) || h.Refusal != c.refusal {
			t.Errorf("%s: %v, %+v", name, err, h)
		}
	}

	// Not even a responder that breaks the rule has the initiator's exchange instead of the secret: its WELCOME has a share.
	hs, hello := NewInitiator(testKey(1), testSettings, one, testSeed(1))
	w := welcome{Nonce: nonce(2), Key: public(testKey(2)), Settings: testSettings}
	_, w.Share = plain.newShare(testSeed(2))
	w.Signature = ed25519.Sign(testKey(2), signedText("responder", transcript(one.Binding, hello, w.appendSigned(nil))))
	w.MAC = make([]byte, macSize)
	if _, _, err := hs.Welcome(body(t, w.append(nil), MessageWelcome)); err == nil || !strings.Contains(err.Error(), "the initiator's carrier has a") {
		t.Errorf("a WELCOME with a share that nobody asked for: %v", err)
	}
}

// TestHandshakeWeakShare: a share that makes everybody know the secret is refused.
func TestHandshakeWeakShare(t *testing.T) {
	_, _, err := shake(t, plain, plain, func(mt MessageType, b []byte) {
		if mt == MessageHello {
			clear(b[nonceSize+1 : nonceSize+1+shareSize])
		}
	})
	var h *HandshakeError
	if !errors.As(err, &h) || h.Message != MessageHello {
		t.Errorf("got %v", err)
	}
}

func TestRefuse(t *testing.T) {
	request := []byte("the request")
	msg := Refuse(testKey(2), RefusedUnknown, "restarted\x1b[31m", nil, request)
	e := ParseRefused(body(t, msg, MessageRefused), nil, request)
	if !e.Key.Equal(testKey(2).Public()) || e.Refusal != RefusedUnknown || e.Text != "restarted?[31m" {
		t.Errorf("got %+v", e)
	}
	other := bytes.Clone(body(t, msg, MessageRefused))
	copy(other[1:], testKey(3).Public().(ed25519.PublicKey))
	for name, e := range map[string]*RefusedError{
		"another request": ParseRefused(body(t, msg, MessageRefused), nil, []byte("other")),
		"another binding": ParseRefused(body(t, msg, MessageRefused), []byte("b"), request),
		"another key":     ParseRefused(other, nil, request),
		"cut off":         ParseRefused(body(t, msg, MessageRefused)[:40], nil, request),
		"empty":           ParseRefused(nil, nil, request),
	} {
		if e.Key != nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// keyPair is both ends' keys after a first handshake.
func keyPair(t testing.TB) (i, r *Keys) {
	a, b, err := shake(t, plain, plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	ki, kr := NewKeys(a), NewKeys(b)
	return &ki, &kr
}

func nonce(b byte) []byte { return bytes.Repeat([]byte{b}, nonceSize) }

func TestAttachKeys(t *testing.T) {
	i, r := keyPair(t)
	first := r.Secret
	msg := body(t, i.Attach(nil, nonce(1)), MessageAttach)
	answer, refused, err := r.Answer(nil, nonce(2), msg)
	if err != nil || refused != 0 {
		t.Fatal(refused, err)
	}
	if err := i.Attached(nil, nonce(1), body(t, answer, MessageAttached)); err != nil {
		t.Fatal(err)
	}
	r.Done()
	if i.Secret != r.Secret || i.Secret == first || r.Unsure {
		t.Error("the secret was not ratcheted")
	}
	if i.Epoch != 2 || r.Epoch != 2 {
		t.Errorf("epochs %d and %d", i.Epoch, r.Epoch)
	}
	// Lesson 10: the same ATTACH again is fenced, and changes nothing.
	before := *r
	if _, refused, err := r.Answer(nil, nonce(3), msg); err == nil || *r != before {
		t.Errorf("replayed: %v, %v", refused, err)
	}
}

// TestAttachChanged: Lesson 13. An ATTACH or ATTACHED with any octet changed, or on another carrier, is refused and changes nothing (B3).
func TestAttachChanged(t *testing.T) {
	i, r := keyPair(t)
	msg := body(t, i.Attach([]byte("b"), nonce(1)), MessageAttach)
	before := *r
	for at := range msg {
		forged := bytes.Clone(msg)
		forged[at] ^= 1
		if _, _, err := r.Answer([]byte("b"), nonce(2), forged); err == nil || *r != before {
			t.Fatalf("octet %d changed: %v", at, err)
		}
	}
	if _, _, err := r.Answer(nil, nonce(2), msg); err == nil || *r != before {
		t.Fatalf("without its binding: %v", err)
	}
	answer, _, err := r.Answer([]byte("b"), nonce(2), msg)
	if err != nil {
		t.Fatal(err)
	}
	reply := body(t, answer, MessageAttached)
	mine := *i
	for at := range reply {
		forged := bytes.Clone(reply)
		forged[at] ^= 1
		if err := i.Attached([]byte("b"), nonce(1), forged); err == nil || *i != mine {
			t.Fatalf("ATTACHED with octet %d changed: %v", at, err)
		}
	}
	if err := i.Attached([]byte("b"), nonce(1), reply); err != nil {
		t.Fatal(err)
	}
}

// TestAttachLost: Lesson 26. ATTACHED may be lost any number of times, and the next ATTACH is accepted all the same.
func TestAttachLost(t *testing.T) {
	for lost := range 4 {
		i, r := keyPair(t)
		for k := range lost + 1 {
			n := nonce(byte(10 + k))
			answer, refused, err := r.Answer(nil, nonce(byte(20+k)), body(t, i.Attach(nil, n), MessageAttach))
			if err != nil || refused != 0 {
				t.Fatalf("attach %d: %v, %v", k, refused, err)
			}
			if k < lost {
				continue
			}
			if err := i.Attached(nil, n, body(t, answer, MessageAttached)); err != nil {
				t.Fatal(err)
			}
		}
		// DONE is lost as well; the next ATTACH proves that ATTACHED arrived.
		answer, _, err := r.Answer(nil, nonce(2), body(t, i.Attach(nil, nonce(1)), MessageAttach))
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Attached(nil, nonce(1), body(t, answer, MessageAttached)); err != nil {
			t.Fatal(err)
		}
		if r.Done(); i.Secret != r.Secret {
			t.Error("the secrets differ")
		}
	}
}

// TestAttachReordered: Lesson 10. Attaches that overtake each other leave the newest one the owner (B2).
func TestAttachReordered(t *testing.T) {
	i, r := keyPair(t)
	old := body(t, i.Attach(nil, nonce(1)), MessageAttach)
	new := body(t, i.Attach(nil, nonce(2)), MessageAttach)
	answer, _, err := r.Answer(nil, nonce(3), new)
	if err != nil {
		t.Fatal(err)
	}
	if _, refused, err := r.Answer(nil, nonce(4), old); err == nil || refused != RefusedFenced {
		t.Errorf("the older one: %v, %v", refused, err)
	}
	if err := i.Attached(nil, nonce(2), body(t, answer, MessageAttached)); err != nil {
		t.Error(err)
	}
}

func FuzzMessages(f *testing.F) {
	hs, hello := NewInitiator(testKey(1), testSettings, plain, testSeed(1))
	resp, welcome, _ := NewResponder(testKey(2), testSettings, plain, body(f, hello, MessageHello), testSeed(2))
	proof, _, _ := hs.Welcome(body(f, welcome, MessageWelcome))
	i, r := keyPair(f)
	attach := i.Attach(nil, nonce(1))
	attached, _, _ := r.Answer(nil, nonce(2), body(f, attach, MessageAttach))
	for _, m := range [][]byte{hello, welcome, proof, attach, attached, Refuse(testKey(2), RefusedUnknown, "text", nil, nil)} {
		f.Add(m)
	}
	_, short := NewInitiator(testKey(1), testSettings, bound("b"), testSeed(1))
	f.Add(short)
	f.Fuzz(func(t *testing.T, b []byte) {
		mt, body, n, err := ParseMessage(b)
		if err != nil || n == 0 {
			return
		}
		if n > len(b) || len(body) > MaxMessage {
			t.Fatalf("%v: %d octets of %d", mt, n, len(b))
		}
		switch mt {
		case MessageHello:
			if _, again, err := NewResponder(testKey(2), testSettings, plain, body, testSeed(3)); err == nil {
				if h, err := parseHello(body); err != nil || len(again) == 0 {
					t.Fatalf("%+v: %v", h, err)
				}
			}
		case MessageWelcome:
			hs.Welcome(body)
		case MessageProof:
			resp.Proof(body)
		case MessageAttach:
			k := *r
			if _, _, err := k.Answer(nil, nonce(5), body); err != nil && k != *r {
				t.Fatal("a refused ATTACH changed something")
			}
		case MessageAttached:
			i.Attached(nil, nonce(1), body)
		case MessageRefused:
			ParseRefused(body, nil, nil)
		}
	})
}
