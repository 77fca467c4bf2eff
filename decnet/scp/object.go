package scp

import (
	"fmt"
	"strconv"
	"strings"
)

// Object numbers that are known. (decnet 1.4)
const (
	ObjectFAL    = 17
	ObjectNML    = 19
	ObjectMirror = 25
	ObjectEvents = 26
	ObjectMail   = 27
	ObjectPhone  = 29
	ObjectCTERM  = 42
	ObjectTest   = 63 // DECnet test receiver
)

var objectNumbers = map[string]uint8{"FAL": ObjectFAL, "HLD": 18, "NML": ObjectNML, "NICE": ObjectNML, "REMACP": 23, "MIRROR": ObjectMirror,
	"EVTLOG": ObjectEvents, "EVL": ObjectEvents, "EVR": ObjectEvents, "MAIL": ObjectMail, "PHONE": ObjectPhone, "CTERM": ObjectCTERM, "DTR": ObjectTest}

// ObjectName is the name of a numbered object, and its number where it has none.
func ObjectName(number uint8) string {
	for _, name := range []string{"FAL", "HLD", "NML", "REMACP", "MIRROR", "EVTLOG", "MAIL", "PHONE", "CTERM", "DTR"} {
		if objectNumbers[name] == number {
			return name
		}
	}
	return strconv.Itoa(int(number))
}

// ParseObject reads an object as people write it: a number from 1 to 255, or a name. Names that have a number stand for that, as in
// MIRROR for 25; TASK=NAME, or NAME in quotation marks, is a name all the same.
func ParseObject(s string) (Descriptor, error) {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		if n < 1 || n > 255 {
			return Descriptor{}, fmt.Errorf("scp: parse object %q: not a number from 1 to 255", s)
		}
		return ByNumber(uint8(n)), nil
	}
	upper := strings.ToUpper(s)
	if n, ok := objectNumbers[upper]; ok {
		return ByNumber(n), nil
	}
	name, ok := strings.CutPrefix(upper, "TASK=")
	if !ok {
		name = strings.Trim(upper, `"`)
	}
	if len(name) < 1 || len(name) > MaxName {
		return Descriptor{}, fmt.Errorf("scp: parse object %q: name of %d characters is not 1 to %d", s, len(name), MaxName)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == ':' || c == '/' || c == '"' {
			return Descriptor{}, fmt.Errorf("scp: parse object %q: %q in a name", s, c)
		}
	}
	return ByName(name), nil
}

// ParseTarget reads a node and an object, as in 1.13::MIRROR or ALPHA::25. The node is not looked at.
func ParseTarget(s string) (node string, object Descriptor, err error) {
	node, name, ok := strings.Cut(s, "::")
	if !ok || node == "" {
		return "", object, fmt.Errorf("scp: parse target %q: not of the form NODE::OBJECT", s)
	}
	object, err = ParseObject(name)
	return node, object, err
}
