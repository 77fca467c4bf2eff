package main

import (
	"bytes"
	"io"
	"testing"
)

func TestRecords(t *testing.T) {
	var b bytes.Buffer
	if err := writeRecord(&b, recordWrite, []byte{0, 1}, []byte("b"), []byte("data")); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(b.Bytes())
	kind, got, err := readRecord(&b)
	if kind != recordWrite || string(got) != "\x00\x01bdata" || err != nil {
		t.Errorf("%d, %q, %v", kind, got, err)
	}
	if _, _, err := readRecord(&b); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for n := 1; n < len(whole); n++ {
		if _, _, err := readRecord(bytes.NewReader(whole[:n])); err == nil || err == io.EOF {
			t.Errorf("%d octets of %d: %v", n, len(whole), err)
		}
	}
	if _, _, err := readRecord(bytes.NewReader([]byte{2, 0xff, 0xff})); err == nil {
		t.Error("a record that is too long")
	}
}

// FuzzRecord: a record that is read is what writeRecord makes of it.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{2, 0, 1, 'x'})
	f.Fuzz(func(t *testing.T, in []byte) {
		kind, b, err := readRecord(bytes.NewReader(in))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := writeRecord(&out, kind, b); err != nil || !bytes.HasPrefix(in, out.Bytes()) {
			t.Errorf("% x, %v", out.Bytes(), err)
		}
	})
}
