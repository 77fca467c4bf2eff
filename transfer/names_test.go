package transfer

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckPath(t *testing.T) {
	long := strings.Repeat("n", maxName)
	for _, tt := range []struct {
		path string
		want bool
	}{
		{"a", true}, {"a/b/c", true}, {"...", true}, {"..a", true}, {" ", true}, {"-rf", true}, {"~", true}, {"$(x)", true},
		{"日本/ünï", true}, {long, true}, {long + "/" + long, true}, {".tenuto", true}, {".tenuto-x", true}, {"a.tenuto-0123456789abcdef", true},
		{".a.tenuto-0123456789abcdef", true}, {".a.tenuto-0123456789abcdef-x", true}, {strings.Repeat("d/", maxDepth-1) + "f", true},
		{"", false}, {"/", false}, {"/etc/passwd", false}, {"a//b", false}, {"a/", false}, {".", false}, {"./a", false}, {"a/.", false},
		{"..", false}, {"../a", false}, {"a/../b", false}, {"a/..", false}, {"a\x00b", false}, {long + "n", false}, {"a/" + long + "n", false},
		{strings.Repeat("d/", maxDepth) + "f", false}, {strings.Repeat(long+"/", 12) + long, false},
		{".a.tenuto-0123456789abcdef-1f", false}, {"x/.A.TENUTO-0123456789ABCDEF-0", false}, {".tenuto-0123456789abcdef", false},
		{".tenuto-0123456789abcdef/a", false},
	} {
		if err := checkPath(tt.path); (err == nil) != tt.want {
			t.Errorf("%.60q: %v; want allowed %v", tt.path, err, tt.want)
		}
	}
}

func TestWindowsNames(t *testing.T) {
	for _, name := range []string{"CON", "con", "nul.txt", "Aux .c", "COM1", "lpt9.x", "COM¹", "CONIN$", "a:b", `a\b`, "a?", "a*", "<", "a|b", "tail.", "tail ", "a\tb", `"`} {
		if !isWindowsReserved(name) {
			t.Errorf("%q is allowed", name)
		}
	}
	for _, name := range []string{"a", "console", "COM", "COM10", "LPTX", "a.b", ".a", " a", "nul1", "日本", "com1x"} {
		if isWindowsReserved(name) {
			t.Errorf("%q is refused", name)
		}
	}
}

func TestStaysWithin(t *testing.T) {
	for _, tt := range []struct {
		path, target string
		want         bool
	}{
		{"l", "a", true}, {"l", "a/b", true}, {"l", ".", true}, {"l", "./a", true}, {"l", "a//b", true}, {"d/l", "../a", true},
		{"d/e/l", "../../a/b", true}, {"d/e/l", "..", true}, {"d/l", "./../a", true}, {"l", "..a", true}, {"l", "l", true}, {"d/l", "..", true},
		{"l", "", false}, {"l", "/", false}, {"l", "/etc/passwd", false}, {"l", "..", false}, {"l", "../a", false}, {"d/l", "../../a", false},
		{"d/l", "a/..", false}, {"d/l", "a/../b", false}, // a may be a link to the top
		{"d/l", "../a/..", false},
	} {
		if got := staysWithin(tt.path, tt.target); got != tt.want {
			t.Errorf("%s -> %s: %v, want %v", tt.path, tt.target, got, tt.want)
		}
	}
}

// Temporary names are beside the file, no peer may say them, no two are the same, and they are as long as a name may be at most.
func TestTemporaryNames(t *testing.T) {
	const tag = "0123456789abcdef"
	seen := map[string]bool{}
	for _, p := range []string{"a", "d/a", "d/A", strings.Repeat("n", maxName), strings.Repeat("ü", maxName/2), "x" + strings.Repeat("ü", maxName/2),
		strings.Repeat("語", maxName/3), strings.Repeat("🎵", maxName/4), "xx" + strings.Repeat("🎵", maxName/4), strings.Repeat("\xff", maxName)} {
		for number := range int64(3) {
			got := temporary(p, tag, number*MaxEntries/2)
			name := path.Base(got)
			switch {
			case path.Dir(got) != path.Dir(p):
				t.Errorf("%q is not beside %q", got, p)
			case len(name) > maxName:
				t.Errorf("%q has %d octets", got, len(name))
			case !isOwn(name) || checkPath(got) == nil:
				t.Errorf("a peer may say %q", got)
			case utf8.ValidString(p) != utf8.ValidString(got):
				t.Errorf("%q is cut within a character", got)
			case seen[got]:
				t.Errorf("%q is there twice", got)
			}
			seen[got] = true
		}
	}
	if checkPath(journalName(tag)) == nil {
		t.Error("a peer may say the journal's name")
	}
}
