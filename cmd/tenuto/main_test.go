package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// The scripts run this test's own binary as the program.
func TestMain(m *testing.M) { testscript.Main(leakless{m}, map[string]func(){"tenuto": main}) }

// leakless fails tests that pass but leave goroutines behind.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// folders are the variables that say where the program keeps its files: each script has its own.
var folders = []string{"HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[processesKey{}] = make(map[string]*process)
			for _, name := range folders {
				folder := filepath.Join(env.WorkDir, strings.ToLower(name))
				if err := os.Mkdir(folder, 0o700); err != nil {
					return err
				}
				env.Setenv(name, folder)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exec-usage": cmdExecUsage,
			"start":      cmdStart,
			"halt":       cmdHalt,
			"halted":     cmdHalted,
			"capture":    cmdCapture,
			"fill":       cmdFill,
			"slay":       cmdSlay,
			"throw":      cmdThrow,
			"server":     cmdServer,
			"busy":       cmdBusy,
			"gone":       cmdGone,
			"say":        cmdSay,
			"wantreset":  cmdWantReset,
			"append":     cmdAppend,
			"changekey":  cmdChangeKey,
			"octets":     cmdOctets,
		},
		RequireUniqueNames: true,
	})
}

func TestSize(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "65536": 65536, "12B": 12, "512KiB": 512 << 10, "4MiB": 4 << 20, "2GiB": 2 << 30,
		"": -1, "-1": -1, "1MB": -1, "MiB": -1, "1.5MiB": -1, "9999999999GiB": -1, "1 MiB": -1,
	} {
		var s size
		err := s.Set(in)
		if (err != nil) != (want < 0) || err == nil && int64(s) != want {
			t.Errorf("Set(%q) = %d, %v; want %d", in, s, err, want)
		}
	}
	for in, want := range map[size]string{0: "0", 65537: "65537", 512 << 10: "512KiB", 256 << 20: "256MiB", 1 << 30: "1GiB"} {
		if got := in.String(); got != want {
			t.Errorf("String(%d) = %q; want %q", int64(in), got, want)
		}
	}
}
