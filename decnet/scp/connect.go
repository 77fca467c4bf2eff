package scp

import (
	"fmt"
	"strings"

	"github.com/tenuto-session/tenuto/decnet/internal/octets"
	"github.com/tenuto-session/tenuto/decnet/nsp"
)

const (
	// MaxName is the most characters of an object's or a user's name in a descriptor, MaxGroupName of one with codes: some peers take no
	// more of that. (decnet 1.1)
	MaxName      = 16
	MaxGroupName = 12
	// MaxField is the most octets of a user, a password and an account.
	MaxField = 39
	// MaxData is the most octets of user data with a connect, accept, reject or disconnect.
	MaxData = nsp.MaxConnectData

	flagAccess = 1 << 0
	flagData   = 1 << 1
	flagProxy  = 1 << 2
	flagUIC    = 1 << 3
	version2   = 1 << 5 // session control 2.0, which has proxies
)

// Descriptor names an object, or who calls one: an end user descriptor.
type Descriptor struct {
	Format      uint8  // 0: Object; 1: Name; 2: Name with Group and User
	Object      uint8  // 1 to 255
	Group, User uint16 // codes of a user
	Name        string
}

// ByNumber is the descriptor of a numbered object.
func ByNumber(object uint8) Descriptor { return Descriptor{Object: object} }

// ByName is the descriptor of a named object, or of a user.
func ByName(name string) Descriptor { return Descriptor{Format: 1, Name: name} }

func (d Descriptor) String() string {
	switch d.Format {
	case 0:
		return fmt.Sprintf("%d", d.Object)
	case 1:
		return d.Name
	}
	return fmt.Sprintf("[%d,%d]%s", d.Group, d.User, d.Name)
}

func (d Descriptor) append(b []byte, field string) ([]byte, error) {
	most := MaxName
	switch d.Format {
	case 0:
		if d.Object == 0 {
			return b, fmt.Errorf("scp: append connect: %s: object number 0", field)
		}
		return append(b, 0, d.Object), nil
	case 1:
		b = append(b, 1, 0)
	case 2:
		most = MaxGroupName
		b = octets.AppendUint16(octets.AppendUint16(append(b, 2, 0), d.Group), d.User)
	default:
		return b, fmt.Errorf("scp: append connect: %s: format %d", field, d.Format)
	}
	if n := len(d.Name); n < 1 || n > most {
		return b, fmt.Errorf("scp: append connect: %s: name of %d octets is not 1 to %d", field, n, most)
	}
	return octets.AppendImage(b, d.Name), nil
}

// parseDescriptor reads a descriptor. Of format 4, which one peer has for sources, only the name is taken.
func parseDescriptor(r *octets.Reader, field string, source bool) (d Descriptor) {
	d.Format = r.Uint8(field)
	object := r.Uint8(field)
	switch {
	case r.Err != nil:
		return d
	case d.Format == 0:
		if d.Object = object; object == 0 {
			r.Fail("%s: object number 0", field)
		}
		return d
	case d.Format == 1:
	case d.Format == 2:
		d.Group, d.User = r.Uint16(field), r.Uint16(field)
	case d.Format == 4 && source:
		r.Take(8, field)
		d.Format = 1
	default:
		r.Fail("%s: format %d", field, d.Format)
	}
	if d.Name = string(r.Image(MaxName, field)); r.Err == nil && d.Name == "" {
		r.Fail("%s: no name", field)
	}
	return d
}

// Access is what a user says to be let in.
type Access struct{ User, Password, Account string }

// Connect is what session control says in a connect initiate.
type Connect struct {
	Dst, Src Descriptor
	Access   *Access // nil if there is none
	Data     []byte  // the user's; nil if there is none
	Proxy    bool    // the user may be let in as who calls
	UIC      bool    // the codes of the source count for that
}

// ParseError is what is wrong with a connect initiate's data. Reason is for the peer.
type ParseError struct {
	Reason Reason
	Text   string
}

func (e *ParseError) Error() string { return "scp: parse connect: " + e.Text }

// AppendBinary appends what goes into a connect initiate.
func (c *Connect) AppendBinary(b []byte) ([]byte, error) {
	start := b
	b, err := c.Dst.append(b, "DSTNAME")
	if err == nil {
		b, err = c.Src.append(b, "SRCNAME")
	}
	if err != nil {
		return start, err
	}
	var menu byte
	if c.Access != nil {
		menu |= flagAccess
	}
	if c.Data != nil {
		menu |= flagData
	}
	if c.Proxy {
		menu |= flagProxy | version2
	}
	if c.UIC {
		menu |= flagUIC
	}
	b = append(b, menu)
	if c.Access != nil {
		for _, f := range c.Access.fields() {
			if len(f.value) > MaxField {
				return start, fmt.Errorf("scp: append connect: %s: length %d exceeds %d", f.name, len(f.value), MaxField)
			}
			b = octets.AppendImage(b, f.value)
		}
	}
	if len(c.Data) > MaxData {
		return start, fmt.Errorf("scp: append connect: USRDATA: length %d exceeds %d", len(c.Data), MaxData)
	}
	if c.Data != nil {
		b = octets.AppendImage(b, c.Data)
	}
	return b, nil
}

func (a *Access) fields() [3]struct{ name, value string } {
	return [3]struct{ name, value string }{{"RQSTRID", a.User}, {"PASSWRD", a.Password}, {"ACCOUNT", a.Account}}
}

// ParseConnect reads it. An error is a *ParseError. Its Data alias b. Lax are: the version in MENUVER, and octets behind the end, which
// are not looked at.
func ParseConnect(b []byte) (c Connect, err error) {
	r := octets.Reader{B: b}
	c.Dst = parseDescriptor(&r, "DSTNAME", false)
	c.Src = parseDescriptor(&r, "SRCNAME", true)
	menu := r.Uint8("MENUVER")
	c.Proxy, c.UIC = menu&flagProxy != 0, menu&flagUIC != 0
	reason := BadFormat
	image := func(most int, field string) []byte {
		if r.Err == nil && len(r.B) > 0 && int(r.B[0]) > most {
			reason = FieldTooLong
		}
		return r.Image(most, field)
	}
	if menu&flagAccess != 0 {
		c.Access = &Access{string(image(MaxField, "RQSTRID")), string(image(MaxField, "PASSWRD")), string(image(MaxField, "ACCOUNT"))}
	}
	if menu&flagData != 0 {
		if c.Data = image(MaxData, "USRDATA"); c.Data == nil {
			c.Data = []byte{}
		}
	}
	if r.Err != nil {
		return Connect{}, &ParseError{reason, r.Err.Error()}
	}
	return c, nil
}

// String is the notation in traces. It has no password.
func (c *Connect) String() string {
	f := []string{fmt.Sprintf("dst=%q", c.Dst), fmt.Sprintf("src=%q", c.Src)}
	if c.Access != nil {
		f = append(f, fmt.Sprintf("user=%q, account=%q, password of %d octets", c.Access.User, c.Access.Account, len(c.Access.Password)))
	}
	if c.Data != nil {
		f = append(f, fmt.Sprintf("data=%x", c.Data))
	}
	if c.Proxy {
		f = append(f, "proxy")
	}
	if c.UIC {
		f = append(f, "uic")
	}
	return "connect(" + strings.Join(f, ", ") + ")"
}
