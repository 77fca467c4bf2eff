package spm

import (
	"fmt"
	"strings"
)

// String shows a table as the standard prints it, a row a line.
func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Table %s: %s\n\n", t.name, t.title)
	b.WriteString("| Event | States | Predicate | Outputs | Actions | Next |\n|---|---|---|---|---|---|\n")
	for i := range t.rows {
		r := &t.rows[i]
		event := r.event.String()
		if r.mark != "" {
			event += " †" + r.mark
		}
		fmt.Fprintf(&b, "| %s | %v | %v | %v | %v | %v |\n", event, r.states, r.when, r.outputs, r.actions, r.next)
	}
	return b.String()
}

func (set stateSet) String() string {
	var names []string
	for s := range numStates {
		if set.has(s) {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, ", ")
}

func (p predicate) String() string {
	if p < 0 {
		return "¬" + (-p).String()
	}
	return fmt.Sprintf("p%02d", int(p))
}

func (c condition) String() string {
	return list(c[:], " & ", "—")
}

func (o outputs) String() string {
	return list(o[:], ", ", "(none)")
}

func (a action) String() string { return fmt.Sprintf("[%d]", uint8(a)) }

func (a actions) String() string {
	return list(a[:], " ", "—")
}

func list[T interface {
	comparable
	fmt.Stringer
}](items []T, sep, empty string) string {
	var zero T
	var names []string
	for _, it := range items {
		if it != zero {
			names = append(names, it.String())
		}
	}
	if names == nil {
		return empty
	}
	return strings.Join(names, sep)
}
