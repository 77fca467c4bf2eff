package bench

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"time"
)

// bareTLS is a TLS 1.3 connection over TCP for each stream, each with a full handshake.
type bareTLS struct {
	// mutual makes both ends show an ed25519 key and check the other's, as a bridge's handshake does; else only the server shows
	// a certificate, and nobody checks it.
	mutual bool
}

// protocol is what both ends name in ALPN.
const protocol = "bench"

type tlsClient struct {
	addr   string
	config *tls.Config
}

func (s bareTLS) Listen(handle func(net.Conn)) (server, error) {
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	return tcp{}.Listen(func(c net.Conn) { handle(tls.Server(c, config)) })
}

func (s bareTLS) Connect(addr string) (client, error) {
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	return tlsClient{addr, config}, nil
}

func (c tlsClient) Open() (net.Conn, error) {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	return tls.Client(conn, c.config), nil // the first Write makes the handshake
}

func (c tlsClient) Close() error { return nil }

// config is the same at both ends.
func (s bareTLS) config() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{protocol},
		// The other end made its certificate a moment ago on this machine: there is nobody who could vouch for it.
		InsecureSkipVerify: true,
		// Nobody resumes, so tickets would only cost.
		SessionTicketsDisabled: true,
		// Small records at the beginning are for browsers.
		DynamicRecordSizingDisabled: true,
	}
	if !s.mutual {
		cert, err := selfSigned()
		config.Certificates = []tls.Certificate{cert}
		return config, err
	}
	key := benchKey(0)
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{cert}
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		peer, err := x509.ParseCertificate(raw[0])
		if err != nil {
			return err
		}
		if !publicKey(0).Equal(peer.PublicKey) {
			return errors.New("the peer's key is not the one expected")
		}
		return nil
	}
	return config, nil
}

// benchKey is an identity that both processes know.
func benchKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func publicKey(n byte) ed25519.PublicKey { return benchKey(n).Public().(ed25519.PublicKey) }

// selfSigned makes a certificate of the kind that is cheapest to check.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	return certificate(key)
}

func certificate(key crypto.Signer) (tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
