package bridge

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Result is what a completed handshake yields to both ends.
type Result struct {
	ID       ID
	Secret   [32]byte          // the bridge's first secret
	Peer     ed25519.PublicKey // proved
	Settings Settings          // of the peer
}

// SeedSize is the number of random octets that one handshake takes: they come in, so that a handshake can be replayed in tests.
const SeedSize = nonceSize + shareSize + idSize

// Initiator is the initiator's side of a first handshake: HELLO, WELCOME, PROOF.
type Initiator struct {
	key     ed25519.PrivateKey
	share   *ecdh.PrivateKey
	binding []byte
	hello   []byte // as sent
}

// NewInitiator begins a handshake on a carrier with this channel binding (nil if it has none) and returns the HELLO, which follows
// the Magic. seed is SeedSize random octets, used nowhere else.
func NewInitiator(key ed25519.PrivateKey, s Settings, binding, seed []byte) (*Initiator, []byte) {
	i := &Initiator{key: key, binding: bytes.Clone(binding), share: newShare(seed[nonceSize:])}
	h := hello{Nonce: seed[:nonceSize], Share: i.share.PublicKey().Bytes(), Key: public(key), Settings: s}
	i.hello = h.append(nil)
	return i, i.hello
}

// Welcome takes the body of the responder's WELCOME and returns the PROOF to send. The caller decides whether Result.Peer is whom
// it wanted before it sends the PROOF.
func (i *Initiator) Welcome(body []byte) (proof []byte, res Result, err error) {
	w, signed, err := parseWelcome(body)
	if err != nil {
		return nil, res, err
	}
	shared, err := exchange(i.share, w.Share)
	if err != nil {
		return nil, res, handshakeErr(MessageWelcome, "%v", err)
	}
	th := transcript(i.binding, i.hello, signed)
	if !ed25519.Verify(w.Key, signedText("responder", th), w.Signature) {
		return nil, res, handshakeErr(MessageWelcome, "the responder's signature does not fit: the message or the carrier's binding was changed on the way")
	}
	keys := deriveKeys(shared, th)
	if !hmac.Equal(mac(keys.responder, th), w.MAC) {
		return nil, res, handshakeErr(MessageWelcome, "the responder does not hold the secret that it signed for")
	}
	res = Result{ID: w.ID, Secret: keys.secret, Peer: bytes.Clone(w.Key), Settings: w.Settings}
	body = append(ed25519.Sign(i.key, signedText("initiator", th, w.Signature)), mac(keys.initiator, th, w.Signature)...)
	return appendMessage(nil, MessageProof, body), res, nil
}

// Responder is the responder's side of a first handshake.
type Responder struct {
	result Result
	keys   sessionKeys
	th     []byte
	sig    []byte
}

// NewResponder takes the body of an initiator's HELLO and returns the WELCOME. The initiator has proved nothing by then.
func NewResponder(key ed25519.PrivateKey, s Settings, binding, body, seed []byte) (*Responder, []byte, error) {
	h, err := parseHello(body)
	if err != nil {
		return nil, nil, err
	}
	share := newShare(seed[nonceSize:])
	shared, err := exchange(share, h.Share)
	if err != nil {
		return nil, nil, handshakeErr(MessageHello, "%v", err)
	}
	w := welcome{Nonce: seed[:nonceSize], Share: share.PublicKey().Bytes(), Key: public(key), Settings: s}
	copy(w.ID[:], seed[nonceSize+shareSize:])
	th := transcript(binding, appendMessage(nil, MessageHello, body), w.appendSigned(nil))
	keys := deriveKeys(shared, th)
	w.Signature = ed25519.Sign(key, signedText("responder", th))
	w.MAC = mac(keys.responder, th)
	r := &Responder{keys: keys, th: th, sig: w.Signature}
	r.result = Result{ID: w.ID, Secret: keys.secret, Peer: bytes.Clone(h.Key), Settings: h.Settings}
	return r, w.append(nil), nil
}

// Proof takes the body of the initiator's PROOF.
func (r *Responder) Proof(body []byte) (Result, error) {
	if len(body) != sigSize+macSize {
		return Result{}, handshakeErr(MessageProof, "wrong length")
	}
	sig, m := body[:sigSize], body[sigSize:]
	if !ed25519.Verify(r.result.Peer, signedText("initiator", r.th, r.sig), sig) {
		return Result{}, handshakeErr(MessageProof, "the initiator's signature does not fit")
	}
	if !hmac.Equal(mac(r.keys.initiator, r.th, r.sig), m) {
		return Result{}, handshakeErr(MessageProof, "the initiator does not hold the secret that it signed for")
	}
	return r.result, nil
}

// Refusal says why a responder refused a HELLO or an ATTACH.
type Refusal uint8

