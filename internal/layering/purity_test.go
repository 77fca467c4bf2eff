package layering

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The packages that know no clock, no network and no goroutine: codecs and machines.
var pure = []string{"bridge", "cotp", "group/playout", "spdu", "spm"}

// What a pure package may not import, each with all that lies below it.
var impure = []string{
	"context", "log", "net", "os", "plugin", "runtime", "sync", "syscall", "testing", "unsafe",
	// Randomness is an argument, so that a run can be repeated; math/rand/v2's generators take a seed, see usable.
	"crypto/rand", "math/rand",
}

// Of these packages only part is usable in a pure package.
var usable = map[string]func(name string) bool{
	"time": func(name string) bool {
		return !slices.Contains([]string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep",
			"Timer", "Ticker"}, name)
	},
	"math/rand/v2": func(name string) bool {
		return strings.HasPrefix(name, "New") || slices.Contains([]string{"Rand", "Source", "PCG", "ChaCha8", "Zipf"}, name)
	},
}

func TestPurity(t *testing.T) {
	for _, problem := range checkPurity(load(t, repository)) {
		t.Error(problem)
	}
}

// The pure packages of DECnet, but for their drivers.
var pureDECnet = []string{"decnet", "decnet/internal/octets", "decnet/routing", "decnet/nsp", "decnet/scp", "decnet/ddcmp", "decnet/nml"}

// isPure reports whether the file is to be pure: those of the pure packages, and in the families all but the files of drivers, which are
// named driver*.go, conn.go and listener.go, and the suites.
func (s *source) isPure() bool {
	if !match("appletalk/...", s.dir) && !slices.Contains(pureDECnet, s.dir) {
		return slices.Contains(pure, s.dir)
	}
	base := path.Base(s.name)
	return !isSuite(s.dir) && !strings.HasPrefix(base, "driver") && base != "conn.go" && base != "listener.go"
}

func checkPurity(sources []*source) (problems []string) {
	for _, s := range sources {
		if !s.isTest() && s.isPure() {
			problems = append(problems, s.impurities()...)
		}
	}
	return problems
}

func (s *source) impurities() (problems []string) {
	report := func(node ast.Node, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%v: %s, and %s is pure", s.fset.Position(node.Pos()), fmt.Sprintf(format, args...), s.dir))
	}
	watched := map[string]string{} // the local name of a package that is usable in part, and its path
	for _, spec := range s.file.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("BUG: the parser let an import path through that is no string: " + spec.Path.Value)
		}
		if isImpure(importPath) {
			report(spec, "imports %s", importPath)
		}
		if usable[importPath] == nil {
			continue
		}
		name := path.Base(importPath)
		if name == "v2" {
			name = path.Base(path.Dir(importPath))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." {
			report(spec, "imports the names of %s", importPath)
		}
		watched[name] = importPath
	}
	ast.Inspect(s.file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt:
			report(node, "starts a goroutine")
		case *ast.SelectorExpr:
			// A variable that has the package's name is taken for it: rename the variable.
			x, ok := node.X.(*ast.Ident)
			if !ok {
				break
			}
			if importPath, ok := watched[x.Name]; ok && !usable[importPath](node.Sel.Name) {
				report(node, "uses %s.%s", importPath, node.Sel.Name)
			}
		}
		return true
	})
	return problems
}

func isImpure(importPath string) bool {
	if importPath == "net/netip" || importPath == "math/rand/v2" {
		return false
	}
	return slices.ContainsFunc(impure, func(bad string) bool {
		return importPath == bad || strings.HasPrefix(importPath, bad+"/")
	})
}

func TestPurityCanFail(t *testing.T) {
	for _, tt := range []struct {
		why, file, text string
		want            bool // allowed
	}{
		{"values and codecs", "spdu/a.go", `import ("errors"; "net/netip"; "time"); var E = errors.New("x"); var A netip.Addr; const D = time.Second`, true},
		{"the clock's values", "bridge/a.go", `import "time"; func f(now time.Time) time.Time { return now.Add(time.Second) }`, true},
		{"the clock", "bridge/a.go", `import "time"; func f() time.Time { return time.Now() }`, false},
		{"the clock by another name", "bridge/a.go", `import t "time"; var now = t.Now`, false},
		{"the clock with no name", "bridge/a.go", `import . "time"; var now = Now`, false},
		{"time since", "bridge/a.go", `import "time"; func f(t0 time.Time) time.Duration { return time.Since(t0) }`, false},
		{"a timer", "bridge/a.go", `import "time"; var c = time.After(1)`, false},
		{"a timer's type", "bridge/a.go", `import "time"; type m struct { t *time.Timer }`, false},
		{"sleeping", "spm/a.go", `import "time"; func f() { time.Sleep(1) }`, false},
		{"a goroutine", "spm/a.go", `func f() { go f() }`, false},
		{"a goroutine, deep", "spm/a.go", `var f = func() { if true { func() { go func() {}() }() } }`, false},
		{"the network", "cotp/a.go", `import _ "net"`, false},
		{"what lies below the network", "cotp/a.go", `import _ "net/http"`, false},
		{"files", "cotp/a.go", `import _ "os"`, false},
		{"locks", "bridge/a.go", `import _ "sync"`, false},
		{"atomic variables", "bridge/a.go", `import _ "sync/atomic"`, false},
		{"contexts", "bridge/a.go", `import _ "context"`, false},
		{"real randomness", "bridge/a.go", `import _ "crypto/rand"`, false},
		{"seeded randomness", "bridge/a.go", `import "math/rand/v2"; var r = rand.New(rand.NewPCG(1, 2))`, true},
		{"unseeded randomness", "bridge/a.go", `import "math/rand/v2"; var n = rand.IntN(2)`, false},
		{"a name that only begins alike", "bridge/a.go", `import _ "network"`, true},
		{"a test", "bridge/a_test.go", `import ("sync"; "time"); var m sync.Mutex; var now = time.Now()`, true},
		{"a family's machine", "appletalk/zip/a.go", `import _ "net"`, false},
		{"a family's driver", "appletalk/node/driver.go", `import _ "net"; func f() { go f() }`, true},
		{"a family's driver for one system", "appletalk/ethertalk/driver_linux.go", `import _ "os"`, true},
		{"a family's connection", "decnet/nsp/conn.go", `import _ "sync"`, true},
		{"a family's suite", "appletalk/link/linktest/a.go", `import _ "testing"`, true},
		{"a driver of no family", "spdu/driver.go", `import _ "net"`, false},
		{"another package", "endpoint/a.go", `import "time"; func f() { go time.Sleep(1) }`, true},
	} {
		problems := checkPurity(load(t, fakeTree(map[string]string{tt.file: "package p; " + tt.text})))
		if got := len(problems) == 0; got != tt.want {
			t.Errorf("%s: allowed %v, want %v (%q)", tt.why, got, tt.want, problems)
		}
	}
}
