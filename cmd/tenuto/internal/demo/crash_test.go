package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestJudge: whatever is committed or sent twice, or never, is found in the logs, in whichever order they are heard.
func TestJudge(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	line := func(second int, msg string, from, to int) string {
		return fmt.Sprintf(`{"time":%q,"msg":%q,"from":%d,"to":%d}`, at.Add(time.Duration(second)*time.Second).Format(time.RFC3339Nano), msg, from, to)
	}
	for name, test := range map[string]struct {
		lines []string // "kill" is that of the receiver
		want  string
	}{
		"all is well":              {[]string{line(0, "sending", 0, 0), line(1, "committed", 0, 10), line(2, "committed", 10, 20), line(3, "sending", 20, 0), line(4, "committed", 20, 30)}, ""},
		"committed again":          {[]string{line(1, "committed", 0, 10), line(2, "committed", 5, 15)}, "octets 5 to 10 were committed again"},
		"never committed":          {[]string{line(1, "committed", 0, 10), line(2, "committed", 12, 15)}, "octets 10 to 12 were never committed"},
		"committed unheard":        {[]string{line(1, "committed", 0, 10), "kill", line(2, "committed", 12, 15)}, ""},
		"sent again":               {[]string{line(1, "committed", 0, 10), line(2, "sending", 5, 0)}, "octets 5 to 10 were sent again"},
		"sent before, heard later": {[]string{line(1, "committed", 0, 10), line(4, "committed", 10, 20), line(2, "sending", 10, 0)}, ""},
		"sent once more":           {[]string{line(1, "committed", 0, 20), line(2, "committed", 20, 30), line(3, "sending", 0, 0), line(4, "committed", 0, 10)}, ""},
		"no line of ours":          {[]string{"panic: this", `{"msg":"other"}`}, ""},
	} {
		j := &judge{moved: make(chan struct{}, 1)}
		for i, l := range test.lines {
			if l == "kill" {
				j.said = append(j.said, saying{Time: at.Add(time.Duration(i) * time.Second)})
				continue
			}
			j.hear([]byte(l))
		}
		err := j.verdict(30)
		if got := fmt.Sprint(err); test.want == "" && err != nil || test.want != "" && !strings.Contains(got, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCrashesNeedRoom(t *testing.T) {
	for _, o := range []CrashOptions{{Size: CrashSize(10) - 1, Cuts: 5, Kills: 5}, {Size: 1 << 30, Cuts: -1}, {Size: 1 << 30, Kills: -1}, {}} {
		if o.Check() == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if err := (CrashOptions{Size: CrashSize(10), Cuts: 5, Kills: 5}).Check(); err != nil {
		t.Error(err)
	}
}
