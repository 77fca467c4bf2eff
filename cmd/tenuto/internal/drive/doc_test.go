package drive

import (
	"bytes"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const manual = "../../../../docs/drive.md"

func readManual(t *testing.T) string {
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block is what a fenced block of the manual holds.
func block(t *testing.T, text, kind string) string {
	_, rest, ok := strings.Cut(text, "```"+kind+"\n")
	inside, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("%s has no block %s", manual, kind)
	}
	return inside
}

// TestManualExample: what docs/drive.md says that the example shows is what it shows, but for the order of what happens at the same time.
func TestManualExample(t *testing.T) {
	text := readManual(t)
	for name, url := range stages {
		st := newRelayed(t, url...)
		var shown bytes.Buffer
		dial, err := ParseScript(block(t, text, "dial"))
		if err != nil {
			t.Fatal(err)
		}
		listen, err := ParseScript(block(t, text, "listen"))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := st.listener(t, new(bytes.Buffer)).Play(listen); err != nil {
				t.Errorf("the responder: %v", err)
			}
		})
		p := st.dialler(t, nil)
		p.o.Print = Text(&shown, true)
		err = p.Play(dial)
		wg.Wait()
		if err != nil {
			t.Fatalf("the initiator: %v\n%s", err, &shown)
		}
		if got := shown.String(); name == "osi" && sorted(got) != sorted(block(t, text, "shown")) {
			t.Errorf("the initiator shows\n%s", got)
		}
	}
}

func sorted(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

// TestManualIsWhole: every verb, parameter and name that lines can have is in docs/drive.md, and no other verb is.
func TestManualIsWhole(t *testing.T) {
	text := readManual(t)
	var named []string
	lines, _, _ := strings.Cut(text, "## The end")
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(line[3:], " | ")
		verb := strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == '`' })[0]
		if !slices.Contains(named, verb) {
			named = append(named, verb)
		}
	}
	if got, want := slices.Sorted(slices.Values(named)), Verbs(); !slices.Equal(got, want) {
		t.Errorf("the table of lines has\n%q, there are\n%q", got, want)
	}
	names := slices.Concat(slices.Collect(maps.Keys(unitNames)), slices.Collect(maps.Keys(tokenNames)), slices.Collect(maps.Keys(reasons)),
		slices.Collect(maps.Keys(refusals)), slices.Collect(maps.Keys(aliases)), slices.Collect(maps.Values(aliases)), candidates([]string{"expect"}), recordFields)
	for _, key := range connectKeys {
		names = append(names, key+"=")
	}
	for _, name := range names {
		if name != "" && !regexp.MustCompile("[` \\[]"+regexp.QuoteMeta(name)+"[`A-Z \\\\]").MatchString(text) {
			t.Errorf("%s is not in %s", name, manual)
		}
	}
}

// recordFields are those of a Record in JSON.
var recordFields = []string{"time", "sent", "primitive", "spdu", "expedited"}
