package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/tenuto-session/tenuto"

// repository is the module's tree as the tests see it.
var repository = os.DirFS("../..")

// source is one Go file. Build constraints are ignored: the rules hold on every platform.
type source struct {
	name string // path from the module's root
	dir  string // "." for the root package
	file *ast.File
	fset *token.FileSet
}

func (s *source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// imports returns the paths that s imports, in order.
func (s *source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("BUG: the parser let an import path through that is no string: " + spec.Path.Value)
		}
		paths = append(paths, p)
	}
	return paths
}

// load parses all Go files of the module in tree. Nested modules, testdata and hidden directories are not the module's.
func load(t *testing.T, tree fs.FS) []*source {
	t.Helper()
	var sources []*source
	fset := token.NewFileSet()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == "." {
				return nil
			}
			base := path.Base(name)
			if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' {
				return fs.SkipDir
			}
			if _, err := fs.Stat(tree, path.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		sources = append(sources, &source{name: name, dir: path.Dir(name), file: file, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// dirs returns the directories that hold a package, sorted.
func dirs(sources []*source) []string {
	found := map[string]bool{}
	for _, s := range sources {
		found[s.dir] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// own returns the directory of an import path of this module.
func own(importPath string) (dir string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}
