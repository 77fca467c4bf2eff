package packaging

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// binary is the program, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tenuto-packaging-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "tenuto.exe") // a name that will do everywhere
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/tenuto").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/tenuto: %w\n%s", err, out)
	}
	return path, nil
})

var binaryDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// tenuto runs the program, which must succeed, and returns what it prints.
func tenuto(t *testing.T, args ...string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("tenuto %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// flag is a line of a command's help: its name, and its default as it is printed there.
var flagLine = regexp.MustCompile(`(?m)^ +(?:-\w, |    )--([a-z-]+)(?: [A-Z=]+)? +\S.*?(?:\(default "?([^")]*)"?\))?$`)

// flagsOf returns the defaults of a command's flags by name. A flag without one has "".
func flagsOf(t *testing.T, command string) map[string]string {
	t.Helper()
	flags := make(map[string]string)
	for _, m := range flagLine.FindAllStringSubmatch(tenuto(t, command, "--help"), -1) {
		flags[m[1]] = m[2]
	}
	if len(flags) < 10 {
		t.Fatalf("tenuto %s --help: found the flags %v only", command, flags)
	}
	return flags
}

// A key that is commented out in the example has no space after the "#", prose has one.
var (
	commented = regexp.MustCompile(`(?m)^#(\S)`)
	keyLine   = regexp.MustCompile(`^#?([a-z-]+) = ("[^"]*"|\[[^]]*\]|\S+)`)
)

// What the example says is the default is the default, and no key is missing; taken as a whole it is right.
func TestExampleConfiguration(t *testing.T) {
	text, err := os.ReadFile("tenuto.toml")
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(t.TempDir(), "whole.toml")
	if err := os.WriteFile(whole, commented.ReplaceAll(text, []byte("$1")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"tenuto.toml", whole} {
		tenuto(t, "version", "--config", file)
	}

	tables := make(map[string]map[string]string)
	table := ""
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "["); ok {
			table = strings.TrimSuffix(name, "]")
		} else if m := keyLine.FindStringSubmatch(lines.Text()); m != nil {
			if tables[table] == nil {
				tables[table] = make(map[string]string)
			}
			tables[table][m[1]] = strings.Trim(m[2], `"`)
		}
	}
	// These mean the flag's absence; the rest is what help says.
	absent := map[string]string{"park": "0s", "strict": "false", "allow-plaintext": "false", "no-binding": "false", "simplex": "false",
		"half-duplex": "false", "reuse": "false", "json": "false", "replace": "false", "bwlimit": "0B", "decnet": "node.toml"}
	for _, command := range []string{"serve", "forward", "connect", "send", "recv", "gateway"} {
		flags := flagsOf(t, command)
		for _, name := range slices.Sorted(maps.Keys(flags)) {
			switch name {
			case "help", "config", "config-dir", "state-dir", "listen":
				continue
			case "service":
				if len(tables["serve.services"]) == 0 {
					t.Error("there is no service in [serve.services]")
				}
				continue
			case "reverse": // in serve it has an example
				if command == "serve" {
					continue
				}
				flags[name] = "false"
			}
			want := flags[name]
			if want == "" {
				want = absent[name]
			}
			got, ok := tables[command][name]
			if !ok {
				got, ok = tables[""][name]
			}
			switch {
			case name == "log-level" && ok:
			case !ok:
				t.Errorf("[%s] has no %s", command, name)
			case plainTime(got) != plainTime(want):
				t.Errorf("[%s] says %s = %q, but the default is %q", command, name, got, want)
			}
		}
	}
}

// plainTime leaves out what a time does not need: 15m0s is 15m.
func plainTime(text string) string {
	for _, zero := range []string{"m0s", "h0m"} {
		if short, ok := strings.CutSuffix(text, zero); ok {
			text = short + zero[:1]
		}
	}
	return text
}

// The units run the program with flags that it has, and nothing in them is misspelt.
func TestUnits(t *testing.T) {
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/tenuto (\w+) (.*)$`)
	for _, unit := range []string{"tenuto-serve.service", "tenuto-forward@.service"} {
		text, err := os.ReadFile(filepath.Join("systemd", unit))
		if err != nil {
			t.Fatal(err)
		}
		m := start.FindSubmatch(text)
		if m == nil {
			t.Errorf("%s does not start the program", unit)
			continue
		}
		flags := flagsOf(t, string(m[1]))
		for _, word := range strings.Fields(string(m[2])) {
			if name, ok := strings.CutPrefix(word, "--"); ok {
				if _, ok := flags[name]; !ok {
					t.Errorf("%s: tenuto %s has no flag --%s", unit, m[1], name)
				}
			}
		}
	}
}

// systemd's own opinion of the service, where it is at hand.
func TestUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze to ask")
	}
	unit, err := filepath.Abs("systemd/tenuto-serve.service")
	if err != nil {
		t.Fatal(err)
	}
	// The threshold is in tenths: "OK" ends at 2.0.
	out, err := exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold=20", unit).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	// It says so on standard error and goes on when it does not know a line of a unit.
	if bytes.Contains(out, []byte("ignoring")) {
		t.Errorf("systemd-analyze does not understand all of it:\n%s", out)
	}
}

// The Debian package has what the documentation says, with the owners and modes it should have, and is the same each time.
func TestDebianPackage(t *testing.T) {
	for _, tool := range []string{"dpkg-deb", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("Debian packages are built on Debian: " + err.Error())
		}
	}
	deb := buildPackage(t, t.TempDir())
	control := show(t, "dpkg-deb", "--field", deb)
	for _, line := range []string{"Package: tenuto\n", "Section: net\n", "Depends: systemd | systemd-standalone-sysusers", "Version: "} {
		if !strings.Contains(control, line) {
			t.Errorf("control lacks %q:\n%s", line, control)
		}
	}
	if got, want := show(t, "dpkg-deb", "--info", deb, "conffiles"), "/etc/tenuto/tenuto.toml\n"; got != want {
		t.Errorf("conffiles: got %q, want %q", got, want)
	}

	modes := make(map[string]string)
	for line := range strings.Lines(show(t, "dpkg-deb", "--contents", deb)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[5], ".")
		modes[name] = fields[0]
		if fields[1] != "root/root" {
			t.Errorf("%s belongs to %s", name, fields[1])
		}
		if want := map[byte]string{'d': "drwxr-xr-x", '-': "-rw-r--r--"}[fields[0][0]]; fields[0] != want && name != "/usr/bin/tenuto" {
			t.Errorf("%s has mode %s", name, fields[0])
		}
	}
	for _, name := range []string{
		"/etc/tenuto/tenuto.toml",
		"/usr/bin/tenuto",
		"/usr/lib/systemd/system/tenuto-serve.service",
		"/usr/lib/systemd/user/tenuto-forward@.service",
		"/usr/lib/sysusers.d/tenuto.conf",
		"/usr/share/bash-completion/completions/tenuto",
		"/usr/share/zsh/vendor-completions/_tenuto",
		"/usr/share/fish/vendor_completions.d/tenuto.fish",
		"/usr/share/man/man1/tenuto.1.gz",
		"/usr/share/man/man1/tenuto-serve.1.gz",
		"/usr/share/doc/tenuto/copyright",
		"/usr/share/doc/tenuto/install.md",
	} {
		if modes[name] == "" {
			t.Errorf("the package lacks %s", name)
		}
	}

	// Unpacked, the program runs and reads the configuration it came with.
	root := t.TempDir()
	show(t, "dpkg-deb", "--extract", deb, root)
	show(t, filepath.Join(root, "usr/bin/tenuto"), "version", "--config", filepath.Join(root, "etc/tenuto/tenuto.toml"))

	if first, second := digest(t, deb), digest(t, buildPackage(t, t.TempDir())); first != second {
		t.Errorf("built twice, the package differs: %s and %s", first, second)
	}
}

// buildPackage makes the package in a folder and returns its path.
func buildPackage(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("deb/build", dir)
	// The time is a commit's; without git there is none.
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("packaging/deb/build: %v\n%s", err, &said)
	}
	return strings.TrimSpace(string(out))
}

func show(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func digest(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
