package identity

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAdmit(t *testing.T) {
	s, log := open(t, t.TempDir(), false)
	file := s.path(authorizedFile)
	word := func(n byte) string { return FormatPublic(keyOf(n), "c") }
	write(t, file, "# who may\r\n\n"+word(1)+"\r\n"+
		`services="a,b" `+word(2)+"\n"+
		`services="c" `+word(2)+"\n"+
		"ed25519 damaged\n"+
		`services="a" `+word(3)+"\n  "+word(3))
	for _, tt := range []struct {
		key     byte
		service string
		want    bool
	}{
		{1, "", true}, {1, "a", true}, {1, "z", true},
		{2, "", true}, {2, "a", true}, {2, "b", true}, {2, "c", true}, {2, "z", false}, {2, "A", false}, {2, "a,b", false},
		{3, "z", true}, // two lines: all of them
		{4, "", false}, {4, "a", false},
	} {
		err := s.Admit("tenuto://:7225", keyOf(tt.key), tt.service)
		if (err == nil) != tt.want {
			t.Errorf("key %d, service %q: %v; want admitted %v", tt.key, tt.service, err, tt.want)
		}
		if n, ok := errors.AsType[*NotAdmittedError](err); err != nil && (!ok || n.Service != tt.service || n.File != file) {
			t.Errorf("key %d, service %q: %#v; want a NotAdmittedError", tt.key, tt.service, err)
		}
	}
	if got := log.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "line=6 ") || !strings.Contains(got, errBase64.Error()) {
		t.Errorf("log %q; want one line about line 6", got)
	}
}

// The line that a refusal tells is one that admits.
func TestRefusalTellsTheLine(t *testing.T) {
	s, _ := open(t, t.TempDir(), false)
	text := ""
	for _, service := range []string{"", "db"} {
		err := s.Admit("tenuto://:7225", keyOf(byte(len(service))), service)
		n, ok := errors.AsType[*NotAdmittedError](err)
		if !ok {
			t.Fatalf("Admit: %v; want a NotAdmittedError", err)
		}
		wantText(t, err, Fingerprint(n.Key), authorizedFile, n.Line)
		if strings.Contains(err.Error(), s.Dir()) {
			t.Errorf("the text, which the client may see, names the folder: %v", err)
		}
		text += n.Line + "\n"
		write(t, n.File, text)
		if err := s.Admit("tenuto://:7225", n.Key, service); err != nil {
			t.Errorf("with the line added: %v", err)
		}
	}
	if s.Admit("", keyOf(2), "other") == nil {
		t.Error("the line for one service admits to another")
	}
}

// A changed file counts at the next question, however soon it changed, and a lost one admits nobody.
func TestFileIsReadAnew(t *testing.T) {
	s, log := open(t, t.TempDir(), false)
	file := s.path(authorizedFile)
	admits := func(n byte) bool { return s.Admit("", keyOf(n), "") == nil }
	old := time.Now().Add(-time.Hour)
	for range 20 { // of one size, and within one tick of a coarse clock
		for n := range byte(2) {
			write(t, file, FormatPublic(keyOf(n), "")+"\nx\n")
			if !admits(n) || admits(1-n) {
				t.Fatal("the old file still counts")
			}
		}
	}
	log.take()
	os.Chtimes(file, old, old)
	if !admits(1) || log.take() != "" {
		t.Error("the same text is told of again")
	}
	if !s.authorized.have.settled {
		t.Fatal("an old file is not taken for settled")
	}
	have := s.authorized.have
	if !admits(1) || s.authorized.have != have {
		t.Error("an old file was read again")
	}
	// An editor puts another file there.
	write(t, file+"~", FormatPublic(keyOf(0), "")+"\nx\n")
	os.Chtimes(file+"~", old, old)
	os.Rename(file+"~", file)
	if !admits(0) || admits(1) {
		t.Error("the replaced file still counts")
	}
	os.Remove(file)
	if admits(0) {
		t.Error("the removed file still counts")
	}
}

func TestLimitsOfFiles(t *testing.T) {
	s, log := open(t, t.TempDir(), false)
	file := s.path(authorizedFile)
	write(t, file, text1+strings.Repeat(" ", maxLine)+"x\n"+FormatPublic(keyOf(2), "")+"\n")
	if s.Admit("", keyOf(1), "") == nil || s.Admit("", keyOf(2), "") != nil || !strings.Contains(log.take(), errLong.Error()) {
		t.Error("a line without end is not left out")
	}
	if err := os.Truncate(file, maxFile+1); err != nil {
		t.Fatal(err)
	}
	wantText(t, s.Admit("", keyOf(2), ""), file, "octets")
	os.Remove(file)
	os.Mkdir(file, 0o700)
	wantText(t, s.Admit("", keyOf(2), ""), file, "not a regular file")
}

// Questions from everywhere, while the file changes.
func TestAdmitAtTheSameTime(t *testing.T) {
	s, _ := open(t, t.TempDir(), false)
	file := s.path(authorizedFile)
	write(t, file, text1+"\n")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				if err := s.Admit("", keyOf(1), "db"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range 50 {
		write(t, file+"~", text1+strings.Repeat("\n", n))
		if err := os.Rename(file+"~", file); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
}
