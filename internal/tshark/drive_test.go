package tshark

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/tenuto-session/tenuto/internal/pcaptest"
)

// scripts are those by which drive is tested.
const scripts = "../../cmd/tenuto/internal/drive/testdata/scripts/*.txtar"

// unsent are the SPDUs of which no script has one: ER is never sent, and AA answers an abort after which the transport connection is kept,
// which drive does not do.
var unsent = []string{"ER", "AA"}

// TestDrive records what two programs say to each other that run a script, and compares.
func TestDrive(t *testing.T) {
	need(t)
	files, err := filepath.Glob(scripts)
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			capture := converse(t, ar)
			compare(t, capture)
			for _, u := range decode(t, write(t, capture)) {
				for _, s := range u.SPDUs {
					seen[s.Name] = true
				}
			}
		})
	}
	for _, name := range allSPDUs {
		if !seen[name] && !slices.Contains(unsent, name) {
			t.Errorf("no script sent %s", name)
		}
	}
}

var listening = regexp.MustCompile(`url=osi://(\S+)`)

// converse plays the two parts of a script and returns a capture of what is said.
func converse(t *testing.T, ar *txtar.Archive) (capture []byte) {
	t.Helper()
	listener := drive(t, part(ar, "listen"), "--listen", "osi://127.0.0.1:0")
	said := bufio.NewReader(listener.said)
	line, err := said.ReadString('\n')
	m := listening.FindStringSubmatch(line)
	if err != nil || m == nil {
		t.Fatalf("the listener says %q: %v", line, err)
	}
	f := pcaptest.New(pcaptest.Pcapng)
	proxy := pcaptest.NewProxy(t, f, m[1], 102)
	dialler := drive(t, part(ar, "dial"), "osi://"+proxy.Addr()+"/?ssel=test")
	dialler.wait(t)
	go io.Copy(io.Discard, said)
	listener.wait(t)
	proxy.Close()
	return f.Bytes()
}

// A player is a program that runs a script.
type player struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	said io.ReadCloser // its log
}

func drive(t *testing.T, script []byte, args ...string) *player {
	t.Helper()
	tenuto, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p := &player{cmd: exec.CommandContext(t.Context(), tenuto, append([]string{"drive", "--config-dir", t.TempDir()}, args...)...)}
	p.cmd.Stdin, p.cmd.Stdout = bytes.NewReader(script), &p.out
	if p.said, err = p.cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *player) wait(t *testing.T) {
	t.Helper()
	why, _ := io.ReadAll(p.said)
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", p.cmd.Args, err, &p.out, why)
	}
}

func part(ar *txtar.Archive, name string) []byte {
	for _, f := range ar.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}
