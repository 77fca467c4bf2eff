package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// size is a flag's value of a type of its own.
type size int

func (s *size) Set(text string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "KiB"))
	if err != nil {
		return fmt.Errorf("want a size such as 512KiB")
	}
	*s = size(n)
	return nil
}
func (s *size) String() string { return strconv.Itoa(int(*s)) }
func (s *size) Type() string   { return "size" }

// program has commands like the real one. Its fields are what a run has set.
type program struct {
	logLevel         string
	listen, services []string
	reverse          []string
	halfOpen         int
	window           time.Duration
	buffer           size
	strict, back     bool
	port             uint16
	config           string
}

// run parses the command line, and applies a file of the text.
func run(text string, args ...string) (*program, error) {
	p := &program{}
	dir, err := os.MkdirTemp("", "tenuto")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "t.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
	err = p.run(path, args)
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), dir+string(os.PathSeparator), ""))
	}
	return p, err
}

func (p *program) run(path string, args []string) error {
	root := &cobra.Command{Use: "tenuto", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().StringVar(&p.logLevel, "log-level", "info", "")
	root.PersistentFlags().StringVar(&p.config, "config", "", "")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return Apply(cmd, path, "serve", "forward") }
	command := func(name string) *cobra.Command {
		cmd := &cobra.Command{Use: name, RunE: func(*cobra.Command, []string) error { return nil }}
		root.AddCommand(cmd)
		return cmd
	}
	limits := func(cmd *cobra.Command) {
		cmd.Flags().IntVar(&p.halfOpen, "half-open", 256, "")
		cmd.Flags().DurationVar(&p.window, "window", time.Minute, "")
		cmd.Flags().Var(&p.buffer, "stream-buffer", "")
	}
	serve, forward := command("serve"), command("forward")
	serve.Flags().StringArrayVar(&p.listen, "listen", []string{"default"}, "accept at `URL`")
	serve.Flags().StringArrayVar(&p.services, "service", nil, "`NAME=TARGET`")
	serve.Flags().StringArrayVar(&p.reverse, "reverse", nil, "`NAME=ADDRESS`")
	serve.Flags().Uint16Var(&p.port, "port", 0, "")
	limits(serve)
	forward.Flags().BoolVar(&p.back, "reverse", false, "")
	forward.Flags().BoolVar(&p.strict, "strict", false, "")
	limits(forward)
	command("status").Flags().DurationVar(&p.window, "window", time.Hour, "")
	command("demo").Flags().StringVar(&p.logLevel, "half-open", "not an integer", "")
	root.SetArgs(args)
	return root.Execute()
}

const text = `
log-level = "debug"
half-open = 1_000
window = "2m"

[serve]
listen = ["tenuto://:7225", "tenuto+unix:///run/t,sock"]
stream-buffer = "512KiB"
half-open = 0x10
service = ["db=127.0.0.1:5432"]
port = 80

[serve.services]
web = "127.0.0.1:80"
"a b" = "echo"

[serve.reverse]
r = "127.0.0.1:81"

[forward]
reverse = true
strict = true
stream-buffer = 65536
`

func TestFileSetsFlags(t *testing.T) {
	p, err := run(text, "serve")
	want := program{logLevel: "debug", listen: []string{"tenuto://:7225", "tenuto+unix:///run/t,sock"},
		services: []string{"db=127.0.0.1:5432", "a b=echo", "web=127.0.0.1:80"}, reverse: []string{"r=127.0.0.1:81"}, halfOpen: 16, window: 2 * time.Minute, buffer: 512, port: 80}
	if err != nil || fmt.Sprintf("%+v", *p) != fmt.Sprintf("%+v", want) {
		t.Errorf("serve: %v\ngot  %+v\nwant %+v", err, *p, want)
	}
	p, err = run(text, "forward")
	if err != nil || p.halfOpen != 1000 || !p.back || !p.strict || p.buffer != 65536 || p.reverse != nil {
		t.Errorf("forward: %+v, %v", *p, err)
	}
	// Other commands get what stands at the top, if they have such a flag of the same type.
	p, err = run(text, "status")
	if err != nil || p.window != 2*time.Minute || p.logLevel != "debug" || p.halfOpen != 256 {
		t.Errorf("status: %+v, %v", *p, err)
	}
	if _, err := run("half-open = 5", "demo"); err != nil {
		t.Errorf("demo: %v", err)
	}
}