const (
	RefusedVersion      Refusal = 1 // the protocol's version is not spoken here
	RefusedUnknown      Refusal = 2 // no such bridge: the responder was restarted
	RefusedExpired      Refusal = 3 // the bridge's retention has passed
	RefusedFenced       Refusal = 4 // a carrier with this epoch or a later one was attached
	RefusedUnauthorised Refusal = 5 // the initiator's key is not, or no longer, admitted
	RefusedCongestion   Refusal = 6 // a limit was reached; later may be better
	RefusedShutdown     Refusal = 7 // the responder is closing
)

var refusalNames = [...]string{"", "version not spoken", "bridge unknown", "bridge expired", "fenced by a later carrier", "key not admitted",
	"too many bridges or handshakes", "shutting down"}

func (r Refusal) String() string {
	if r > 0 && int(r) < len(refusalNames) {
		return refusalNames[r]
	}
	return fmt.Sprintf("refusal %d", uint8(r))
}

// Final tells whether a bridge that was refused so cannot be attached to again.
func (r Refusal) Final() bool {
	return r == RefusedVersion || r == RefusedUnknown || r == RefusedExpired || r == RefusedFenced || r == RefusedUnauthorised
}

// RefusedError is a responder's REFUSED.
type RefusedError struct {
	Refusal Refusal
	Text    string
	// Key has signed it, for this very request; nil if the signature does not fit. A bridge ends only by a refusal of the
	// responder's key, or of one that would be accepted in its place.
	Key ed25519.PublicKey
}

func (e *RefusedError) Error() string {
	if e.Text != "" {
		return fmt.Sprintf("bridge: refused: %v: %s", e.Refusal, e.Text)
	}
	return fmt.Sprintf("bridge: refused: %v", e.Refusal)
}

// Refuse makes the REFUSED for a request (the body of a HELLO or ATTACH; nil where there is none), signed so that nobody else
// can end a bridge with it.
func Refuse(key ed25519.PrivateKey, r Refusal, text string, binding, request []byte) []byte {
	text = text[:min(len(text), MaxMessage-1-keySize-sigSize)]
	sig := ed25519.Sign(key, refusedText(r, text, binding, request))
	return appendMessage(nil, MessageRefused, bytes.Join([][]byte{{byte(r)}, public(key), sig, []byte(text)}, nil))
}

// ParseRefused reads a REFUSED that answered this request.
func ParseRefused(body []byte, binding, request []byte) *RefusedError {
	r := reader{b: body}
	code, key, sig := Refusal(r.take(1)[0]), r.take(keySize), r.take(sigSize)
	e := &RefusedError{Refusal: code, Text: printable(r.b)}
	if !r.short && ed25519.Verify(key, refusedText(code, string(r.b), binding, request), sig) {
		e.Key = bytes.Clone(key)
	}
	return e
}

// printable keeps a peer's text from playing tricks on a terminal or a log.
func printable(b []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, b))
}

func refusedText(r Refusal, text string, binding, request []byte) []byte {
	return bytes.Join([][]byte{[]byte("tenuto refused\x00"), transcript(binding, request, nil), {byte(r)}, []byte(text)}, nil)
}

// sessionKeys is what the Diffie-Hellman exchange gives, bound to all that was said.
type sessionKeys struct {
	secret               [32]byte
	initiator, responder []byte
}

func deriveKeys(shared, th []byte) (k sessionKeys) {
	copy(k.secret[:], expand(shared, th, "tenuto bridge secret"))
	k.initiator = expand(shared, th, "tenuto initiator mac")
	k.responder = expand(shared, th, "tenuto responder mac")
	return k
}

func expand(secret, salt []byte, info string) []byte {
	k, err := hkdf.Key(sha256.New, secret, salt, info, 32)
	if err != nil {
		panic("BUG: bridge: hkdf: " + err.Error())
	}
	return k
}

// transcript hashes the binding and the two messages, each behind its length, so that no two ways of cutting them agree.
func transcript(parts ...[]byte) []byte {
	h := sha256.New()
	h.Write([]byte(Magic))
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write(p)
	}
	return h.Sum(nil)
}

func signedText(role string, parts ...[]byte) []byte {
	return append([]byte("tenuto "+role+"\x00"), bytes.Join(parts, nil)...)
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func newShare(seed []byte) *ecdh.PrivateKey {
	k, err := ecdh.X25519().NewPrivateKey(seed[:shareSize])
	if err != nil {
		panic("BUG: bridge: X25519 key: " + err.Error())
	}
	return k
}

// exchange fails if the peer's share is one of the few points that would make the secret known to everybody.
func exchange(k *ecdh.PrivateKey, share []byte) ([]byte, error) {
	p, err := ecdh.X25519().NewPublicKey(share)
	if err != nil {
		return nil, err
	}
	return k.ECDH(p)
}
