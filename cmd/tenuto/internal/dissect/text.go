package dissect

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// perLine is how many octets a line of the text shows.
const perLine = 8

// appendText appends a unit as annotated text.
func appendText(b *bytes.Buffer, u *Unit) {
	fmt.Fprintln(b, u.heading())
	if u.User != nil {
		row(b, u.User.Shown, fmt.Sprintf("octets of the TPDU's user: %d", u.User.Octets), -1)
	}
	for i := range u.SPDUs {
		u.SPDUs[i].appendText(b)
	}
	for _, p := range u.Problems {
		fmt.Fprintf(b, "  error: %v\n", p)
	}
}

// heading is a line on where and when, and on the TPDU.
func (u *Unit) heading() string {
	parts := u.where()
	switch {
	case u.TPDUs > 1:
		parts = append(parts, fmt.Sprintf("%s, the last of %d TPDUs with a TSDU of %s", u.TPDU, u.TPDUs, octets(u.Octets)))
	case u.TPDU != "":
		parts = append(parts, u.TPDU)
	case u.Octets > 0:
		parts = append(parts, "TSDU of "+octets(u.Octets))
	}
	return strings.Join(parts, " ")
}

// where is time, place and direction, as far as they are known.
func (u *Unit) where() (parts []string) {
	if !u.Time.IsZero() {
		parts = append(parts, stamp(u.Time))
	}
	switch p := u.Position; {
	case p.Packet > 0:
		parts = append(parts, fmt.Sprintf("packet %d", p.Packet))
	case p.Line > 0:
		parts = append(parts, fmt.Sprintf("line %d", p.Line))
	default:
		parts = append(parts, fmt.Sprintf("octet %d", p.Octet))
	}
	if from, to := u.ends(); from != "" {
		parts = append(parts, from+" > "+to)
	}
	return parts
}

// ends are the names of who sends and who receives.
func (u *Unit) ends() (from, to string) {
	names := [...]string{Unknown: "", Initiator: u.Link.Initiator, Responder: u.Link.Responder}
	if u.Link.Initiator == "" {
		names[Initiator], names[Responder] = Initiator.String(), Responder.String()
	}
	return names[u.From], names[u.From.other()]
}

func stamp(t time.Time) string {
	form := "2006-01-02T15:04:05.000000Z"
	if t.Nanosecond()%1000 != 0 {
		form = "2006-01-02T15:04:05.000000000Z"
	}
	return t.UTC().Format(form)
}

func (s *SPDU) appendText(b *bytes.Buffer) {
	fmt.Fprintf(b, "  %s\n", s.Notation)
	what := fmt.Sprintf("SI %d", s.Code)
	if s.Title != "" {
		what += " (" + s.Title + ")"
	}
	row(b, s.Head, what, s.Offset)
	for _, i := range s.Items {
		row(b, append(append([]byte(nil), i.Head...), i.Value...), strings.Repeat("  ", i.Depth-1)+i.label(), i.Offset)
	}
	if s.User != nil {
		row(b, s.User.Shown, "user information: "+octets(s.User.Octets), s.User.Offset)
	}
}

// label is a parameter's code, name and meaning.
func (i *Item) label() string {
	kind := "PI"
	if i.Group {
		kind = "PGI"
	}
	s := fmt.Sprintf("%s %d", kind, i.Code)
	if i.Name != "" {
		s += " (" + i.Name + ")"
	}
	switch {
	case i.Text != "":
		return s + ": " + i.Text
	case i.Length == 0 && !i.Group:
		return s + ": empty"
	case i.Name == "" || !i.Group:
		return s + ": " + octets(int64(i.Length))
	}
	return s
}

// row is octets, as many lines as they take, with what they are beside the first; offset is negative if it is of no use.
func row(b *bytes.Buffer, o []byte, what string, offset int) {
	place := ""
	if offset >= 0 {
		place = fmt.Sprint(offset)
	}
	for first := true; first || len(o) > 0; first = false {
		n := min(perLine, len(o))
		fmt.Fprintf(b, "  %6s  %s\n", place, strings.TrimRight(fmt.Sprintf("%-*s  %s", 3*perLine-1, fmt.Sprintf("% x", o[:n]), what), " "))
		o, place, what = o[n:], "", ""
	}
}

// appendSummary appends a line for each SPDU and each problem, and for each TPDU that carries none.
func appendSummary(b *bytes.Buffer, u *Unit) {
	if u.More {
		return
	}
	where := strings.Join(u.where(), " ")
	if u.TPDUs == 0 && u.TPDU != "" {
		fmt.Fprintf(b, "%s %s\n", where, u.TPDU)
	}
	for _, s := range u.SPDUs {
		fmt.Fprintf(b, "%s %s\n", where, s.Notation)
	}
	for _, p := range u.Problems {
		fmt.Fprintf(b, "%s error: %v\n", where, p)
	}
}
