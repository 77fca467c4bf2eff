package bolt

import (
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/checkpoint/checkpointtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func engine(shared bool) checkpointtest.Engine {
	return checkpointtest.Engine{
		Durable: true,
		Shared:  shared,
		Open: func(t testing.TB, dir string, now func() time.Time) checkpoint.Store {
			t.Helper()
			return mustOpen(t, filepath.Join(dir, "store"), &Options{Shared: shared, Now: now})
		},
	}
}

// mustOpen opens a store, which the test closes.
func mustOpen(t testing.TB, path string, o *Options) *Store {
	t.Helper()
	st, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestStore(t *testing.T)  { checkpointtest.Run(t, engine(false)) }
func TestShared(t *testing.T) { checkpointtest.Run(t, engine(true)) }

func TestKill(t *testing.T)       { checkpointtest.Kill(t, engine(false)) }
func TestKillShared(t *testing.T) { checkpointtest.Kill(t, engine(true)) }
