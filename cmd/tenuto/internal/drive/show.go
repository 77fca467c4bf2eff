package drive

import (
	"encoding/json"
	"fmt"
	"io"
)

// Text shows records as text: primitives, and indented below them, if that is wanted, SPDUs.
func Text(w io.Writer, spdus bool) func(Record) {
	return func(r Record) {
		arrow := "<"
		if r.Sent {
			arrow = ">"
		}
		switch {
		case r.SPDU == "":
			fmt.Fprintf(w, "%s %s\n", arrow, r.Primitive)
		case spdus:
			how := ""
			if r.Expedited {
				how = " expedited"
			}
			fmt.Fprintf(w, "    %s %s%s\n", arrow, r.SPDU, how)
		}
	}
}

// JSON shows records as JSON, one object a line.
func JSON(w io.Writer, spdus bool) func(Record) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return func(r Record) {
		if r.SPDU == "" || spdus {
			e.Encode(r)
		}
	}
}
