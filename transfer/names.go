package transfer

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"
)

// mark is in the names of all files that a Receiver makes for itself: .NAME.tenuto-TAG-NUMBER, and .tenuto-TAG for the journal.
const mark = ".tenuto-"

const tagSize = 8 // octets, written as twice as many digits

// checkPath returns what is wrong with the path of an entry. docs/wire/transfer.md, 2.1.
func checkPath(p string) error {
	if p == "" || len(p) > MaxPath {
		return fmt.Errorf("%d octets are not within 1 and %d", len(p), MaxPath)
	}
	depth := 0
	for name := range strings.SplitSeq(p, "/") {
		if depth++; depth > maxDepth {
			return fmt.Errorf("more than %d elements", maxDepth)
		}
		if err := checkName(name); err != nil {
			return fmt.Errorf("%q: %w", p, err)
		}
	}
	if runtime.GOOS == "windows" {
		if _, err := filepath.Localize(p); err != nil {
			return fmt.Errorf("%q: not a name here", p)
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("an element is empty, or the path is absolute")
	case name == "." || name == "..":
		return fmt.Errorf("an element is %q", name)
	case len(name) > maxName:
		return fmt.Errorf("an element has %d octets, more than %d", len(name), maxName)
	case strings.IndexByte(name, 0) >= 0:
		return errors.New("an octet is 0")
	case isOwn(name):
		return errors.New("an element has the form of a temporary name")
	case runtime.GOOS == "windows" && isWindowsReserved(name):
		return errors.New("an element is not a name here")
	}
	return nil
}

// isOwn tells whether a name is one that a Receiver makes. Case does not matter, as for some file systems it does not.
func isOwn(name string) bool {
	name = strings.ToLower(name)
	i := strings.LastIndex(name, mark)
	if i < 0 || name[0] != '.' {
		return false
	}
	tag, number, numbered := strings.Cut(name[i+len(mark):], "-")
	return len(tag) == 2*tagSize && isHex(tag) && (numbered == (i > 0)) && isHex(number)
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// isWindowsReserved tells of names that mean something else on Windows: devices, streams, and what the system strips or cannot hold.
func isWindowsReserved(name string) bool {
	if strings.ContainsAny(name, `<>:"/\|?*`) || strings.IndexFunc(name, func(r rune) bool { return r < ' ' }) >= 0 ||
		name != strings.TrimRight(name, ". ") {
		return true
	}
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port := strings.TrimPrefix(strings.TrimPrefix(base, "COM"), "LPT")
	return port != base && utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}

func checkTarget(target string) error {
	if strings.IndexByte(target, 0) >= 0 {
		return errors.New("an octet is 0")
	}
	return nil
}

// staysWithin tells whether a link leads to a place in the receiver's folder, wherever the other links there lead: by induction, since all of them
// do so. It must be relative; ".." may only come first, since behind the name of a link it is not where it seems to be; and there are fewer of them than
// folders above the link. Those are no links: Receiver sees to that.
func staysWithin(p, target string) bool {
	if target == "" || target[0] == '/' || filepath.IsAbs(target) || filepath.VolumeName(target) != "" ||
		runtime.GOOS == "windows" && strings.ContainsAny(target, `\:`) {
		return false
	}
	above, name := strings.Count(p, "/"), false
	for element := range strings.SplitSeq(target, "/") {
		switch element {
		case "", ".":
		case "..":
			if above--; name || above < 0 {
				return false
			}
		default:
			name = true
		}
	}
	return true
}

// temporary is the path of an entry's temporary file: beside its own, so that a rename suffices. The number keeps apart what the file system may take
// for one name. A long name is cut, between two characters.
func temporary(p, tag string, number int64) string {
	dir, name := path.Split(p)
	end := mark + tag + "-" + strconv.FormatInt(number, 16)
	if room := maxName - 1 - len(end); len(name) > room {
		name = name[:room]
		for i := 0; i < utf8.UTFMax && len(name) > 0; i++ {
			if r, n := utf8.DecodeLastRuneInString(name); r != utf8.RuneError || n != 1 {
				break
			}
			name = name[:len(name)-1]
		}
	}
	return dir + "." + name + end
}

// journalName is the name of an activity's journal, in the receiver's folder.
func journalName(tag string) string { return mark + tag }
