package dissect

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScripts runs testdata/*.txt. go test -rewrite makes the outputs anew.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		datadriven.RunTest(t, path, command)
	})
}

func command(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "decode": // decode [OPTION…], with the input
		return run(t, d, []byte(d.Input))
	case "octets": // octets [OPTION…], with octets in hexadecimal that are the input
		return run(t, d, octetsOf(t, d.Input))
	default:
		d.Fatalf(t, "no command %s", d.Cmd)
	}
	return ""
}

// octetsOf reads octets in hexadecimal; N*XX is an octet N times.
func octetsOf(t *testing.T, text string) (b []byte) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.Fields(line) {
			n, o := 1, byte(0)
			times, octet, ok := strings.Cut(word, "*")
			if ok {
				fmt.Sscan(times, &n)
			} else {
				octet = word
			}
			if _, err := fmt.Sscanf(octet, "%02x", &o); err != nil || len(octet) != 2 {
				t.Fatalf("%q is no octet", word)
			}
			b = append(b, bytes.Repeat([]byte{o}, n)...)
		}
	}
	return b
}

// run decodes with the options of a command: style=S format=F data=N tsdu.
func run(t *testing.T, d *datadriven.TestData, in []byte) string {
	o := Options{Data: 16, TSDU: d.HasArg("tsdu")}
	var style, format string
	for name, v := range map[string]any{"style": &style, "format": &format, "data": &o.Data} {
		if d.HasArg(name) {
			d.ScanArgs(t, name, v)
		}
	}
	o.Style = map[string]Style{"summary": Summary, "json": JSON}[style]
	o.Format = map[string]Format{"hex": Hex, "raw": Raw}[format]
	var out bytes.Buffer
	r, err := Run(context.Background(), bytes.NewReader(in), &out, o)
	if err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	if r.Problems > 0 {
		fmt.Fprintf(&out, "errors: %d\n", r.Problems)
	}
	return out.String()
}
