package layering

import (
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// rule says which packages of ours the packages that match a pattern may import outside their tests. The first rule that
// matches a package is its rule. A pattern is a path from the module's root; "*" stands for one element and a final "/..."
// for the directory itself and all below.
type rule struct {
	pkg  string
	may  []string
	note string
}

// The import direction, from below to above. "." is the root package.
var rules = []rule{
	{pkg: "transport", note: "leaf: the transport service as X.225 sees it"},
	{pkg: "carrier", note: "leaf: what a bridge needs of a real connection"},
	{pkg: "spdu", note: "leaf: the SPDUs"},
	{pkg: "identity", note: "leaf: keys"},
	{pkg: "checkpoint", note: "leaf: the store's interface"},

	{pkg: "transport/transporttest", may: []string{"transport"}},
	{pkg: "carrier/carriertest", may: []string{"carrier"}},
	{pkg: "carrier/internal/socket", may: []string{"carrier"}},
	{pkg: "carrier/adsp", may: []string{"carrier", "carrier/internal/socket", "appletalk/..."}},
	{pkg: "carrier/decnet", may: []string{"carrier", "decnet/..."}},
	{pkg: "carrier/*", may: []string{"carrier", "carrier/internal/socket"}},
	{pkg: "checkpoint/*", may: []string{"checkpoint"}},

	{pkg: "spm", may: []string{"spdu"}},
	{pkg: "bridge", may: []string{"identity"}},
	{pkg: "endpoint", may: []string{"bridge", "carrier", "transport", "identity"}},
	{pkg: "cotp"},
	{pkg: "rfc1006", may: []string{"cotp", "transport"}},

	// The root knows only those carriers that need nothing beyond golang.org/x.
	{pkg: ".", may: []string{"spm", "spdu", "transport", "endpoint", "identity", "rfc1006", "cotp",
		"carrier", "carrier/tcp", "carrier/tls", "carrier/unix", "carrier/memory"}},

	{pkg: "forward", may: []string{"."}},
	{pkg: "relay", may: []string{"."}},
	{pkg: "durable", may: []string{".", "checkpoint", "identity"}},
	{pkg: "group/playout", note: "leaf: the machine of a group's receiver"},
	{pkg: "group", may: []string{".", "group/playout"}},
	{pkg: "transfer", may: []string{".", "checkpoint", "durable"}},

	// A family is a complete stack of its own.
	{pkg: "appletalk/macroman", note: "leaf: the characters of names"},
	{pkg: "appletalk/link", note: "leaf: what a machine needs of a real link"},
	{pkg: "appletalk/ddp", note: "leaf: datagrams"},
	{pkg: "appletalk/aep", note: "leaf: echo"},
	{pkg: "appletalk/llap", note: "leaf: LocalTalk's frames and addresses"},
	{pkg: "appletalk/elap", may: []string{"appletalk/link"}},
	{pkg: "appletalk/aarp", may: []string{"appletalk/link", "appletalk/elap", "appletalk/ddp"}},
	{pkg: "appletalk/rtmp", may: []string{"appletalk/ddp"}},
	{pkg: "appletalk/zip", may: []string{"appletalk/ddp", "appletalk/elap", "appletalk/link", "appletalk/macroman"}},
	{pkg: "appletalk/nbp", may: []string{"appletalk/ddp", "appletalk/macroman"}},
	{pkg: "appletalk/atp", may: []string{"appletalk/ddp"}},
	{pkg: "appletalk/ethertalk", may: []string{"appletalk/link", "appletalk/elap", "internal/rawlink"}},
	{pkg: "appletalk/...", may: []string{"appletalk/..."}},
	{pkg: "decnet/ethernet", may: []string{"decnet/...", "internal/rawlink"}},
	{pkg: "decnet/...", may: []string{"decnet/..."}},

	{pkg: "internal/control", may: []string{".", "forward"}},
	{pkg: "internal/rawlink", note: "leaf: packet sockets"},
	{pkg: "internal/layering", note: "only tests"},
	{pkg: "internal/pcaptest", note: "captures, for tests of what reads them"},
	{pkg: "internal/netns", note: "only tests, which run the program"},
	{pkg: "internal/tshark", note: "only tests, which run the program"},
	{pkg: "packaging", note: "only tests, which run the program"},
	{pkg: "cmd/...", may: []string{"..."}},
}

func TestImportDirection(t *testing.T) {
	for _, problem := range checkDirection(load(t, repository)) {
		t.Error(problem)
	}
}

func checkDirection(sources []*source) (problems []string) {
	for _, dir := range dirs(sources) {
		if ruleOf(dir) == nil {
			problems = append(problems, fmt.Sprintf("package %s has no line in the table of rules: decide what it may import", dir))
		}
	}
	for _, s := range sources {
		r := ruleOf(s.dir)
		if r == nil || s.isTest() {
			continue
		}
		for _, p := range s.imports() {
			to, ok := own(p)
			if !ok || to == s.dir {
				continue
			}
			allowed := slices.ContainsFunc(r.may, func(pattern string) bool { return match(pattern, to) })
			// A suite draws in the testing package: only test files and other suites want that.
			if isSuite(to) && !isSuite(s.dir) {
				allowed = false
			}
			if !allowed {
				problems = append(problems, fmt.Sprintf("%s imports %s, which %s may not", s.name, to, s.dir))
			}
		}
	}
	return problems
}

func ruleOf(dir string) *rule {
	for i := range rules {
		if match(rules[i].pkg, dir) {
			return &rules[i]
		}
	}
	return nil
}

func isSuite(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }

func match(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == prefix || strings.HasPrefix(dir, prefix+"/")
	}
	ok, err := path.Match(pattern, dir)
	if err != nil {
		panic("BUG: bad pattern in the table of rules: " + pattern)
	}
	return ok
}

