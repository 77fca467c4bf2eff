package tshark

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fault is something that tshark gets wrong.
type fault struct {
	what, why string
	seen      bool // in a version of tshark that has mended it, it is not
}

// The faults of tshark 4.0.17, that of Debian 12. The comparison passes over each where it is, and nowhere else.
var (
	faultNames = &fault{what: "AE, AEA, AI and AIA are called MAP, MAA, AB and AA",
		why: "they share their SI: a sync type item, what is outstanding, and the place in the TSDU tell (x225 2.2); tshark looks at their SI alone"}
	faultER = &fault{what: "PT before ER is no session protocol to it",
		why: "SI 0 is EXCEPTION REPORT, of category 2 (x225 2.2)"}
	faultED = &fault{what: "ED TPDUs are data to it",
		why: "RFC 1006 adds expedited data to class 0, in the form of DT"}
	faultTD = &fault{what: "TD and EX are no session protocol to it if their user information does not look like it",
		why: "user information goes on to the end of the TSDU and may be anything (x225 2.1); tshark wants it to look like another SPDU"}
	faultMIA = &fault{what: "PI 46 is unknown",
		why: "it is the user data of MIA, and of it alone (x225 2.4)"}
	faultReason = &fault{what: "the reason of AI, AD and ED has the names of RF's",
		why: "its values are others: 128 is the demand for the data token (x225 1.9)"}
	faults = []*fault{faultNames, faultER, faultED, faultTD, faultMIA, faultReason}
)

func (f *fault) occurs() { f.seen = true }

// otherNames are what tshark calls SPDUs that share an SI.
var otherNames = map[string]string{"AE": "MAP", "AEA": "MAA", "AI": "AB", "AIA": "AA"}

// paramNames are those of tshark that differ from ours in more than letters and marks.
var paramNames = map[string]string{
	"session requirement": "session user requirements", "reflect parameter": "reflect parameter values",
	"called session selector": "called or responding session selector",
	"session user data":       "user data", "session extended user data": "extended user data",
}

// compare wants tshark and osi decode to see the same in a capture, and nothing wrong in it but what osi decode says of the clauses.
func compare(t *testing.T, capture []byte, clauses ...string) {
	t.Helper()
	path := write(t, capture)
	for _, d := range differences(t, packets(t, path), decode(t, path), clauses) {
		t.Error(d)
	}
}

// differences are what two views of a capture do not have in common, and what either finds wrong.
func differences(t *testing.T, theirs []packet, ours []unit, clauses []string) (all []string) {
	t.Helper()
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, problem := range complaints(t, theirs) {
		report("tshark: %s", problem)
	}
	ends := tpdus(t, theirs)
	for _, u := range ours {
		where := fmt.Sprintf("packet %d: %s", u.Position.Packet, u.TPDU)
		for _, p := range u.Problems {
			if !slices.Contains(clauses, p.Clause) {
				report("osi decode: %s: %s (%s)", where, p.Text, p.Clause)
			}
		}
		rest := ends[u.Time]
		if strings.HasPrefix(u.TPDU, "ED(") && (len(rest) == 0 || rest[0].header.number(t, "cotp.type") != typeED) {
			faultED.occurs()
			continue
		}
		if len(rest) == 0 {
			report("%s: tshark has no such TPDU", where)
			continue
		}
		ends[u.Time] = rest[1:]
		for _, d := range u.differences(t, &rest[0]) {
			report("%s: %s", where, d)
		}
	}
	for _, rest := range ends {
		for _, p := range rest {
			report("osi decode has no %s", p.header.Showname)
		}
	}
	return all
}

// The upper halves of TPDUs' codes, as tshark has them.
const (
	typeED = 0x01
	typeCC = 0x0d
	typeCR = 0x0e
)

// tpdu is a TPDU as tshark shows it, with the session protocol in it.
type tpdu struct {
	header  field
	session []field
}

// tpdus are the TPDUs but for those that do not end their TSDU, by the time of the packet in which they end.
func tpdus(t *testing.T, packets []packet) map[string][]tpdu {
	t.Helper()
	all := map[string][]tpdu{}
	for _, p := range packets {
		at := p.time(t)
		for _, f := range p.Protocols {
			switch {
			case f.Name == "cotp" && (len(f.find("cotp.eot")) == 0 || f.number(t, "cotp.eot") == 1):
				all[at] = append(all[at], tpdu{header: f})
			case f.Name == "ses" && len(all[at]) > 0:
				last := &all[at][len(all[at])-1]
				last.session = append(last.session, f)
			}
		}
	}
	return all
}

