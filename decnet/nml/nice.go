// Package nml is what NCP's TELL NODE SHOW EXECUTOR needs of the network management listener, object 19: the messages of NICE by which
// a node is asked for itself, and the answers.
//
//	b := nml.Executor(nml.Summary)            // a request
//	q, err := nml.ParseRequest(b)
//	b = nml.Answer(q, nml.Node{…})
//	r, err := nml.ParseResponse(b)
//
// # Limitations
//
// Nothing but a node's own address, name, state and identification is told, and nothing can be set.
package nml

import (
	"fmt"

	"github.com/tenuto-session/tenuto/decnet"
	"github.com/tenuto-session/tenuto/decnet/internal/octets"
)

// Version is what both ends say when they connect: that of NICE, 4.0.0.
var Version = []byte{4, 0, 0}

// Kind is the kind of information that is asked for.
type Kind uint8

// Kinds.
const (
	Summary         Kind = 0
	Status          Kind = 1
	Characteristics Kind = 2
	Counters        Kind = 3
)

const (
	read        = 20 // function
	entityMask  = 7  // of the option: 0 is a node
	kindShift   = 4
	permanent   = 0x80
	executor    = 0x80 // of a name's length: the node itself
	paramState  = 0
	paramIdent  = 100
	typeCoded1  = 0x81 // a coded value of one octet
	typeASCII   = 0x40 // an image of ASCII
	maxIdent    = 32
	maxText     = 255
	maxNodeName = 16
)

// Return codes. Those below zero are errors.
const (
	Success              = 1
	UnrecognizedFunction = -1
	InvalidFormat        = -2
	UnrecognizedNode     = -8
)

// Request asks for information about a node.
type Request struct {
	Kind Kind
	Node decnet.Addr // 0 is the node that is asked
	Name string      // in place of Node
}

// Executor is the request for the node that is asked.
func Executor(k Kind) []byte { return []byte{read, byte(k) << kindShift, 0, 0, 0} }

// RequestError is what is wrong with a request. Code is the answer to it.
type RequestError struct {
	Code int8
	Text string
}

func (e *RequestError) Error() string { return "nml: parse request: " + e.Text }

// ParseRequest reads a request. An error is a *RequestError.
func ParseRequest(b []byte) (q Request, err error) {
	r := octets.Reader{B: b}
	if f := r.Uint8("function"); r.Err == nil && f != read {
		return q, &RequestError{UnrecognizedFunction, fmt.Sprintf("function %d", f)}
	}
	option := r.Uint8("option")
	if r.Err == nil && (option&entityMask != 0 || option&permanent != 0) {
		return q, &RequestError{UnrecognizedFunction, fmt.Sprintf("option %02x", option)}
	}
	q.Kind = Kind(option >> kindShift & 7)
	switch format := r.Uint8("entity"); {
	case r.Err != nil:
	case format == 0:
		q.Node = decnet.Addr(r.Uint16("entity"))
	case format <= maxNodeName:
		q.Name = string(r.Take(int(format), "entity"))
	default:
		return q, &RequestError{UnrecognizedFunction, fmt.Sprintf("entity of format %02x", format)}
	}
	if r.Err != nil {
		return q, &RequestError{InvalidFormat, r.Err.Error()}
	}
	return q, nil
}

// Node is what a node tells about itself.
type Node struct {
	Addr           decnet.Addr
	Name           string
	State          uint8 // 0 is on
	Identification string
}

// Answer is the response to a request, by the node that was asked.
func Answer(q Request, n Node) []byte {
	if q.Node != 0 && q.Node != n.Addr || q.Name != "" && q.Name != n.Name {
		return Refuse(UnrecognizedNode)
	}
	b := []byte{Success, 0, 0, 0} // detail, and no text
	b = octets.AppendUint16(b, uint16(n.Addr))
	b = append(b, byte(len(n.Name))|executor)
	b = append(b, n.Name...)
	b = append(octets.AppendUint16(b, paramState), typeCoded1, n.State)
	b = append(octets.AppendUint16(b, paramIdent), typeASCII)
	return octets.AppendImage(b, n.Identification[:min(len(n.Identification), maxIdent)])
}

// Refuse is a response with an error.
func Refuse(code int8) []byte { return []byte{byte(code), 0xff, 0xff, 0} }

// Response is an answer.
type Response struct {
	Code   int8
	Detail uint16
	Text   string
	Node   Node // of one with Success
}

// ParseResponse reads an answer. Parameters behind one of a form that is not known are left out.
func ParseResponse(b []byte) (p Response, err error) {
	r := octets.Reader{B: b}
	p.Code = int8(r.Uint8("return code"))
	if r.Err == nil && len(r.B) > 0 {
		p.Detail = r.Uint16("detail")
		p.Text = string(r.Image(maxText, "text"))
	}
	if p.Code == Success {
		p.Node.Addr = decnet.Addr(r.Uint16("node"))
		n := int(r.Uint8("name") &^ executor)
		p.Node.Name = string(r.Take(n, "name"))
		for r.Err == nil && len(r.B) > 0 && p.Node.param(&r) {
		}
	}
	if r.Err != nil {
		return Response{}, fmt.Errorf("nml: parse response: %w", r.Err)
	}
	return p, nil
}

// param reads a parameter; false says that its form is not known.
func (n *Node) param(r *octets.Reader) bool {
	number := r.Uint16("parameter")
	switch t := r.Uint8("type"); {
	case t == typeASCII:
		if v := string(r.Image(maxText, "value")); number == paramIdent {
			n.Identification = v
		}
	case t&0xc0 == 0x80: // coded, of so many octets
		if v := r.Take(int(t&0x3f), "value"); number == paramState && len(v) == 1 {
			n.State = v[0]
		}
	case t == 0x20 || t == 0: // an image, or a number of so many octets as an image
		r.Image(maxText, "value")
	case t&0xc0 == 0: // a number of so many octets
		r.Take(int(t&0x0f), "value")
	default:
		return false
	}
	return true
}
