package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenuto-session/tenuto"
)

// simSeeds is how many seeds run: TENUTO_SEEDS, or 100.
func simSeeds(t *testing.T) int {
	if v := os.Getenv("TENUTO_SEEDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100
}

// dialogues are the units with which walkers meet.
var dialogues = []tenuto.Units{
	tenuto.Duplex | tenuto.Expedited | tenuto.MinorSync | tenuto.Resync,
	tenuto.HalfDuplex | tenuto.MinorSync | tenuto.MajorSync | tenuto.Resync | tenuto.TypedData | tenuto.Exceptions,
	tenuto.Duplex | tenuto.MinorSync | tenuto.Resync | tenuto.DataSeparation,
	tenuto.Duplex | tenuto.MajorSync | tenuto.Resync | tenuto.TypedData,
	tenuto.HalfDuplex | tenuto.MinorSync | tenuto.Activity | tenuto.CapabilityData | tenuto.Exceptions | tenuto.TypedData,
	tenuto.HalfDuplex | tenuto.MinorSync | tenuto.MajorSync | tenuto.Resync | tenuto.Activity | tenuto.CapabilityData | tenuto.Exceptions |
		tenuto.TypedData | tenuto.NegotiatedRelease | tenuto.Expedited,
}

// TestSimulation lets two users do anything that their sessions allow, at any time, through a relay: no session may end but by what they do.
func TestSimulation(t *testing.T) {
	for seed := range simSeeds(t) {
		synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed)) })
		if t.Failed() {
			return
		}
	}
}

func simulate(t *testing.T, seed uint64) {
	var trace safeBuilder
	units := dialogues[int(seed)%len(dialogues)]
	serial := uint32(1)
	if units&tenuto.Activity != 0 {
		serial = 0 // activities have numbers of their own
	}
	config := func(name string) *tenuto.Config {
		return &tenuto.Config{Units: units, Serial: serial, Trace: func(tr tenuto.Trace) {
			if tr.Sent {
				fmt.Fprintf(&trace, "%s: %v\n", name, tr.SPDU)
			}
		}}
	}
	a, b := newChain(t, nil).open(t, config("near"), config("far"))
	var walking sync.WaitGroup
	ends := make([]error, 2)
	for i, s := range []*tenuto.Session{a, b} {
		u := &user{s: s, r: rand.New(rand.NewPCG(seed, uint64(i)))}
		walking.Go(func() { ends[i] = u.receive() })
		walking.Go(u.walk)
	}
	walking.Wait()
	for _, err := range ends {
		if ae, ok := errors.AsType[*tenuto.AbortError](err); ok && ae.By != tenuto.User || !ok && !errors.Is(err, tenuto.ErrReleased) {
			t.Errorf("seed %d, %v: %v and %v\n%s", seed, units, ends[0], ends[1], trace.String())
			return
		}
	}
}

// safeBuilder is a strings.Builder for several goroutines.
type safeBuilder struct {
	mu sync.Mutex
	strings.Builder
}

func (b *safeBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

// A user is who walks. What is not allowed it tries as well.
type user struct {
	s  *tenuto.Session
	mu sync.Mutex
	r  *rand.Rand
}

func (u *user) n(n int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.r.IntN(n)
}

// pause is of a few steps of a clock that all share, so that requests cross.
func (u *user) pause(steps int) { time.Sleep(time.Duration(u.n(steps)) * time.Millisecond) }

// walk asks for one thing after the other, and in the end for the session's.
func (u *user) walk() {
	for range 30 {
		u.pause(4)
		if !u.do(u.n(16)) {
			return
		}
	}
	u.pause(100)
	u.s.Abort([]byte("the end"))
}

// do asks for something, and tells whether the session goes on.
func (u *user) do(what int) bool {
	ctx, cancel := context.WithTimeout(bg, time.Second)
	defer cancel()
	s := u.s
	tokens := tenuto.Tokens(1 << (2 * u.n(4)))
	var err error
	switch what {
	case 0, 1:
		err = s.Send(ctx, make([]byte, 1+u.n(50000)))
	case 2:
		err = s.SendTyped(ctx, make([]byte, 1+u.n(50000)))
	case 3:
		err = s.SendExpedited(ctx, []byte("hurry"))
	case 4:
		err = s.GiveTokens(ctx, tokens, nil)
	case 5:
		err = s.PleaseTokens(ctx, tokens, nil)
	case 6:
		_, err = s.SyncMinor(ctx, tenuto.SyncType(u.n(2))&tenuto.Optional, nil)
	case 7:
		_, err = s.SyncMajor(ctx, nil)
	case 8:
		err = s.Resynchronize(ctx, tenuto.ResyncType(u.n(3)), uint32(u.n(5)), tenuto.TokenSettings{Choose: tokens}, nil)
	case 9:
		err = s.StartActivity(ctx, []byte("A"), nil)
	case 10:
		err = s.ResumeActivity(ctx, []byte("B"), tenuto.Resume{ID: []byte("A"), Serial: uint32(u.n(5))}, nil)
	case 11:
		err = s.InterruptActivity(ctx, tenuto.NoSpecificReason, nil)
	case 12:
		err = s.DiscardActivity(ctx, tenuto.UserSequenceError, nil)
	case 13:
		_, err = s.EndActivity(ctx, nil)
	case 14:
		err = s.ReportException(ctx, tenuto.LocalUserError, nil)
	case 15:
		switch u.n(4) {
		case 0:
			err = s.SendCapability(ctx, []byte("can"))
		case 1:
			err = s.GiveControl(ctx, nil)
		case 2:
			if u.n(8) == 0 {
				err = s.Release(ctx, nil)
			}
		}
	}
	_, aborted := errors.AsType[*tenuto.AbortError](err)
	return !aborted && !errors.Is(err, tenuto.ErrReleased)
}

// receive answers what comes, until the session has ended.
func (u *user) receive() error {
	s := u.s
	for {
		ind, err := s.Receive(bg)
		if err != nil {
			return err
		}
		if _, data := ind.(tenuto.Data); !data {
			u.pause(3)
		}
		switch i := ind.(type) {
		case tenuto.CapabilityInd:
			s.RespondCapability(bg, nil)
		case tenuto.SyncMinorInd:
			if i.Type&tenuto.Optional == 0 || u.n(2) == 0 {
				s.ConfirmSync(bg, i.Serial, nil)
			}
		case tenuto.SyncMajorInd:
			s.ConfirmSync(bg, i.Serial, nil)
		case tenuto.ResyncInd:
			s.RespondResync(bg, i.Serial, tenuto.Tokens(1<<(2*u.n(4))), nil)
		case tenuto.ActivityInterruptInd:
			s.RespondInterrupt(bg, nil)
		case tenuto.ActivityDiscardInd:
			s.RespondDiscard(bg, nil)
		case tenuto.ActivityEndInd:
			s.RespondEnd(bg, nil)
		case tenuto.ExceptionInd:
			s.GiveTokens(bg, tenuto.DataToken, nil)
		case tenuto.ReleaseInd:
			if u.n(2) == 0 || s.RefuseRelease(bg, nil) != nil {
				s.RespondRelease(bg, nil)
			}
		}
	}
}
