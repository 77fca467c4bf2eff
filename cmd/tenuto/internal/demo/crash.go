package demo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// CrashOptions say what to do. A file is sent by tenuto send and received by tenuto recv, which are killed, while their connections are cut.
type CrashOptions struct {
	Size     int64 // of the file, in octets
	Cuts     int   // connections to cut
	Kills    int   // processes to kill: the sender, the receiver, or both at once, which counts as one
	Seed     uint64
	Program  string                                  // tenuto's executable
	Progress func(octets int64, cuts int, kills int) // called often by one goroutine; may be nil
}

// CrashDistance is how many octets there are between two synchronization points of the crash demonstration.
const CrashDistance = 64 << 10

// crashRoom is how many octets an event needs, so that something is committed before the next.
const crashRoom = 4 * CrashDistance

// CrashSize is the least size for so many events.
func CrashSize(events int) int64 { return int64(events+1) * crashRoom }

// Check tells whether the events find room in the size.
func (o CrashOptions) Check() error {
	if o.Cuts < 0 || o.Kills < 0 || o.Size <= 0 {
		return errors.New("the size must be positive, and the cuts and kills not negative")
	}
	if least := CrashSize(o.Cuts + o.Kills); o.Size < least {
		return fmt.Errorf("%d cuts and kills need a size of at least %dMiB", o.Cuts+o.Kills, least>>20+1)
	}
	return nil
}

// happenings are what can be done to a transfer.
const (
	cutConnection = iota
	killSender
	killReceiver
	killBoth
)

var happeningNames = [...]string{"cut", "kill_sender", "kill_receiver", "kill_both"}

// A crash is a run.
type crash struct {
	o     CrashOptions
	dir   string
	line  *breaker
	judge judge

	sender, receiver *process
	listen           string // address of the receiver
}

// Crash does it and reports. An error means that the transfer did not come to its end, or that something was sent or written twice, or not at all.
func Crash(ctx context.Context, o CrashOptions) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tenuto-crash-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := &crash{o: o, dir: dir, judge: judge{moved: make(chan struct{}, 1)}}
	for _, d := range []string{"sender", "receiver", "in", "run"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	sum, err := c.file()
	if err != nil {
		return nil, err
	}
	if c.listen, err = freeAddress(); err != nil {
		return nil, err
	}
	if c.line, err = newBreaker(c.listen); err != nil {
		return nil, err
	}
	defer c.line.close()
	defer func() {
		c.sender.kill()
		c.receiver.kill()
	}()
	began := time.Now()
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	took := time.Since(began)
	c.receiver.kill() // all that it has said is heard then
	if err := c.judge.verdict(o.Size); err != nil {
		return nil, err
	}
	got, err := sumOf(filepath.Join(dir, "in", "file"))
	if err != nil {
		return nil, err
	}
	return c.report(took, bytes.Equal(sum, got)), nil
}

