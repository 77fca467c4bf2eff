package bridge

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
)

// Keys is a bridge's key material and the epoch of its newest carrier. Each attach ratchets the secret, so that who learns it later
// cannot forge an attach of before.
//
// The responder does not know whether its ATTACHED arrived until a DONE comes or the next ATTACH. Until then it holds the old secret
// and the candidate that follows from it, and accepts an ATTACH under either.
type Keys struct {
	ID        ID
	Secret    [32]byte
	Candidate [32]byte
	Unsure    bool // Candidate is there
	Epoch     uint64
}

// NewKeys is the state after a first handshake: its carrier has epoch 1.
func NewKeys(r Result) Keys { return Keys{ID: r.ID, Secret: r.Secret, Epoch: 1} }

// Attach begins an attach by the initiator: it raises the epoch and returns the ATTACH, which follows the Magic. nonce is 32 random
// octets, used nowhere else.
func (k *Keys) Attach(binding, nonce []byte) []byte {
	k.Epoch++
	a := attach{ID: k.ID, Epoch: k.Epoch, Nonce: nonce}
	a.MAC = mac(attachKey(k.Secret, "initiator"), a.macText(binding, nil))
	return a.append(nil)
}

// Attached ends the attach that began with this nonce: it verifies the body of the responder's ATTACHED.
func (k *Keys) Attached(binding, nonce, body []byte) error {
	if len(body) != nonceSize+macSize {
		return handshakeErr(MessageAttached, "wrong length")
	}
	a := attach{ID: k.ID, Epoch: k.Epoch, Nonce: nonce}
	answer := body[:nonceSize]
	if !hmac.Equal(mac(attachKey(k.Secret, "responder"), a.macText(binding, answer)), body[nonceSize:]) {
		return handshakeErr(MessageAttached, "the responder does not hold the bridge's secret")
	}
	k.Secret = ratchet(k.Secret, nonce, answer)
	return nil
}

// Answer verifies the body of an ATTACH for the responder and returns the ATTACHED. After an error nothing has changed; a
// Refusal other than 0 says what to answer, and with 0 the request was forged and no bridge may suffer by it.
func (k *Keys) Answer(binding, nonce, body []byte) (attached []byte, r Refusal, err error) {
	a, err := parseAttach(body)
	if err != nil {
		return nil, 0, err
	}
	secret, fromCandidate := k.Secret, false
	text := a.macText(binding, nil)
	if !hmac.Equal(mac(attachKey(secret, "initiator"), text), a.MAC) {
		secret, fromCandidate = k.Candidate, true
		if !k.Unsure || !hmac.Equal(mac(attachKey(secret, "initiator"), text), a.MAC) {
			return nil, 0, handshakeErr(MessageAttach, "the initiator does not hold the bridge's secret")
		}
	}
	if a.Epoch <= k.Epoch {
		return nil, RefusedFenced, handshakeErr(MessageAttach, "epoch %d, but %d was here", a.Epoch, k.Epoch)
	}
	if fromCandidate {
		k.Done()
	}
	k.Epoch = a.Epoch
	k.Candidate, k.Unsure = ratchet(secret, a.Nonce, nonce), true
	body = append(bytes.Clone(nonce), mac(attachKey(secret, "responder"), a.macText(binding, nonce))...)
	return appendMessage(nil, MessageAttached, body), 0, nil
}

// Done says that the initiator has accepted the newest ATTACHED: the old secret is forgotten.
func (k *Keys) Done() {
	if k.Unsure {
		k.Secret, k.Candidate, k.Unsure = k.Candidate, [32]byte{}, false
	}
}

// macText is what both MACs of an attach cover; answer is the responder's nonce.
func (a *attach) macText(binding, answer []byte) []byte {
	return transcript(binding, a.ID[:], binary.BigEndian.AppendUint64(nil, a.Epoch), a.Nonce, answer)
}

func attachKey(secret [32]byte, role string) []byte {
	return kdf(secret[:], nil, "tenuto attach "+role)
}

func ratchet(secret [32]byte, nonce, answer []byte) (next [32]byte) {
	copy(next[:], kdf(secret[:], append(bytes.Clone(nonce), answer...), "tenuto ratchet"))
	return next
}
