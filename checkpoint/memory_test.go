package checkpoint_test

import (
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
	"github.com/tenuto-session/tenuto/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	checkpointtest.Run(t, checkpointtest.Engine{
		Open: func(_ testing.TB, _ string, now func() time.Time) checkpoint.Store { return checkpoint.NewMemory(now) },
	})
}
