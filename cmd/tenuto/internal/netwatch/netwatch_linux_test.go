package netwatch

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// In a network namespace of its own the loopback goes up and down.
func TestWatch(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes network namespaces")
	}
	changes := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan func(up bool) error)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread, with its namespace, ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("unshare: %v", err)
			close(ready)
			return
		}
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // of this namespace
		if err != nil {
			t.Error(err)
			close(ready)
			return
		}
		defer unix.Close(s)
		ready <- func(up bool) error {
			r, err := unix.NewIfreq("lo")
			if err != nil {
				return err
			}
			if up {
				r.SetUint16(unix.IFF_UP)
			}
			return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
		}
		if err := Watch(ctx, func() { changes <- struct{}{} }); err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	set, ok := <-ready
	if !ok {
		return
	}
	for k := range 4 {
		// The first change may come before Watch listens.
		for told := false; !told; {
			if err := set(k%2 == 0); err != nil {
				t.Fatal(err)
			}
			select {
			case <-changes:
				told = true
			case <-time.After(2 * time.Second):
				if k > 0 {
					t.Fatalf("change %d was not told", k)
				}
				if err := set(false); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	cancel()
	wg.Wait()
	if n := len(changes); n > 0 {
		t.Errorf("told %d times more than there were changes", n)
	}
}