// differences compares with the TPDU as tshark has it.
func (u *unit) differences(t *testing.T, p *tpdu) []string {
	t.Helper()
	if u.TPDUs == 0 {
		if want := connectNotation(t, &p.header); u.TPDU != want {
			return []string{"tshark has " + want}
		}
		return nil
	}
	if len(p.session) > 0 {
		return compareTSDU(t, u, p.session)
	}
	switch {
	case len(u.SPDUs) == 2 && u.SPDUs[1].Name == "ER":
		faultER.occurs()
	case (u.SPDUs[0].Name == "TD" || u.SPDUs[0].Name == "EX") && u.SPDUs[0].User.Octets > 0:
		faultTD.occurs()
	default:
		return []string{"tshark sees no SPDUs in it"}
	}
	return nil
}

// connectNotation is CR or CC in our notation, as tshark's fields have it.
func connectNotation(t *testing.T, f *field) string {
	t.Helper()
	var b strings.Builder
	switch kind := f.number(t, "cotp.type"); kind {
	case typeCR:
		b.WriteString("CR(")
	case typeCC:
		fmt.Fprintf(&b, "CC(dst=%04x, ", f.number(t, "cotp.destref"))
	default:
		return fmt.Sprintf("type %#x", kind)
	}
	fmt.Fprintf(&b, "src=%04x", f.number(t, "cotp.srcref"))
	for _, p := range []struct{ field, name string }{{"cotp.src-tsap-bytes", "calling"}, {"cotp.dst-tsap-bytes", "called"}} {
		for _, v := range f.find(p.field) {
			fmt.Fprintf(&b, ", %s=%s", p.name, v.Value)
		}
	}
	for _, v := range f.find("cotp.tpdu_size") {
		fmt.Fprintf(&b, ", size=%s", v.Show)
	}
	for _, v := range f.find("cotp.transport_expedited_data_transfer") {
		fmt.Fprintf(&b, ", options=%02s", v.Show)
	}
	b.WriteString(")")
	return b.String()
}

// abbreviation finds MIP in "SPDU Type: MINOR SYNC POINT (MIP) SPDU (49)", and names what has no abbreviation.
var abbreviation = regexp.MustCompile(`\(([A-Z]+)\)`)

func spduName(f *field) string {
	shown := f.find("ses.type")[0].Showname
	if m := abbreviation.FindStringSubmatch(shown); m != nil {
		return m[1]
	}
	switch {
	case strings.Contains(shown, "Give tokens PDU"):
		return "GT"
	case strings.Contains(shown, "Please tokens PDU"):
		return "PT"
	}
	return shown
}

func compareTSDU(t *testing.T, u *unit, theirs []field) (all []string) {
	t.Helper()
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if len(theirs) != len(u.SPDUs) {
		report("tshark sees %d SPDUs, osi decode %d", len(theirs), len(u.SPDUs))
		return all
	}
	begin := theirs[0].find("ses.type")[0].Pos
	for i, f := range theirs {
		s := &u.SPDUs[i]
		name := spduName(&f)
		if name != s.Name && name == otherNames[s.Name] {
			faultNames.occurs()
			name = s.Name
		}
		if head := f.find("ses.type")[0]; name != s.Name || head.Show != fmt.Sprint(s.SI) || head.Pos-begin != s.Offset {
			report("%s, SI %d at %d: tshark has %s, SI %s at %d", s.Name, s.SI, s.Offset, name, head.Show, head.Pos-begin)
		}
		params := parameters(&f, 1)
		if len(params) != len(s.Parameters) {
			report("%s: tshark sees %d parameters, osi decode %d", s.Name, len(params), len(s.Parameters))
			continue
		}
		for j := range params {
			for _, d := range params[j].differences(t, &s.Parameters[j], s.Name, begin) {
				report("%s: parameter %d (%s): %s", s.Name, s.Parameters[j].Code, s.Parameters[j].Name, d)
			}
		}
	}
	return all
}

// differences compares with what osi decode has for a parameter of an SPDU, whose TSDU begins at an octet.
func (p *parameter) differences(t *testing.T, o *ourParameter, spdu string, begin int) (all []string) {
	t.Helper()
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if p.code.Show != fmt.Sprint(o.Code) || p.code.Pos-begin != o.Offset || p.length != fmt.Sprint(o.Octets) || p.depth != o.Depth {
		report("%d octets at %d: tshark has %s of %s octets at %d", o.Octets, o.Offset, p.code.Showname, p.length, p.code.Pos-begin)
		return all
	}
	switch got := plain(p.name); {
	case got == plain(o.Name) || paramNames[got] == o.Name:
	case o.Code == 46 && strings.HasPrefix(p.name, "Unknown"):
		faultMIA.occurs()
	default:
		report("tshark calls it %s", p.name)
	}
	if o.Code == 50 {
		if got := p.value.number(t, "ses.reason_code"); fmt.Sprintf("%02x", got) != o.Hex[:2] {
			report("reason %s: tshark has %d", o.Hex[:2], got)
		}
		if spdu != "RF" {
			faultReason.occurs()
		}
	}
	if want, ok := p.meaning(t, spdu); ok && want != o.Value {
		report("%q: tshark has %q", o.Value, want)
	}
	return all
}

