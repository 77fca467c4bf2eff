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

// Channel is what the carrier's own security gives to a first handshake on it; both are nil on a carrier that has none.
type Channel struct {
	Binding []byte // the channel binding
	// Secret is 32 octets that only the two ends of the carrier have. The bridge's secret is made of it, and else of an exchange of
	// the handshake's own. docs/adr/0028.
	Secret []byte
}

// SeedSize is the number of random octets that one handshake takes: they come in, so that a handshake can be replayed in tests.
const SeedSize = nonceSize + shareSize + idSize

// Initiator is the initiator's side of a first handshake: HELLO, WELCOME, PROOF.
type Initiator struct {
	key   ed25519.PrivateKey
	ch    Channel
	share *ecdh.PrivateKey // nil if the channel has a secret
	hello []byte           // as sent
}

// NewInitiator begins a handshake on a carrier with this channel and returns the HELLO, which follows the Magic. seed is SeedSize
// random octets, used nowhere else.
func NewInitiator(key ed25519.PrivateKey, s Settings, ch Channel, seed []byte) (*Initiator, []byte) {
	i := &Initiator{key: key, ch: ch}
	h := hello{Nonce: seed[:nonceSize], Key: public(key), Settings: s}
	i.share, h.Share = ch.newShare(seed)
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
	shared, err := i.ch.agree(MessageWelcome, i.share, w.Share)
	if err != nil {
		return nil, res, err
	}
	th := transcript(i.ch.Binding, i.hello, signed)
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
func NewResponder(key ed25519.PrivateKey, s Settings, ch Channel, body, seed []byte) (*Responder, []byte, error) {
	h, err := parseHello(body)
	if err != nil {
		return nil, nil, err
	}
	w := welcome{Nonce: seed[:nonceSize], Key: public(key), Settings: s}
	var share *ecdh.PrivateKey
	share, w.Share = ch.newShare(seed)
	shared, err := ch.agree(MessageHello, share, h.Share)
	if err != nil {
		return nil, nil, err
	}
	copy(w.ID[:], seed[nonceSize+shareSize:])
	th := transcript(ch.Binding, appendMessage(nil, MessageHello, body), w.appendSigned(nil))
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
	RefusedBinding      Refusal = 8 // one end's carrier has a channel binding, and the other's has none
)

var refusalNames = [...]string{"", "version not spoken", "bridge unknown", "bridge expired", "fenced by a later carrier", "key not admitted",
	"too many bridges or handshakes", "shutting down", "channel binding at one end only"}

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

// newShare makes a share of an exchange, on a channel that has no secret of its own. seed is a handshake's.
func (ch Channel) newShare(seed []byte) (k *ecdh.PrivateKey, public []byte) {
	if ch.Secret != nil {
		return nil, nil
	}
	k, err := ecdh.X25519().NewPrivateKey(seed[nonceSize : nonceSize+shareSize])
	if err != nil {
		panic("BUG: bridge: X25519 key: " + err.Error())
	}
	return k, k.PublicKey().Bytes()
}

// agree returns the secret that both ends have: the channel's, or else what the own share and the peer's make. An end knows by its
// own carrier which of them it is, and takes nothing else: there is no choice that somebody between could make for it.
func (ch Channel) agree(t MessageType, own *ecdh.PrivateKey, share []byte) ([]byte, error) {
	if bound, peerBound := ch.Secret != nil, len(share) == 0; bound != peerBound {
		has, lacks := "initiator", "responder"
		if bound == (t == MessageHello) { // it is the responder who finds out
			has, lacks = lacks, has
		}
		return nil, &HandshakeError{t, "the " + has + "'s carrier has a channel binding, and the " + lacks + "'s has none", RefusedBinding}
	}
	if ch.Secret != nil {
		return ch.Secret, nil
	}
	p, err := ecdh.X25519().NewPublicKey(share)
	if err != nil {
		return nil, handshakeErr(t, "%v", err)
	}
	shared, err := own.ECDH(p) // fails if the share is one of the few that would make the secret known to everybody
	if err != nil {
		return nil, handshakeErr(t, "%v", err)
	}
	return shared, nil
}

// sessionKeys is what the secret that both ends have gives, bound to all that was said.
type sessionKeys struct {
	secret               [32]byte
	initiator, responder []byte
}

func deriveKeys(shared, th []byte) (k sessionKeys) {
	prk := extract(shared, th)
	copy(k.secret[:], expand(prk, "tenuto bridge secret"))
	k.initiator = expand(prk, "tenuto initiator mac")
	k.responder = expand(prk, "tenuto responder mac")
	return k
}

// kdf is docs/wire/bridge.md's KDF; extract and expand are its halves (RFC 5869 2.2, 2.3).
func kdf(secret, salt []byte, info string) []byte { return expand(extract(secret, salt), info) }

func extract(secret, salt []byte) []byte {
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic("BUG: bridge: hkdf: " + err.Error())
	}
	return prk
}

func expand(prk []byte, info string) []byte {
	k, err := hkdf.Expand(sha256.New, prk, info, 32)
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
