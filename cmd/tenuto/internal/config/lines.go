package config

import (
	"bytes"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// linesOf finds the line of each key and of each table's head in a document that is good TOML. Keys inside values have none.
func linesOf(text []byte) map[string]int {
	lines := make(map[string]int)
	var p unstable.Parser
	p.Reset(text)
	var table []string
	line, at := 1, 0 // the octet that was looked at last
	for p.NextExpression() {
		e := p.Expression()
		var key []string
		for it := e.Key(); it.Next(); {
			n := it.Node()
			key = append(key, string(n.Data))
			offset := max(at, int(n.Raw.Offset))
			line += bytes.Count(text[at:offset], []byte("\n"))
			at = offset
		}
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = key
		case unstable.KeyValue:
			key = append(table[:len(table):len(table)], key...)
		}
		// The key, and the tables that it is the first one in.
		for ; len(key) > 0; key = key[:len(key)-1] {
			if _, ok := lines[joined(key)]; !ok {
				lines[joined(key)] = line
			}
		}
	}
	return lines
}

// joined is a path of keys as one text. A key that holds this very character may get another one's line.
func joined(path []string) string { return strings.Join(path, "\x00") }