// plain is a name without what may differ in writing.
func plain(name string) string {
	return strings.NewReplacer("-", " ", "_", " ", "/", " ").Replace(strings.ToLower(name))
}

// parameter is a parameter as tshark shows it.
type parameter struct {
	depth  int
	name   string
	code   field
	length string
	value  field // what there is besides code and length
}

// parameters are those of an SPDU, each group followed by those in it.
func parameters(f *field, depth int) (all []parameter) {
	for _, g := range f.Fields {
		if g.Name != "" {
			continue
		}
		p := parameter{depth: depth, name: g.Show}
		for _, h := range g.Fields {
			switch h.Name {
			case "ses.parameter_type":
				p.code = h
			case "ses.parameter_length":
				p.length = h.Show
			case "":
			default:
				p.value.Fields = append(p.value.Fields, h)
			}
		}
		all = append(append(all, p), parameters(&g, depth+1)...)
	}
	return all
}

// bit is a flag of tshark's, and our name for it.
type bit struct{ field, name string }

var unitBits = []bit{{"half_duplex", "HD"}, {"duplex", "FD"}, {"expedited_data", "EX"}, {"minor_resynchronize", "SY"}, {"major_resynchronize", "MA"},
	{"resynchronize", "RESYN"}, {"activity_management", "ACT"}, {"negotiated_release", "NR"}, {"capability_data", "CD"}, {"exception_data", "EXCEP"},
	{"typed_data", "TD"}, {"symm_sync", "SS"}, {"data_sep", "DS"}}

var tokenBits = []bit{{"data_token", "data"}, {"synchronize_token", "minor"}, {"major.token", "major"}, {"release_token", "release"}}

var settingBits = []bit{{"data_token_setting", "data"}, {"synchronize_minor_token_setting", "minor"}, {"major_activity_token_setting", "major"},
	{"release_token_setting", "release"}}

var abortReasons = []bit{{"user_abort", "user abort"}, {"protocol_error", "protocol error"}, {"no_reason", "no reason"},
	{"implementation_restriction", "implementation restriction"}}

// set are our names of the flags that are 1.
func (p *parameter) set(t *testing.T, prefix string, all []bit) (names []string) {
	t.Helper()
	for _, b := range all {
		if p.value.number(t, prefix+b.field) == 1 {
			names = append(names, b.name)
		}
	}
	return names
}

// meaning is what tshark's fields say, in osi decode's words; ok is false where tshark has no field.
func (p *parameter) meaning(t *testing.T, spdu string) (text string, ok bool) {
	t.Helper()
	switch p.code.Show {
	case "9", "10", "11", "41", "51", "52":
		return quoted(t, p.value.Fields[0].Value), true
	case "16":
		return strings.Join(p.set(t, "ses.", tokenBits), "+"), true
	case "17":
		text = "transport connection kept"
		if p.value.number(t, "ses.transport_flags.connection") == 1 {
			text = "transport connection released"
		}
		reasons := p.set(t, "ses.transport_flags.", abortReasons)
		if spdu == "AB" {
			text += ", " + strings.Join(reasons, ", ")
		}
		return text, true
	case "19":
		if p.value.number(t, "ses.connect.f1") == 1 {
			return "extended concatenation", true
		}
		return "none", true
	case "20":
		return strings.Join(p.set(t, "ses.", unitBits), "+"), true
	case "21":
		return fmt.Sprintf("%s to the responder, %s to the initiator", size(p.value.number(t, "ses.proposed_tsdu_maximum_size_i2r")),
			size(p.value.number(t, "ses.proposed_tsdu_maximum_size_r2i"))), true
	case "22":
		return strings.Join(p.set(t, "ses.protocol_version", []bit{{"1", "1"}, {"2", "2"}}), " and "), true
	case "23", "42", "54", "55":
		return p.value.Fields[0].Show, true
	case "25":
		return [...]string{"middle", "first", "last", "only"}[p.value.number(t, "ses.beginning_of_SSDU")+2*p.value.number(t, "ses.end_of_SSDU")], true
	case "26":
		return p.settings(t), true
	}
	return "", false
}

// settings is where the tokens are.
func (p *parameter) settings(t *testing.T) string {
	var all []string
	same := map[string]bool{}
	for _, b := range settingBits {
		where := [...]string{"initiator", "responder", "chooses", "reserved"}[p.value.number(t, "ses."+b.field)]
		all = append(all, b.name+":"+where)
		same[where] = true
	}
	if len(same) == 1 {
		for where := range same {
			return "all:" + where
		}
	}
	return strings.Join(all, ",")
}

func size(n int) string {
	if n == 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// quoted is octets as osi decode shows them: as text if they are some.
func quoted(t *testing.T, value string) string {
	t.Helper()
	b, err := hex.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return value
		}
	}
	return fmt.Sprintf("%q", b)
}
