package dissect

import (
	"strings"

	"github.com/tenuto-session/tenuto/spdu"
)

// decode decodes the SPDUs of a TSDU. expedited tells how it came, if it came in TPDUs.
func (c *connection) decode(u *Unit, t *tsdu, expedited bool) {
	b := t.held.b
	if t.hasHead {
		b = b[:t.head]
	}
	d := decoder{unit: u, held: &t.held, keep: c.keep, session: &c.session, expedited: expedited, doubtful: t.doubtful}
	d.walk(b)
	d.parse(b)
	for i := range u.SPDUs {
		s := &u.SPDUs[i]
		s.meanings()
		s.shorten(c.keep)
		if t.hasHead && s.Offset+s.Length == t.head {
			s.User = &Data{Offset: t.head, Octets: t.octets - int64(t.head), Shown: t.held.b[t.head:]}
		}
	}
}

type decoder struct {
	unit      *Unit
	held      *located
	keep      int
	session   *session
	expedited bool
	doubtful  bool
}

// walk finds the SPDUs and their parameters, right or wrong.
func (d *decoder) walk(b []byte) {
	// What breaks the structure is an error of parse, too, which has more to say about it.
	_ = spdu.Walk(b, func(i spdu.Item) error {
		head := clip(b[i.Offset:], i.Head)
		switch {
		case i.Depth == 0:
			name, title, _ := strings.Cut(strings.TrimSuffix(i.Name, ")"), " (")
			d.unit.SPDUs = append(d.unit.SPDUs, SPDU{Name: name, Title: title, Code: i.Code, Offset: i.Offset, Length: i.Head + i.Length, Head: head})
			return nil
		case i.Head == 0:
			d.last().User = &Data{Offset: i.Offset, Octets: int64(i.Length), Shown: clip(i.Value, d.keep)}
			return nil
		}
		kind, name, _ := strings.Cut(strings.TrimSuffix(i.Name, ")"), " (")
		d.last().Items = append(d.last().Items, Item{Depth: i.Depth, Group: strings.HasPrefix(kind, "PGI"), Code: i.Code, Name: name,
			Offset: i.Offset, Head: head, Length: i.Length, Value: i.Value})
		return nil
	})
}

func (d *decoder) last() *SPDU { return &d.unit.SPDUs[len(d.unit.SPDUs)-1] }

// parse adds the notations, and what is wrong.
func (d *decoder) parse(b []byte) {
	pdus, _, err := spdu.Parse(b)
	if err != nil {
		d.salvage(b)
		d.problem(err)
		d.session.unsure(d.unit.From)
		return
	}
	if err := d.session.concatenated(d.unit.From, pdus); err != nil {
		d.problem(err)
	}
	for i, p := range pdus {
		s := &d.unit.SPDUs[i]
		name, err := d.session.step(d.unit.From, p, s.Name)
		if err != nil {
			d.problem(spdu.Locate(err, b, i))
		}
		if d.unit.TPDUs > 0 {
			if err := onFlow(p, s.Name, d.expedited); err != nil {
				d.problem(spdu.Locate(err, b, i))
			}
		}
		s.named(p, name, d.keep)
	}
}

// salvage gives notations to the SPDUs that are right in a TSDU that is not.
func (d *decoder) salvage(b []byte) {
	for i := range d.unit.SPDUs {
		s := &d.unit.SPDUs[i]
		s.Notation = s.Name + "(?)"
		parse := spdu.ParseNext
		if i == 0 {
			parse = spdu.ParseFirst
		}
		if p, _, err := parse(b[s.Offset:]); err == nil {
			s.named(p, "", d.keep)
		}
	}
}

func (d *decoder) problem(err error) {
	e := protocolError(err)
	p := Problem{Text: trim(e), Code: e.Code.String(), Offset: e.Offset, Position: d.unit.Begin, Clause: e.Clause}
	if e.Offset >= 0 && d.unit.Octets > 0 {
		p.Position = d.held.at(e.Offset)
	}
	if d.doubtful {
		p.Text += "; the beginning of the TSDU may be missing"
	}
	d.unit.Problems = append(d.unit.Problems, p)
}

// named gives an SPDU its notation, and its name if the octets alone do not tell it.
func (s *SPDU) named(p spdu.SPDU, name string, keep int) {
	s.Notation = notation(p, keep)
	switch {
	case name == "AE" && s.Name == "MAP":
		s.Name, s.Title, s.Notation = name, "ACTIVITY END", "AE"+strings.TrimPrefix(s.Notation, "MAP")
	case name == "AEA":
		s.Name, s.Title, s.Notation = name, "ACTIVITY END ACK", "AEA"+strings.TrimPrefix(s.Notation, "MAA")
	case name == "MAA":
		s.Title = "MAJOR SYNC ACK"
	}
}

// notation is an SPDU's notation without more octets of other SPDUs than may be shown, since these may be of the user.
func notation(p spdu.SPDU, keep int) string {
	var reflected int
	switch r := p.(type) {
	case spdu.AB:
		if len(r.Reflect) > keep {
			reflected, r.Reflect = len(r.Reflect), nil
			p = r
		}
	case spdu.ER:
		if len(r.Reflect) > keep {
			reflected, r.Reflect = len(r.Reflect), nil
			p = r
		}
	}
	s := p.String()
	if reflected == 0 {
		return s
	}
	s = strings.TrimSuffix(s, ")")
	if !strings.HasSuffix(s, "(") {
		s += ", "
	}
	return s + "reflect=" + octets(int64(reflected)) + ")"
}
