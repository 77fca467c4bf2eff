package dissect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/tenuto-session/tenuto/spdu"
)

func newBuffered(s string) *bufio.Reader {
	return bufio.NewReaderSize(strings.NewReader(s), bufferSize)
}

// FuzzRun gives it anything: it does not panic, writes JSON where it should, and finds something wrong with what spdu finds wrong.
func FuzzRun(f *testing.F) {
	f.Add(conversation(), uint8(0))
	f.Add([]byte(">>> Flow 1\n03 00 00 0C 02 F0 80 01 00 01 00 61 # DT\n>>> Flow 2\n00000000  03 00  |..|\n*\n00000010  00\n"), uint8(1))
	f.Add([]byte("01 00 01 00 61\n\n0A 00"), uint8(8))
	f.Add([]byte{0x0d, 5, 5, 3, 0x17, 1, 0x41}, uint8(10))
	f.Fuzz(func(t *testing.T, in []byte, options uint8) {
		o := Options{Format: Format(options & 3 % 3), TSDU: options&8 != 0, Data: int(options >> 4)}
		var out bytes.Buffer
		for o.Style = Text; o.Style <= JSON; o.Style++ {
			out.Reset()
			_, _ = Run(t.Context(), bytes.NewReader(in), &out, o)
		}
		for d := json.NewDecoder(&out); ; {
			var u jsonUnit
			if err := d.Decode(&u); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if o.Format != Raw || len(in) == 0 {
			return
		}
		_, _, err := spdu.Parse(in)
		walked := spdu.Walk(in, func(spdu.Item) error { return nil })
		if walked != nil && err == nil {
			t.Fatalf("%v, which is parsed", walked)
		}
		r, _ := Run(t.Context(), bytes.NewReader(in), io.Discard, Options{Format: Raw, TSDU: true})
		if gzipped := len(in) > 1 && in[0] == 0x1f && in[1] == 0x8b; err != nil && r.Problems == 0 && !gzipped {
			t.Fatalf("%v was not found", err)
		}
	})
}
