package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"unicode"
)

// kind is the one kind of key there is, and the word that says so in a line.
const kind = "ed25519"

// MaxService is how many octets the name of a service may have: it is a session selector. X.225 8.3.1
const MaxService = 16

// strict gives each key one text: bits that no octet needs are zero.
var strict = base64.StdEncoding.Strict()

// Fingerprint is what people compare a key by: SHA256: and the unpadded base64 of the SHA-256 of its 32 octets.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// FormatPublic is the line of a public key, without a newline: ed25519 BASE64, and the comment if there is one. The line is also
// one of authorized_keys, which admits the key to every service.
func FormatPublic(key ed25519.PublicKey, comment string) string {
	line := kind + " " + strict.EncodeToString(key)
	if comment = oneLine(comment); comment != "" {
		line += " " + comment
	}
	return line
}

// DefaultComment is user@host of who runs the process, to tell lines apart by.
func DefaultComment() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		// Windows puts the domain in front.
		name = u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// ParsePublic reads a line of FormatPublic.
func ParsePublic(line string) (key ed25519.PublicKey, comment string, err error) {
	key, comment, err = parseKey(line)
	if err != nil {
		return nil, "", fmt.Errorf("identity: public key: %w", err)
	}
	return key, comment, nil
}

// What is wrong with a line. None of these quotes it: what was pasted into the wrong file may be a private key.
var (
	errKind     = errors.New(`"ed25519" and a key are expected`)
	errSSH      = errors.New(`an SSH key in its place; wanted is "ed25519" and the key as tenuto id prints them`)
	errNoKey    = errors.New(`after "ed25519" the key is missing`)
	errBase64   = errors.New("the key is not base64")
	errSize     = fmt.Errorf("the key does not have %d octets", ed25519.PublicKeySize)
	errAddress  = errors.New("HOST:PORT is expected, the host in lower case and the port from 1 to 65535")
	errOption   = errors.New(`an option that is not services="…"`)
	errQuote    = errors.New(`services="…" lacks a quote, or the space after it`)
	errServices = fmt.Errorf("services must name services of 1 to %d octets, with a comma between two", MaxService)
	errLong     = fmt.Errorf("the line has more than %d octets", maxLine)
)

// parseKey reads ed25519 BASE64 [comment].
func parseKey(text string) (key ed25519.PublicKey, comment string, err error) {
	word, rest := cutWord(text)
	switch {
	case strings.HasPrefix(word, "ssh-") || strings.HasPrefix(word, "ecdsa-"):
		return nil, "", errSSH
	case word != kind:
		return nil, "", errKind
	}
	word, rest = cutWord(rest)
	if word == "" {
		return nil, "", errNoKey
	}
	b, err := strict.DecodeString(word)
	if err != nil {
		return nil, "", errBase64
	}
	if len(b) != ed25519.PublicKeySize {
		return nil, "", errSize
	}
	return b, strings.TrimSpace(rest), nil
}

// peer is a line of known_peers. The address is there even if the rest is damaged.
type peer struct {
	address string
	key     ed25519.PublicKey
}

func parsePeer(text string) (p peer, err error) {
	word, rest := cutWord(text)
	if canonical, err := canonicalAddress(word); err != nil || canonical != word {
		return peer{}, errAddress
	}
	p.address = word
	p.key, _, err = parseKey(rest)
	return p, err
}

func formatPeer(address string, key ed25519.PublicKey) string {
	return address + " " + FormatPublic(key, "")
}

// admission is a line of authorized_keys.
type admission struct {
	services []string // nil is every service
	key      ed25519.PublicKey
}

const servicesOption = `services="`

func parseAdmission(text string) (a admission, err error) {
	if rest, ok := strings.CutPrefix(text, servicesOption); ok {
		names, rest, ok := strings.Cut(rest, `"`)
		if !ok || rest != "" && !isSpace(rest[0]) {
			return admission{}, errQuote
		}
		a.services = strings.Split(names, ",")
		if slices.ContainsFunc(a.services, func(s string) bool { return !isService(s) }) {
			return admission{}, errServices
		}
		text = rest
	} else if word, _ := cutWord(text); strings.HasPrefix(word, "services=") {
		return admission{}, errQuote
	} else if strings.Contains(word, `="`) {
		return admission{}, errOption
	}
	a.key, _, err = parseKey(text)
	return a, err
}

// formatAdmission limits the line to a service, unless that is empty or its name cannot stand there.
func formatAdmission(key ed25519.PublicKey, service string) string {
	line := FormatPublic(key, "")
	if isService(service) && !strings.Contains(service, ",") {
		line = servicesOption + service + `" ` + line
	}
	return line
}

// isService tells whether a name can stand between the quotes.
func isService(s string) bool {
	return s != "" && len(s) <= MaxService && !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || unicode.IsControl(r) })
}

// cutWord cuts the first word off.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) })
	for i := range len(s) {
		if isSpace(s[i]) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// oneLine makes a text harmless in a line: no control characters, single spaces.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
