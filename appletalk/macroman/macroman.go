// Package macroman is the character set of AppleTalk's names and the way in which they are compared (Inside AppleTalk, second edition,
// appendix D): without regard to case, but with regard to diacritical marks.
//
// Names are kept as the octets that are sent. Encode and Decode are for people.
package macroman

import (
	"fmt"
	"strings"
)

// high are the characters 0x80 to 0xFF. 0xF0 is Apple's logo, for which Unicode has no character but a private one.
var high = []rune("ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ")

// The characters that have an upper case, beside a to z: IA2 table D-2. Others that look as if they had one, such as è, have none.
var cases = [...][2]byte{
	{0x88, 0xCB}, {0x8A, 0x80}, {0x8B, 0xCC}, {0x8C, 0x81}, {0x8D, 0x82}, {0x8E, 0x83}, {0x96, 0x84},
	{0x9A, 0x85}, {0x9B, 0xCD}, {0x9F, 0x86}, {0xBE, 0xAE}, {0xBF, 0xAF}, {0xCF, 0xCE},
}

var (
	upper = uppers()
	codes = codesOf(high)
)

func uppers() (all [256]byte) {
	for i := range all {
		all[i] = byte(i)
	}
	for c := byte('a'); c <= 'z'; c++ {
		all[c] = c - 'a' + 'A'
	}
	for _, c := range cases {
		all[c[0]] = c[1]
	}
	return all
}

func codesOf(high []rune) map[rune]byte {
	all := map[rune]byte{}
	for i, r := range high {
		all[r] = byte(0x80 + i)
	}
	return all
}

// Upper is the upper case of a character.
func Upper(c byte) byte { return upper[c] }

// Fold returns a name in upper case: names that are equal have the same.
func Fold(name string) string {
	b := []byte(name)
	for i, c := range b {
		b[i] = upper[c]
	}
	return string(b)
}

// Equal reports whether two names are the same one.
func Equal(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if upper[a[i]] != upper[b[i]] {
			return false
		}
	}
	return true
}

// Decode turns a name's octets into text.
func Decode(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c < 0x80 {
			b.WriteByte(c)
		} else {
			b.WriteRune(high[c-0x80])
		}
	}
	return b.String()
}

// Encode turns text into a name's octets. It fails at the first character that the set does not have.
func Encode(text string) (name string, err error) {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r < 0x80 {
			b = append(b, byte(r))
		} else if c, ok := codes[r]; ok {
			b = append(b, c)
		} else {
			return "", fmt.Errorf("macroman: encode %q: %q: not in the character set of AppleTalk's names", text, r)
		}
	}
	return string(b), nil
}
