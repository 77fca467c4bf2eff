package checkpointtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenuto-session/tenuto/checkpoint"
)

// Kill has processes that commit be killed (SIGKILL) at random moments, and checks what they leave: all that was acknowledged is there, nothing is in
// pieces, and epochs go on rising. The test that calls it is run in those processes: let it call nothing else.
//
// It kills 10 processes; if TENUTO_SEEDS is set, one for each ten of these.
func Kill(t *testing.T, engine Engine) {
	if dir := os.Getenv(childDir); dir != "" {
		child(t, engine.Open(t, dir, nil))
		return
	}
	if !engine.Durable {
		t.Fatal("what is not durable cannot be killed")
	}
	switch runtime.GOOS {
	case "js", "wasip1", "ios":
		t.Skip("a program cannot start processes here")
	}
	k := killer{engine: engine, dir: t.TempDir(), acked: map[string]uint32{}, given: map[uint64]bool{}}
	for seed := range kills(t) {
		k.round(t, rand.New(rand.NewPCG(uint64(seed), 0)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d commits were acknowledged; of %d it is not known whether they were, and they are there", k.commits, k.unheard)
}

const (
	childDir   = "TENUTO_CHECKPOINT_DIR" // in the environment of a process that is to be killed: where its store is
	activities = 5                       // that last, and are taken over by each process
	reacquire  = 20                      // commits after which an activity's owner acquires it anew
)

// What a process says, each on a line of its own, when it is done: "epoch N" with an epoch that it was given, "ack ID SERIAL" with a commit, "expired".

// child commits until it is killed.
func child(t *testing.T, st checkpoint.Store) {
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	var all sync.WaitGroup
	for i := range activities {
		all.Go(func() {
			r, err := st.Create(context.Background(), record(i, 0))
			for n := 0; ; n++ {
				if n > 0 || errors.Is(err, checkpoint.ErrExists) {
					r, err = st.Acquire(context.Background(), key(i))
				}
				if err != nil {
					t.Error(err)
					return
				}
				say("epoch %d", r.Epoch)
				for range reacquire {
					next := record(i, r.Serial+1)
					next.Epoch = r.Epoch
					if err := st.Commit(context.Background(), next); err != nil {
						t.Error(err)
						return
					}
					r = next
					say("ack %x %d", r.ID, r.Serial)
				}
			}
		})
	}
	// Activities that come and go give epochs, too, which none of those that last has seen.
	all.Go(func() {
		for {
			r, err := st.Create(context.Background(), record(activities, 0))
			if errors.Is(err, checkpoint.ErrExists) {
				r, err = st.Acquire(context.Background(), key(activities))
			}
			if err != nil {
				t.Error(err)
				return
			}
			say("epoch %d", r.Epoch)
			r.State = checkpoint.Ended
			if err := st.Commit(context.Background(), r); err != nil {
				t.Error(err)
				return
			}
			if _, err := st.Expire(context.Background(), time.Now().Add(time.Hour), false); err != nil {
				t.Error(err)
				return
			}
			say("expired")
		}
	})
	all.Wait() // only where something has failed
}

// record is an activity's at a point: all of it follows from these two, so that one in pieces shows.
func record(i int, serial uint32) checkpoint.Record {
	r := checkpoint.Record{Key: key(i), Serial: serial, Offset: int64(serial) << 20, State: checkpoint.Running}
	r.Digest = sha256.Sum256(binary.BigEndian.AppendUint32([]byte(r.ID), serial))
	r.Peer = fmt.Sprintf("peer at %d", serial)
	// From nothing to two pages.
	r.Cookie = bytes.Repeat(r.Digest[:], int(serial*37%(checkpoint.MaxCookie/32)))
	return r
}

type killer struct {
	engine Engine
	dir    string

	acked            map[string]uint32 // the last serial of each ID, in hex
	given            map[uint64]bool   // the epochs that were said
	before, epoch    uint64            // the highest epochs: of processes before, and of all
	commits, unheard int
}

// round has one process killed, after some lines, and looks at what it leaves.
func (k *killer) round(t *testing.T, rnd *rand.Rand) {
	k.before = k.epoch
	lines := rnd.IntN(300)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), childDir+"="+k.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	in := bufio.NewReader(out)
	for {
		// What is said before it dies counts, also if it is read after.
		line, err := in.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break // a line without an end was not said
		}
		if !k.hear(t, line) {
			t.Errorf("the process says %q", line)
		}
		if n++; n == lines+1 {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || n <= lines {
		t.Fatalf("the process ended by itself after %d lines: %v\n%s", n, err, stderr.Bytes())
	}
	k.look(t)
}

// hear takes what a process says.
func (k *killer) hear(t *testing.T, line string) bool {
	var id string
	var serial uint32
	var epoch uint64
	if n, _ := fmt.Sscanf(line, "ack %s %d", &id, &serial); n == 2 {
		if serial != k.acked[id]+1 {
			t.Errorf("activity %s goes on at %d after %d", id, serial, k.acked[id])
		}
		k.acked[id] = serial
		k.commits++
		return true
	}
	if n, _ := fmt.Sscanf(line, "epoch %d", &epoch); n == 1 {
		if epoch <= k.before || k.given[epoch] {
			t.Errorf("epoch %d, again or after %d", epoch, k.before)
		}
		k.given[epoch] = true
		k.epoch = max(k.epoch, epoch)
		return true
	}
	return strings.TrimSpace(line) == "expired"
}

// look opens the store as its next owner, and compares.
func (k *killer) look(t *testing.T) {
	st := k.engine.Open(t, k.dir, nil)
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	seen := map[string]bool{}
	for _, r := range mustList(t, st) {
		id := fmt.Sprintf("%x", r.ID)
		seen[id] = true
		i := int(binary.BigEndian.Uint16([]byte(r.ID)))
		want := record(i, r.Serial)
		want.Epoch, want.Changed, want.State = r.Epoch, r.Changed, r.State
		wantRecord(t, "after a kill", r, want)
		if i == activities {
			continue
		}
		switch acked := k.acked[id]; r.Serial {
		case acked:
		case acked + 1: // committed, and killed before it said so
			k.acked[id]++
			k.unheard++
		default:
			t.Errorf("activity %s is at %d, and %d was acknowledged", id, r.Serial, acked)
		}
		// An epoch that was given and not said counts as well.
		k.epoch = max(k.epoch, r.Epoch)
	}
	for id := range k.acked {
		if !seen[id] {
			t.Errorf("activity %s is gone", id)
		}
	}
	r := mustCreate(t, st, key(activities+1))
	if r.Epoch <= k.epoch {
		t.Errorf("epoch %d after %d", r.Epoch, k.epoch)
	}
	k.epoch = max(k.epoch, r.Epoch)
	r.State = checkpoint.Ended
	mustCommit(t, st, r)
	if n, err := st.Expire(t.Context(), time.Now().Add(time.Hour), false); n == 0 || err != nil {
		t.Errorf("Expire = %d, %v", n, err)
	}
}
