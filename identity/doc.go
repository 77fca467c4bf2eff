// Package identity keeps ed25519 keys in files as people know them from SSH: one's own key, the servers one has met, and the
// clients one admits.
//
//	store, err := identity.Open(identity.Config{})       // the user's own folder
//	key, err := store.Key()                              // made at first use
//	err = store.Verify("tenuto://example.org/db", peer)  // a server that was dialled: noted when met first, refused when changed
//	err = store.Admit("tenuto://:7225", peer, "db")      // a client that came, and what it wants
//
// A folder holds three files, of lines but for the first:
//
//	identity          the private key, PKCS#8 in PEM ("PRIVATE KEY"), mode 0600
//	known_peers       HOST:PORT ed25519 BASE64 [comment]
//	authorized_keys   [services="a,b"] ed25519 BASE64 [comment]
//
// BASE64 is of the key's 32 octets. HOST is in lower case, an IPv6 address in brackets; the port is always there, and the scheme
// of the URL does not matter. A host may have several lines while its key is replaced: any of them holds. A line without services
// admits to all of them; the lines of one key add up. Blank lines, and lines that begin with #, say nothing. A damaged line is
// logged by its number with the reason, and the others hold.
//
// The store's own key needs no line: serve and forward of one user know each other, unless known_peers has another key for the
// address. Nor does anything over a Unix socket, whose mode says who may connect.
//
// The files are looked at for each question and read anew when they have changed. On Unix systems a private key that others can
// read is refused, as is any file that others could change, and the sentence says what to run.
//
// # Cancellation
//
// Nothing waits for a network. A note in known_peers waits for other processes that make one at the same moment.
//
// # Limitations
//
// Windows has no mode bits, so nothing is checked there. Where files cannot be locked (Solaris, AIX, Plan 9), two processes that
// meet a server for the first time at the same moment may both note it. Host names are not hashed, and private keys have no
// passphrase.
package identity
