package identity

import (
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// PermissionError says that others than the user could read a private key, or change whom the user trusts.
type PermissionError struct {
	Path string
	Mode fs.FileMode // permission bits
	why  string      // what follows from it, and what to run
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("identity: %s has mode %#o, %s", e.Path, uint32(e.Mode), e.why)
}

// UnknownPeerError says that a server is not known, and that none is to be noted by itself (Config.Strict).
type UnknownPeerError struct {
	Address string // HOST:PORT
	Key     ed25519.PublicKey
	File    string // known_peers
	Line    string // what to add to File if the key is the server's
}

func (e *UnknownPeerError) Error() string {
	return fmt.Sprintf("identity: the server %s is not in %s, and unknown servers are refused (strict): its key is %s; if its administrator confirms that, add the line: %s",
		e.Address, e.File, Fingerprint(e.Key), e.Line)
}

// ChangedKeyError says that a server came with another key than the one it is known by.
type ChangedKeyError struct {
	Address string            // HOST:PORT
	Key     ed25519.PublicKey // what came
	File    string            // known_peers; empty if the server was met by this process and could not be noted
	Known   []KnownKey        // what was expected, at least one
}

// KnownKey is a key that a server is known by.
type KnownKey struct {
	Line int // number of the line, from 1; 0 if it is in no file
	Key  ed25519.PublicKey
}

func (e *ChangedKeyError) Error() string {
	var known []string
	for _, k := range e.Known {
		where := "met by this process"
		if k.Line > 0 {
			where = fmt.Sprintf("%s:%d", e.File, k.Line)
		}
		known = append(known, fmt.Sprintf("%s (%s)", Fingerprint(k.Key), where))
	}
	what := "restart this process"
	if e.File != "" {
		what = fmt.Sprintf("put this line in the place of the old one: %s", formatPeer(e.Address, e.Key))
	}
	return fmt.Sprintf("identity: THE KEY OF THE SERVER %s HAS CHANGED! Expected: %s. Came: %s. "+
		"Either somebody stands between you and the server, or it was given another key. The connection was given up before any data was sent. "+
		"If the server's administrator confirms the new key, %s.",
		e.Address, strings.Join(known, ", "), Fingerprint(e.Key), what)
}

// NotAdmittedError says that a client has no line in authorized_keys for what it wants. Its text may be shown to the client:
// it does not name the folder.
type NotAdmittedError struct {
	Key     ed25519.PublicKey
	Service string // what was asked for; empty is any service at all
	File    string // authorized_keys, with its folder
	Line    string // what to add to File to admit the key
}

func (e *NotAdmittedError) Error() string {
	to := ""
	if e.Service != "" {
		to = fmt.Sprintf(" to the service %q", e.Service)
	}
	return fmt.Sprintf("identity: the key %s is not admitted%s; to admit it, add to the server's %s the line: %s",
		Fingerprint(e.Key), to, filepath.Base(e.File), e.Line)
}
