package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tenuto-session/tenuto"
)

// Limits of a room. Who sends more in a message, or does not read what others say, is thrown out.
const (
	maxMessage = 4 << 10
	maxUnread  = 64
)

// errLeft is how a dialogue ends when the peer has released its session.
var errLeft = errors.New("left")

type room struct {
	mu      sync.Mutex
	members map[*member]bool
}

type member struct {
	session *tenuto.Session
	unread  chan string
}

// host keeps a room open until ctx is done.
func host(ctx context.Context, url string, out io.Writer) error {
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	ln, err := ep.Listen(ctx, url, nil)
	if err != nil {
		return errors.Join(err, ep.Close())
	}
	fmt.Fprintln(out, ln.URL())
	r := &room{members: map[*member]bool{}}
	var guests sync.WaitGroup
	for {
		s, err := ln.Accept(ctx)
		if err != nil {
			err = errors.Join(err, ep.Close()) // which ends the sessions
			guests.Wait()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		guests.Go(func() { r.serve(ctx, s) })
	}
}

// serve is one guest's visit.
func (r *room) serve(ctx context.Context, s *tenuto.Session) {
	name := string(s.UserData()) // came with the request to connect
	m := &member{session: s, unread: make(chan string, maxUnread)}
	var sender sync.WaitGroup
	sender.Go(func() {
		for line := range m.unread {
			if s.Send(ctx, []byte(line)) != nil {
				_ = s.Abort(nil) // ends Receive below as well
			}
		}
	})
	r.enter(m, name+" is here")
	var err error
	for err == nil {
		var message string
		if message, err = receive(ctx, s); err == nil {
			r.say(name + ": " + message)
		}
	}
	r.leave(m)
	sender.Wait() // what was said before the guest left still goes out
	if errors.Is(err, errLeft) && s.RespondRelease(ctx, nil) == nil {
		r.say(name + " has left")
		return
	}
	_ = s.Abort(nil)
	r.say(name + " was cut off")
}

// receive returns the next whole message, or errLeft.
func receive(ctx context.Context, s *tenuto.Session) (string, error) {
	var message []byte
	for {
		indication, err := s.Receive(ctx)
		if err != nil {
			return "", err
		}
		switch indication := indication.(type) {
		case tenuto.Data:
			message = append(message, indication.B...)
			if len(message) > maxMessage {
				return "", fmt.Errorf("a message of more than %d octets", maxMessage)
			}
			if indication.End {
				return string(message), nil
			}
		case tenuto.ReleaseInd:
			return "", errLeft
		}
	}
}

func (r *room) enter(m *member, news string) {
	r.mu.Lock()
	r.members[m] = true
	r.mu.Unlock()
	r.say(news)
}

func (r *room) leave(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, m)
	close(m.unread)
}

// say tells everybody. Nobody waits for somebody who does not read.
func (r *room) say(line string) {
	var slow []*member
	r.mu.Lock()
	for m := range r.members {
		select {
		case m.unread <- line:
		default:
			slow = append(slow, m)
		}
	}
	r.mu.Unlock()
	for _, m := range slow {
		_ = m.session.Abort([]byte("you do not read"))
	}
}
