// Package config reads flags from a TOML file. A key is a flag's name without its dashes, and means what the flag means, so that
// no flag is named twice:
//
//	log-level = "debug"                  # for every command that has the flag
//
//	[serve]                              # for one command
//	listen = ["tenuto://:7225"]
//	half-open = 64
//
//	[serve.services]                     # for a flag of NAME=VALUE pairs; as well: service = ["db=127.0.0.1:5432"]
//	db = "127.0.0.1:5432"
//
// What the command line says goes before what the file says, in the command's table before the top; a list is taken from one place
// as a whole. Unknown keys and wrong types are errors wherever they stand, also in the tables of other commands.
//
//	if err := config.Apply(cmd, path, "serve", "forward", "connect"); err != nil { … }
package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxFile is the size of the largest file that is read, in octets.
const maxFile = 1 << 20

// Apply sets those flags of a command that the command line has not set and the file has. The sections are the names of the
// commands that have a table. It is to be called when the command line is parsed, before anything looks at a flag.
func Apply(cmd *cobra.Command, path string, sections ...string) error {
	text, err := read(path)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	f, err := parse(path, text, schemaOf(cmd.Root(), sections))
	if err != nil {
		return err
	}
	return f.apply(cmd.Name(), cmd.Flags())
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d octets", path, maxFile)
	}
	return text, err
}

// schema is what a file may hold.
type schema struct {
	top      map[string]*pflag.Flag            // by key
	sections map[string]map[string]*pflag.Flag // by table and key
}

// own are the flags that make no sense in a file.
var own = []string{"config", "help", "version"}

// schemaOf finds the flags of the commands below root. A key stands at the top if its flag is one of all commands, or means the same
// in several of them.
func schemaOf(root *cobra.Command, sections []string) *schema {
	s := &schema{top: make(map[string]*pflag.Flag), sections: make(map[string]map[string]*pflag.Flag)}
	global := make(map[string]*pflag.Flag)
	collect := func(into map[string]*pflag.Flag) func(*pflag.Flag) {
		return func(f *pflag.Flag) {
			if !slices.Contains(own, f.Name) {
				into[f.Name] = f
			}
		}
	}
	root.PersistentFlags().VisitAll(collect(global))
	seen := make(map[string]string)  // a flag's name and type
	differs := make(map[string]bool) // its type is not the same everywhere
	several := make(map[string]bool) // it is there more than once
	for _, name := range sections {
		i := slices.IndexFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
		if i < 0 {
			panic("BUG: there is no command " + name)
		}
		flags := maps.Clone(global)
		root.Commands()[i].Flags().VisitAll(collect(flags))
		s.sections[name] = flags
		for key, f := range flags {
			if type_, ok := seen[key]; ok {
				several[key] = true
				differs[key] = differs[key] || type_ != f.Value.Type()
			}
			seen[key] = f.Value.Type()
			s.top[key] = f
		}
	}
	maps.DeleteFunc(s.top, func(key string, _ *pflag.Flag) bool { return !several[key] || differs[key] })
	maps.Copy(s.top, global)
	return s
}

// file is a file whose keys and types are right. Whether a flag takes a value is known when it is set.
type file struct {
	name     string
	top      []setting
	sections map[string][]setting
}

// setting is a key with its value.
type setting struct {
	flag  string // the flag's name
	path  string // the key with its table, for errors
	line  int
	type_ string   // the flag's type
	texts []string // one, or those of a list
}

// parse reads a file. Its errors are lines of "NAME:LINE: sentence", one for each mistake, in the order of the file.
func parse(name string, text []byte, s *schema) (*file, error) {
	var doc map[string]any
	if err := toml.Unmarshal(text, &doc); err != nil {
		line := 0
		if d, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ = d.Position()
		}
		return nil, fmt.Errorf("%s:%d: %s", name, line, strings.TrimPrefix(err.Error(), "toml: "))
	}
	r := &reader{name: name, schema: s, lines: linesOf(text)}
	f := &file{name: name, sections: make(map[string][]setting)}
	for key, value := range doc {
		flags, isSection := s.sections[key]
		table, isTable := value.(map[string]any)
		switch {
		case isSection && isTable:
			for k, v := range table {
				f.sections[key] = r.setting(f.sections[key], key, k, v, flags)
			}
		case isSection:
			r.fail([]string{key}, "%s is a table, written [%s]; it is %s", key, key, typeName(value))
		default:
			f.top = r.setting(f.top, "", key, value, s.top)
		}
	}
	return f, r.err()
}

// reader collects settings and mistakes.
type reader struct {
	name     string
	schema   *schema
	lines    map[string]int
	mistakes []mistake
}

type mistake struct {
	line int
	text string
}

func (r *reader) fail(path []string, format string, args ...any) {
	r.mistakes = append(r.mistakes, mistake{r.line(path), fmt.Sprintf(format, args...)})
}

// line is where a key stands, or what it stands in.
func (r *reader) line(path []string) int {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if line := r.lines[joined(path)]; line > 0 {
			return line
		}
	}
	return 1
}

func (r *reader) err() error {
	slices.SortStableFunc(r.mistakes, func(a, b mistake) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return strings.Compare(a.text, b.text)
	})
	var all []error
	for _, m := range r.mistakes {
		all = append(all, fmt.Errorf("%s:%d: %s", r.name, m.line, m.text))
	}
	return errors.Join(all...)
}

// setting adds what a key says, in a table or, if that is empty, at the top.
func (r *reader) setting(settings []setting, section, key string, value any, flags map[string]*pflag.Flag) []setting {
	path := []string{key}
	if section != "" {
		path = []string{section, key}
	}
	flag := flags[key]
	table, isTable := value.(map[string]any)
	if singular := flags[strings.TrimSuffix(key, "s")]; flag == nil && isTable && isPairs(singular) {
		flag = singular // [serve.services] for --service
	}
	if flag == nil {
		r.fail(path, "unknown %s", r.schema.unknown(section, key, isTable))
		return settings
	}
	var texts []string
	var wrong string
	if isTable && isPairs(flag) {
		texts, wrong = pairs(table)
	} else {
		texts, wrong = textsOf(flag, value)
	}
	if wrong != "" {
		r.fail(path, "%s %s", strings.Join(path, "."), wrong)
		return settings
	}
	return append(settings, setting{flag.Name, strings.Join(path, "."), r.line(path), flag.Value.Type(), texts})
}

// apply sets the flags of a command.
func (f *file) apply(command string, flags *pflag.FlagSet) error {
	chosen := make(map[string][]setting)
	for _, s := range f.top {
		chosen[s.flag] = append(chosen[s.flag], s)
	}
	inSection := make(map[string][]setting)
	for _, s := range f.sections[command] {
		inSection[s.flag] = append(inSection[s.flag], s) // two if there is a list and a table
	}
	maps.Copy(chosen, inSection)
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		settings := chosen[name]
		flag := flags.Lookup(name)
		if flag == nil || flag.Changed || flag.Value.Type() != settings[0].type_ {
			continue // another command's, or the command line's
		}
		if err := f.set(flag, settings); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) set(flag *pflag.Flag, settings []setting) error {
	slices.SortFunc(settings, func(a, b setting) int { return a.line - b.line })
	var err error
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		var all []string
		for _, s := range settings {
			all = append(all, s.texts...)
		}
		err = list.Replace(all)
	} else {
		err = flag.Value.Set(settings[0].texts[0])
	}
	if err != nil {
		return fmt.Errorf("%s:%d: %s: %w", f.name, settings[0].line, settings[0].path, err)
	}
	flag.Changed = true
	return nil
}
