package dissect

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
)

// Codes of parameters whose values are decoded here (x225 2.3, 2.4).
const (
	piCalledRef       = 9
	piCallingRef      = 10
	piCommonRef       = 11
	piSyncType        = 15
	piToken           = 16
	piDisconnect      = 17
	piOptions         = 19
	piRequirements    = 20
	piTSDUSize        = 21
	piVersion         = 22
	piSerial          = 23
	piPrepare         = 24
	piEnclosure       = 25
	piTokenSetting    = 26
	piResyncType      = 27
	piActivity        = 41
	piSerialNumber    = 42
	piUserData        = 46
	piReflect         = 49
	piReason          = 50
	piCallingSelector = 51
	piCalledSelector  = 52
	piSecondResync    = 53
	piSecondSerial    = 54
	piSecondInitial   = 55
	piUpperLimit      = 56
	piOverflow        = 60
	pgiUserData       = 193
	pgiExtended       = 194
)

// maxShown is how many octets of a value that is not the user's are shown: the longest that X.225 has are references of 64.
const maxShown = 64

// shorten leaves of values what is to be shown; of the user's, keep octets. What is in parameters that X.225 does not define, nobody
// knows.
func (s *SPDU) shorten(keep int) {
	for n := range s.Items {
		i := &s.Items[n]
		limit := min(maxShown, len(i.Value))
		switch {
		case i.Code == piReason && s.Name == "RF" && !s.continues():
			limit = 1 + keep
		case i.users() || i.Code == piReason && s.Name == "RF" || i.Name == "":
			limit = keep
		case i.Group:
			limit = 0
		}
		i.Value = i.Value[:min(limit, len(i.Value))]
	}
}

// users tells whether a parameter holds octets of the user, or may do so.
func (i *Item) users() bool {
	switch i.Code {
	case pgiUserData, pgiExtended, piUserData, piReflect:
		return true
	}
	return false
}

// continues tells whether an SPDU is a segment that goes on with an SSDU.
func (s *SPDU) continues() bool {
	for _, i := range s.Items {
		if i.Depth == 1 && i.Code == piEnclosure && len(i.Value) == 1 {
			return i.Value[0]&1 == 0
		}
	}
	return false
}

// meanings gives the parameters' values in words.
func (s *SPDU) meanings() {
	for n := range s.Items {
		i := &s.Items[n]
		if len(i.Value) == i.Length {
			i.Text = s.meaning(i)
		}
	}
}

// meaning is a value in words, empty if it has none, as when its length is wrong.
func (s *SPDU) meaning(i *Item) string {
	v := i.Value
	switch i.Code {
	case piCalledRef, piCallingRef, piCommonRef, piCallingSelector, piCalledSelector, piActivity:
		return text(v)
	case piSerial, piSerialNumber, piSecondSerial, piSecondInitial:
		return number(v)
	case pgiUserData, pgiExtended, piUserData:
		return octets(int64(i.Length))
	case piReflect:
		return octets(int64(i.Length)) + " of the wrong SPDU"
	case piReason:
		return s.reason(v)
	case piRequirements:
		if len(v) == 2 {
			return spdu.Units(binary.BigEndian.Uint16(v)).String()
		}
	case piTSDUSize:
		if len(v) == 4 {
			return fmt.Sprintf("%s to the responder, %s to the initiator", size(v), size(v[2:]))
		}
	default:
		if len(v) == 1 {
			return s.flags(i.Code, v[0])
		}
	}
	return ""
}

// flags is the meaning of a parameter of one octet.
func (s *SPDU) flags(code, v uint8) string {
	switch code {
	case piSyncType:
		return s.syncType(v)
	case piToken:
		return bits(v, 0x55, spdu.Tokens(v&0x55).String())
	case piDisconnect:
		return s.disconnect(v)
	case piOptions:
		return bits(v, 1, pick(v&1 != 0, "extended concatenation", ""))
	case piVersion:
		return bits(v, 3, [...]string{"", "1", "2", "1 and 2"}[v&3])
	case piPrepare:
		return spdu.PrepareType(v).String()
	case piEnclosure:
		return bits(v, 3, (spdu.Middle | spdu.Enclosure(v&3)).String())
	case piTokenSetting:
		return spdu.TokenSetting(v).String()
	case piResyncType, piSecondResync:
		return spdu.ResyncType(v).String()
	case piUpperLimit:
		return fmt.Sprintf("%d digits", v)
	case piOverflow:
		return bits(v, 1, pick(v&1 != 0, "more data in CDO", ""))
	}
	return ""
}

func (s *SPDU) syncType(v uint8) string {
	if s.Name != "MIP" {
		return bits(v, 1, pick(v&1 != 0, "the activity goes on", "the activity ends"))
	}
	t := spdu.SyncType(v & 1).String()
	if v&2 != 0 {
		t += ", data separation"
	}
	return bits(v, 3, t)
}

func (s *SPDU) disconnect(v uint8) string {
	t := "transport connection " + pick(v&1 != 0, "released", "kept")
	if s.Name != "AB" {
		return bits(v, 1, t)
	}
	return bits(v, 0x1f, t+", "+spdu.AbortReason(v&0x1e).String())
}

// reason is the reason code, whose values depend on the SPDU. In RF user data may follow it.
func (s *SPDU) reason(v []byte) string {
	switch {
	case s.Name == "RF" && s.continues():
		return octets(int64(len(v)))
	case len(v) == 0 || s.Name != "RF" && len(v) != 1:
		return ""
	case s.Name != "RF":
		return spdu.ExceptionReason(v[0]).String()
	case len(v) == 1:
		return spdu.RefuseReason(v[0]).String()
	}
	return spdu.RefuseReason(v[0]).String() + ", " + octets(int64(len(v)-1)) + " of user data"
}

// bits adds to the meaning of some bits those that are reserved, and are not 0.
func bits(v, known uint8, meaning string) string {
	if r := v &^ known; r != 0 {
		if meaning != "" {
			meaning += ", "
		}
		return meaning + fmt.Sprintf("reserved bits %02X", r)
	}
	if meaning == "" {
		return "none"
	}
	return meaning
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// size is a TSDU maximum size.
func size(v []byte) string {
	n := binary.BigEndian.Uint16(v)
	if n == 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// text is octets as text, if they are some, else in hexadecimal.
func text(v []byte) string {
	for _, c := range v {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%x", v)
		}
	}
	return fmt.Sprintf("%q", v)
}

// number is a serial number without the zeros before it.
func number(v []byte) string {
	for _, c := range v {
		if c < '0' || c > '9' {
			return ""
		}
	}
	if len(v) == 0 || len(v) > 6 {
		return ""
	}
	if n := strings.TrimLeft(string(v), "0"); n != "" {
		return n
	}
	return "0"
}