// file makes the file that is sent.
func (c *crash) file() (sum []byte, err error) {
	f, err := os.Create(filepath.Join(c.dir, "file"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	var seed [32]byte
	seed[0], seed[1] = byte(c.o.Seed), byte(c.o.Seed>>8)
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8(seed), c.o.Size); err != nil {
		return nil, err
	}
	return h.Sum(nil), f.Close()
}

func sumOf(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}

// freeAddress is one on loopback that nobody listens at.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// run starts both, and does to them what the seed says, until the sender has come to its end.
func (c *crash) run(ctx context.Context) error {
	r := rand.New(rand.NewPCG(c.o.Seed, 0))
	var events []int
	for range c.o.Cuts {
		events = append(events, cutConnection)
	}
	for range c.o.Kills {
		events = append(events, killSender+r.IntN(3))
	}
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	if err := c.startReceiver(ctx); err != nil {
		return err
	}
	if err := c.startSender(ctx); err != nil {
		return err
	}
	room := c.o.Size / int64(len(events)+1)
	for i, e := range events {
		if err := c.reach(ctx, int64(i+1)*room, time.Duration(r.IntN(10000))*time.Microsecond); err != nil {
			return err
		}
		if err := c.happen(ctx, e); err != nil {
			return err
		}
	}
	return c.reach(ctx, c.o.Size+1, 0)
}

// happen does one thing.
func (c *crash) happen(ctx context.Context, what int) error {
	began := time.Now()
	if what == cutConnection {
		c.judge.note(what, began)
		c.line.cut()
		return nil
	}
	if what != killReceiver {
		c.sender.kill()
	}
	if what != killSender {
		c.receiver.kill()
		c.judge.unheard()
	}
	c.judge.note(what, began)
	if what != killSender {
		if err := c.startReceiver(ctx); err != nil {
			return err
		}
	}
	if what != killReceiver {
		return c.startSender(ctx)
	}
	return nil
}

// reach waits until so many octets are committed, and then a while; or, if they are more than there are, until the sender has come to its end.
func (c *crash) reach(ctx context.Context, octets int64, more time.Duration) error {
	failures := 0
	for {
		committed, settled := c.judge.state()
		if c.o.Progress != nil {
			cuts, kills := c.judge.counts()
			c.o.Progress(committed, cuts, kills)
		}
		if committed >= octets && settled {
			t := time.NewTimer(more)
			defer t.Stop()
			select {
			case <-t.C:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		select {
		case <-c.judge.moved:
			failures = 0
		case <-c.sender.done:
			if c.sender.err == nil && octets > c.o.Size {
				return nil
			}
			if c.sender.err == nil { // before all could happen: the same command sends it once more
				if err := c.startSender(ctx); err != nil {
					return err
				}
				continue
			}
			// The first session of a sender is tried once, and the receiver may not have been back yet.
			if failures++; failures > 50 {
				return fmt.Errorf("the sender fails: %w: %s", c.sender.err, c.sender.said)
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := c.startSender(ctx); err != nil {
				return err
			}
		case <-c.receiver.done:
			return fmt.Errorf("the receiver has ended: %w: %s", c.receiver.err, c.receiver.said)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *crash) startReceiver(ctx context.Context) (err error) {
	c.receiver, err = c.start(ctx, "receiver", "recv", "--replace", "--listen", "tenuto://"+c.listen, filepath.Join(c.dir, "in"))
	return err
}

func (c *crash) startSender(ctx context.Context) (err error) {
	c.sender, err = c.start(ctx, "sender", "send", "--distance", fmt.Sprint(CrashDistance), filepath.Join(c.dir, "file"), "tenuto://"+c.line.address())
	return err
}

// start starts tenuto. Both have one key, and so admit each other.
func (c *crash) start(ctx context.Context, role string, args ...string) (*process, error) {
	p := &process{done: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, c.o.Program, append([]string{"--log-level", "debug", "--log-format", "json", "--config-dir", filepath.Join(c.dir, "run"),
		"--state-dir", filepath.Join(c.dir, role)}, args...)...)
	p.cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+filepath.Join(c.dir, "run"))
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			p.said = lines.Text()
			c.judge.hear(lines.Bytes())
		}
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// A process is one that may be killed.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended, and all that it has said is heard
	said string        // its last line
	err  error
}

func (p *process) kill() {
	if p != nil {
		p.cmd.Process.Kill()
		<-p.done
	}
}

// A judge hears the logs of both processes.
type judge struct {
	moved chan struct{}

	mu        sync.Mutex
	said      []saying
	committed int64 // octets, as far as was heard
	resumes   int64
	counted   [len(happeningNames)]int
	last      int       // what happened last
	since     time.Time // when; zero if something has been committed since
	resuming  bool      // the sender has yet to resume
	took      [len(happeningNames)][]time.Duration
}

// A saying is a line of a log that counts, or, without a message, says that the receiver was killed.
type saying struct {
	Time     time.Time
	Msg      string // "committed" by the receiver, "sending" by the sender
	From, To int64
}

// hear takes a line of a log. The two logs are not heard in the order in which they were written.
func (j *judge) hear(line []byte) {
	var l saying
	if json.Unmarshal(line, &l) != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch l.Msg {
	case "committed":
		j.committed = l.To
		if !j.since.IsZero() && !j.resuming {
			j.took[j.last] = append(j.took[j.last], time.Since(j.since))
			j.since = time.Time{}
		}
	case "sending":
		j.resumes++
		j.resuming = false
	default:
		return
	}
	j.said = append(j.said, l)
	select {
	case j.moved <- struct{}{}:
	default:
	}
}

// unheard says that the receiver was killed, and all that it has said was heard: it may have committed more.
func (j *judge) unheard() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said = append(j.said, saying{Time: time.Now()})
}

// verdict says what is wrong with all that was said, if something is. A file that was committed as a whole may be sent once more.
func (j *judge) verdict(size int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	slices.SortStableFunc(j.said, func(a, b saying) int { return a.Time.Compare(b.Time) })
	committed, killed := int64(0), false
	for _, l := range j.said {
		if l.Msg != "" && l.From == 0 && committed >= size {
			committed = 0
		}
		switch l.Msg {
		case "committed":
			switch {
			case l.From < committed:
				return fmt.Errorf("octets %d to %d were committed again", l.From, committed)
			case l.From > committed && !killed:
				return fmt.Errorf("octets %d to %d were never committed", committed, l.From)
			}
			committed, killed = l.To, false
		case "sending":
			if l.From < committed {
				return fmt.Errorf("octets %d to %d were sent again", l.From, committed)
			}
		default:
			killed = true
		}
	}
	return nil
}

// note says what happened, and when. What is committed before the sender has resumed, after a kill, was sent before that.
func (j *judge) note(what int, at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counted[what]++
	j.last, j.since, j.resuming = what, at, what != cutConnection
}

// state tells how much is committed, and whether something was since the last event.
func (j *judge) state() (committed int64, settled bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.committed, j.since.IsZero()
}

func (j *judge) counts() (cuts, kills int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counted[cutConnection], j.counted[killSender] + j.counted[killReceiver] + j.counted[killBoth]
}

func (c *crash) report(took time.Duration, same bool) *Report {
	j := &c.judge
	j.mu.Lock()
	defer j.mu.Unlock()
	r := &Report{Bytes: c.o.Size, Seconds: took.Round(time.Millisecond).Seconds(), Cuts: j.counted[cutConnection], Resumes: j.resumes - 1, SHA256Match: same,
		Recovery: Recovery{ByKind: map[string]Times{}}}
	kills := 0
	var all []time.Duration
	for k, times := range j.took {
		if k != cutConnection {
			kills += j.counted[k]
		}
		r.Recovery.ByKind[happeningNames[k]] = timesOf(times)
		all = append(all, times...)
	}
	r.Kills = &kills
	r.Recovery.Times = timesOf(all)
	return r
}
