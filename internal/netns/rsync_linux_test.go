package netns

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder goes to the far host by rsync over ssh over connect, and comes back from rsync's own server through forward.
func TestRsync(t *testing.T) {
	const (
		big  = 24 << 20
		rate = "--bwlimit=16m" // so that there is time to cut
	)
	t.Run("over ssh through connect", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, append(sshTools, "rsync")...)
		s := l.startSSHD()
		serve := l.serve(overTLS)
		l.admit("")
		from, to := makeTree(t, l.near.home, big), filepath.Join(l.far.home, "copy")
		ssh := s.proxied(l)
		host := ssh[len(ssh)-1]
		p := l.start(l.near, nil, nil, "rsync", "-a", rate, "-e", quoted(ssh[:len(ssh)-1]), from+"/", host+":"+to)
		l.rsyncIsCut(p, to, big)
		wantSameTree(t, from, to)
		if p.stderr.count("msg=resumed") == 0 {
			t.Errorf("tenuto connect logged no resume:\n%s", &p.stderr)
		}
		l.wantResumes(serve, 2)
	})
	t.Run("its own server through forward", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, "rsync")
		from, to := makeTree(t, l.far.home, big), filepath.Join(l.near.home, "copy")
		config := filepath.Join(l.far.home, "rsyncd.conf")
		writeFile(t, config, "use chroot = no\nuid = 0\ngid = 0\nreverse lookup = no\n[files]\npath = "+from+"\n")
		address, port, _ := strings.Cut(target, ":")
		l.daemon(l.far, port, nil, "rsync", "--daemon", "--no-detach", "--config="+config, "--address="+address, "--port="+port)
		serve, forward := l.joinTLS()
		p := l.start(l.near, nil, nil, "rsync", "-a", rate, "rsync://"+localEnd+"/files/", to)
		l.rsyncIsCut(p, to, big)
		wantSameTree(t, from, to)
		l.wantResumes(forward, 2)
		l.wantResumes(serve, 2)
	})
}

// rsyncIsCut cuts the network twice while rsync fills a folder, and waits for its end.
func (l *lab) rsyncIsCut(p *process, to string, size int64) {
	l.t.Helper()
	for i, c := range []cut{addressChanged, farLinkDown} {
		share := size * int64(i+1) / 4
		l.eventually(fmt.Sprintf("%d octets have arrived", share), func() bool {
			select {
			case <-p.done:
				l.t.Fatalf("rsync ended before it was cut: %v\n%s", p.err, &p.stderr)
			default:
			}
			return sizeOf(to) >= share
		})
		l.cut(c)
	}
	if err := p.wait(); err != nil {
		l.t.Error(err)
	}
}

// sizeOf adds up the files below a folder. What is renamed meanwhile may be missing.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// makeTree makes a folder with files large and small, an empty one, a link and modes to preserve.
func makeTree(t *testing.T, in string, big int64) string {
	t.Helper()
	dir := filepath.Join(in, "tree")
	for _, d := range []string{"empty", "small"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	sizes := map[string]int64{"big": big, "none": 0}
	for i := range 100 {
		sizes[fmt.Sprintf("small/%d", i)] = int64(i * 100)
	}
	for name, size := range sizes {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o640)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadFrom(newSource(size, byte(len(name)), nil)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("big", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wantSameTree compares names, modes, sizes and digests.
func wantSameTree(t *testing.T, from, to string) {
	t.Helper()
	want, got := describe(t, from), describe(t, to)
	if got != want {
		t.Errorf("the copy differs; got:\n%s\nwant:\n%s", got, want)
	}
}

// describe has a line for each file below a folder.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprint(&text, name, " ", info.Mode())
		if info.Mode().IsRegular() {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			sum, size, err := digest(f)
			if err != nil {
				return err
			}
			fmt.Fprint(&text, " ", size, " ", sum)
		}
		fmt.Fprintln(&text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// quoted is a command as rsync's -e wants it: it splits at spaces outside quotes.
func quoted(command []string) string {
	return "'" + strings.Join(command, "' '") + "'"
}
