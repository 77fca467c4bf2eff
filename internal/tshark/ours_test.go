package tshark

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program is the program, built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tenuto-tshark-")
	if err != nil {
		return "", err
	}
	programDir = dir
	path := filepath.Join(dir, "tenuto")
	build := exec.Command("go", "build", "-o", path, "./cmd/tenuto")
	build.Dir = filepath.Join("..", "..")
	build.Stderr = os.Stderr
	return path, build.Run()
})

var programDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if programDir != "" {
		os.RemoveAll(programDir)
	}
	os.Exit(code)
}

// unit is a line of osi decode --json, as docs/decode.md describes it.
type unit struct {
	Time     string
	Position struct{ Packet int }
	TPDU     string
	TPDUs    int
	SPDUs    []struct {
		Name       string
		SI         int
		Offset     int
		Octets     int
		Parameters []ourParameter
		User       struct{ Octets int } `json:"user_information"`
	}
	Problems []struct {
		Text   string
		Clause string
	}
}

// ourParameter is a parameter in it.
type ourParameter struct {
	Code   int
	Name   string
	Depth  int
	Offset int
	Octets int
	Hex    string
	Value  string
}

// decode is what osi decode sees in a capture. What it says in an exit code it says in problems, too.
func decode(t *testing.T, path string) (units []unit) {
	t.Helper()
	tenuto, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tenuto, "osi", "decode", "--json", "--data", "65536", path).Output()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var u unit
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatal(err)
		}
		units = append(units, u)
	}
	return units
}