func TestImportDirectionCanFail(t *testing.T) {
	const m = modulePath
	for _, tt := range []struct {
		file, imports string
		want          bool // allowed
	}{
		{"spm/a.go", m + "/spdu", true},
		{"spdu/a.go", m + "/spm", false},
		{"spm/a.go", m + "/transport", false},
		{"spm/a_test.go", m + "/transport", true},
		{"bridge/a.go", m + "/transport", false},
		{"bridge/a.go", m + "/identity", true},
		{"endpoint/a.go", m + "/bridge", true},
		{"endpoint/a.go", m, false},
		{"endpoint/a.go", m + "/spdu", false},
		{"carrier/tcp/a.go", m + "/carrier", true},
		{"carrier/tcp/a.go", m + "/endpoint", false},
		{"carrier/a.go", m + "/carrier/tcp", false},
		{"a.go", m + "/carrier/memory", true},
		{"a.go", m + "/carrier/quic", false},
		{"a.go", m + "/forward", false},
		{"forward/a.go", m, true},
		{"forward/a.go", m + "/endpoint", false},
		{"appletalk/asp/a.go", m + "/appletalk/atp", true},
		{"appletalk/asp/a.go", m + "/decnet/nsp", false},
		{"decnet/nsp/a.go", m, false},
		{"cmd/tenuto/a.go", m + "/forward", true},
		{"cmd/tenuto/a.go", m + "/carrier/carriertest", false},
		{"cmd/tenuto/a_test.go", m + "/carrier/carriertest", true},
		{"novelty/a.go", "fmt", false},
	} {
		tree := fakeTree(map[string]string{tt.file: fmt.Sprintf("package p\nimport _ %q\n", tt.imports)})
		problems := checkDirection(load(t, tree))
		if got := len(problems) == 0; got != tt.want {
			t.Errorf("%s imports %s: allowed %v, want %v (%q)", tt.file, tt.imports, got, tt.want, problems)
		}
	}
}

func fakeTree(files map[string]string) fs.FS {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// The packages that a program gets by importing the root, and the pure ones, bring nothing with them.
var unencumbered = []string{".", "spm", "spdu", "transport", "bridge", "endpoint", "carrier", "cotp", "rfc1006", "identity", "checkpoint",
	"appletalk/link", "appletalk/macroman", "appletalk/ddp", "appletalk/aep", "appletalk/llap", "appletalk/elap", "appletalk/aarp",
	"appletalk/rtmp", "appletalk/zip", "appletalk/nbp", "appletalk/atp", "appletalk/port", "appletalk/engine", "appletalk/router",
	"appletalk/node", "appletalk/memory", "appletalk/ltoudp", "appletalk/ethertalk", "appletalk/drive", "appletalk/adsp", "appletalk/asp",
	"appletalk/pap", "carrier/adsp", "group/playout", "group", "decnet", "decnet/nsp", "decnet/routing", "decnet/scp", "decnet/node", "carrier/decnet"}

func TestRootPullsInNothing(t *testing.T) {
	sources := load(t, repository)
	args := []string{"list", "-deps", "-f", "{{.ImportPath}} {{.Standard}}"}
	for _, dir := range unencumbered {
		// Test files alone make no package.
		if slices.ContainsFunc(sources, func(s *source) bool { return s.dir == dir && !s.isTest() }) {
			args = append(args, "./"+dir)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	for _, problem := range checkDeps(string(out)) {
		t.Error(problem)
	}
}

// checkDeps reads lines of an import path and whether it is the standard library's.
func checkDeps(list string) (problems []string) {
	for line := range strings.Lines(list) {
		importPath, standard, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, ours := own(importPath)
		if standard != "true" && !ours && !strings.HasPrefix(importPath, "golang.org/x/") {
			problems = append(problems, importPath+" comes with the root or a package below it: only the standard library, golang.org/x and our own may")
		}
	}
	return problems
}

func TestRootPullsInNothingCanFail(t *testing.T) {
	for _, tt := range []struct {
		line string
		want bool // allowed
	}{
		{"net/netip true", true},
		{"golang.org/x/sys/unix false", true},
		{modulePath + "/spm false", true},
		{modulePath + " false", true},
		{"github.com/spf13/cobra false", false},
		{"golang.org.example/x/sys false", false},
		{modulePath + "evil/x false", false},
	} {
		if got := len(checkDeps(tt.line+"\n")) == 0; got != tt.want {
			t.Errorf("%q: allowed %v, want %v", tt.line, got, tt.want)
		}
	}
}