func TestCommandLineGoesFirst(t *testing.T) {
	p, err := run(text, "serve", "--listen", "x", "--half-open=7", "--log-level", "info")
	if err != nil || fmt.Sprint(p.listen) != "[x]" || p.halfOpen != 7 || p.logLevel != "info" || p.window != 2*time.Minute {
		t.Errorf("serve: %+v, %v", *p, err)
	}
	p, err = run("[serve]\nlog-level = \"warn\"\nlisten = []", "serve")
	if err != nil || p.logLevel != "warn" || len(p.listen) != 0 || p.halfOpen != 256 {
		t.Errorf("serve: %+v, %v", *p, err)
	}
	if p, err := run("", "serve"); err != nil || fmt.Sprint(p.listen) != "[default]" {
		t.Errorf("an empty file: %+v, %v", *p, err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"\nlog-levle = \"x\"", `t.toml:2: unknown key "log-levle" at the top; did you mean "log-level"?`},
		{"[serve]\n# c\nlisten = []\nlisen = []\n", `t.toml:4: unknown key "lisen" in [serve]; did you mean "listen"?`},
		{"serve.lisen = []", `t.toml:1: unknown key "lisen" in [serve]; did you mean "listen"?`},
		{"\nserve = { lisen = [] }", `t.toml:2: unknown key "lisen" in [serve]; did you mean "listen"?`},
		{"listen = []", `t.toml:1: unknown key "listen" at the top; it is one of [serve]`},
		{"reverse = true", `t.toml:1: unknown key "reverse" at the top; it is one of [forward] and [serve]`},
		{"[serve]\nstrict = true", `t.toml:2: unknown key "strict" in [serve]; it is one of [forward]`},
		{"[sevre]\nx = 1", `t.toml:1: unknown table [sevre]; did you mean "serve"?`},
		{"\n\n[nonsense.x]\ny = 1", `t.toml:3: unknown table [nonsense]; known are forward, serve`},
		{"config = \"x\"", `t.toml:1: unknown key "config" at the top; known are half-open, log-level, stream-buffer, window`},
		{"[forward.services]\na = \"b\"", `t.toml:1: unknown key "services" in [forward]; known are half-open, log-level, reverse, stream-buffer, strict, window`},
		{"serve = 1", `t.toml:1: serve is a table, written [serve]; it is an integer`},
		{"[[serve]]", `t.toml:1: serve is a table, written [serve]; it is a list`},
		{"half-open = \"8\"", `t.toml:1: half-open must be an integer; it is a string`},
		{"half-open = 8.5", `t.toml:1: half-open must be an integer; it is a float`},
		{"window = 60", `t.toml:1: window must be a string with a duration, such as "10m" or "1m30s"; it is an integer`},
		{"log-level = true", `t.toml:1: log-level must be a string; it is a boolean`},
		{"stream-buffer = 1.5", `t.toml:1: stream-buffer must be a string or an integer with a size; it is a float`},
		{"[forward]\nstrict = \"yes\"", `t.toml:2: forward.strict must be true or false, without quotes; it is a string`},
		{"[serve]\nlisten = \"x\"", `t.toml:2: serve.listen must be a list of strings; it is a string`},
		{"[serve.listen]\na = \"b\"", `t.toml:1: serve.listen must be a list of strings; it is a table`},
		{"[serve]\nservice = [\"a=b\", 1979-05-27]", `t.toml:2: serve.service must be a list of strings, or a table; one of its elements is a date or time`},
		{"[serve.services]\na = 1", `t.toml:1: serve.services has "a", which must be a string; it is an integer`},
		{"[serve.services]\n\"a=b\" = \"c\"", `t.toml:1: serve.services has "a=b", and a name must not hold =`},
		{"[serve]\nservices = [\"a=b\"]", `t.toml:2: unknown key "services" in [serve]; did you mean "service"?`},
		// Values are looked at when they are set.
		{"\nwindow = \"10 minutes\"", `t.toml:2: window: time: unknown unit " minutes" in duration "10 minutes"`},
		{"[serve]\n\nstream-buffer = \"big\"", `t.toml:3: serve.stream-buffer: want a size such as 512KiB`},
		{"[serve]\nport = 65536", `t.toml:2: serve.port: strconv.ParseUint: parsing "65536": value out of range`},
		// What is no TOML.
		{"a = 1\na = 2", `t.toml:2: `},
		{"[serve]\nx", `t.toml:2: `},
		{"\n[serve]\n[serve]", `t.toml:3: `},
		// Several mistakes, in order, also in tables of other commands.
		{"[serve]\nb = 1\na = 2\n[forward]\nlog-level = 1", "t.toml:2: unknown key \"b\" in [serve]; known are "},
		{"[serve]\nhalf-opne = 1\n[forward]\nlog-level = 1",
			"t.toml:2: unknown key \"half-opne\" in [serve]; did you mean \"half-open\"?\nt.toml:4: forward.log-level must be a string; it is an integer"},
	} {
		_, err := run(tt.text, "serve")
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q:\ngot  %v\nwant %v", tt.text, err, tt.want)
		}
	}
	// The value of a table that is not used is not looked at, but its type is.
	if _, err := run("[forward]\nwindow = \"x\"", "serve"); err != nil {
		t.Error(err)
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	p := &program{}
	missing := filepath.Join(t.TempDir(), "missing.toml")
	if err := p.run(missing, []string{"serve"}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := run(strings.Repeat("#\n", maxFile/2+1), "serve"); err == nil || !strings.Contains(err.Error(), "octets") {
		t.Errorf("a file that is too large: %v", err)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"listen", "listen", 0}, {"lisen", "listen", 1}, {"lsiten", "listen", 1}, {"kitten", "sitting", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d; want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// Whatever a file holds, each line of an error names the file and a line that it has.
func FuzzFile(f *testing.F) {
	f.Add(text)
	f.Add("[serve]\nlisten = [1, {a = []}]\n\"\\u0000\" = 1979-05-27T07:32:00Z")
	f.Add("serve.services.a = \"b\"\nserve.service = [\"x\"]\n[[x]]\n[[x]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		root := &cobra.Command{Use: "tenuto"}
		serve := &cobra.Command{Use: "serve"}
		serve.Flags().StringArray("listen", nil, "")
		serve.Flags().StringArray("service", nil, "`NAME=TARGET`")
		serve.Flags().Bool("strict", false, "")
		serve.Flags().Duration("window", 0, "")
		root.PersistentFlags().Int("half-open", 0, "")
		root.AddCommand(serve)
		file, err := parse("t.toml", []byte(text), schemaOf(root, []string{"serve"}))
		if err == nil {
			err = file.apply("serve", serve.Flags())
		}
		if err == nil {
			return
		}
		for line := range strings.Lines(err.Error()) {
			rest, ok := strings.CutPrefix(line, "t.toml:")
			number, _, _ := strings.Cut(rest, ":")
			if n, err := strconv.Atoi(number); !ok || err != nil || n < 1 || n > strings.Count(text, "\n")+1 {
				t.Fatalf("%q of %q", line, text)
			}
		}
	})
}
