package layering

import (
	"fmt"
	"go/ast"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// The statuses of docs/conformance/*.txt. What is supported names the tests that show it.
var statuses = []string{"supported", "partly", "not supported"}

func TestConformanceNamesTests(t *testing.T) {
	for _, problem := range checkConformance(t, repository) {
		t.Error(problem)
	}
}

// checkConformance reads lines of clause, status and tests, set apart by tabs. Tests are set apart by commas; each is a
// test's name, with the package's directory before it or a subtest's name after it or neither. "#" begins a comment line.
func checkConformance(t *testing.T, tree fs.FS) (problems []string) {
	names, err := fs.Glob(tree, "docs/conformance/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(load(t, tree))
	for _, name := range names {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			line = strings.TrimRight(line, "\r\n")
			if line == "" || line[0] == '#' {
				continue
			}
			if problem := checkClause(line, tests); problem != "" {
				problems = append(problems, fmt.Sprintf("%s:%d: %s", name, number, problem))
			}
		}
	}
	return problems
}

func checkClause(line string, tests map[string]bool) (problem string) {
	fields := strings.Split(line, "\t")
	if len(fields) == 2 {
		fields = append(fields, "")
	}
	if len(fields) != 3 || fields[0] == "" {
		return "not of the form clause, status, test, set apart by one tab each"
	}
	status, named := fields[1], strings.TrimSpace(fields[2])
	if !slices.Contains(statuses, status) {
		return fmt.Sprintf("status %q is none of %q", status, statuses)
	}
	if named == "" {
		if status == "not supported" {
			return ""
		}
		return status + ", and no test is named"
	}
	for test := range strings.SplitSeq(named, ",") {
		if test = withoutSubtest(strings.TrimSpace(test)); !tests[test] {
			return fmt.Sprintf("there is no test %q", test)
		}
	}
	return ""
}

// withoutSubtest cuts name after the element that names a test function.
func withoutSubtest(name string) string {
	elements := strings.Split(name, "/")
	if i := slices.IndexFunc(elements, isTestName); i >= 0 {
		elements = elements[:i+1]
	}
	return strings.Join(elements, "/")
}

func isTestName(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example")
}

// testNames returns the names of all tests, each with and without its package's directory.
func testNames(sources []*source) map[string]bool {
	names := map[string]bool{}
	for _, s := range sources {
		if !s.isTest() {
			continue
		}
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && isTestName(f.Name.Name) {
				names[f.Name.Name] = true
				names[s.dir+"/"+f.Name.Name] = true
			}
		}
	}
	return names
}

func TestConformanceCanFail(t *testing.T) {
	for _, tt := range []struct {
		line string
		want bool // allowed
	}{
		{"# X.225 (11/95)", true},
		{"7.1\tsupported\tTestTables", true},
		{"7.1\tsupported\tspm/TestTables", true},
		{"7.1\tpartly\tspm/TestTables/S1, FuzzTables", true},
		{"7.1\tnot supported", true},
		{"7.1\tnot supported\t", true},
		{"7.1\tsupported", false},
		{"7.1\tsupported\t", false},
		{"7.1\tsupported\tTestTable", false},
		{"7.1\tsupported\tspdu/TestTables", false},
		{"7.1\tsupported\tTestTables, TestGone", false},
		{"7.1\tperhaps\tTestTables", false},
		{"7.1 supported TestTables", false},
		{"\tsupported\tTestTables", false},
		{"7.1\tsupported\thelper", false},
	} {
		problems := checkConformance(t, fakeTree(map[string]string{
			"docs/conformance/x225.txt": tt.line + "\n",
			"spm/tables_test.go":        "package spm\nfunc TestTables() {}\nfunc FuzzTables() {}\nfunc helper() {}\n",
		}))
		if got := len(problems) == 0; got != tt.want {
			t.Errorf("%q: allowed %v, want %v (%q)", tt.line, got, tt.want, problems)
		}
	}
}
