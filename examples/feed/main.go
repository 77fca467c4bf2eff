// Command feed brings the readings of a sensor to a subscriber: each once, in order, and nothing the other way.
//
//	vmstat -n 1 | go run ./feed publish tenuto+tcp://127.0.0.1:7225
//	go run ./feed subscribe tenuto+tcp://127.0.0.1:7225/feed
//
// A line of the publisher's input is a reading, and one message (an SSDU). The session is simplex: the data token stays where it was when
// the session began, so that neither a mistake nor malice at the subscriber's end can send anything to the sensor. The subscriber
// dials, and says that the token is to be at the other end.
//
// When the connection below breaks, readings wait until there is another one, and the bridge sends again what was lost on the way: there
// is no gap, and none comes twice. A subscriber that is too slow, or away, makes the publisher wait; what the sensor says meanwhile waits in the
// pipe. At the end of the input the publisher releases the session, and the subscriber knows that it has had everything.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/tenuto-session/tenuto"
)

// maxReading is how long a reading may be, in octets.
const maxReading = 4 << 10

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "feed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 || args[0] != "publish" && args[0] != "subscribe" {
		return errors.New("usage: feed publish URL | feed subscribe URL/SERVICE")
	}
	ep, err := tenuto.NewEndpoint(nil)
	if err != nil {
		return err
	}
	defer ep.Close()
	if args[0] == "publish" {
		return publish(ctx, ep, args[1], in, out)
	}
	return subscribe(ctx, ep, args[1], out)
}

// publish waits for one subscriber, and sends what comes from in until that ends.
func publish(ctx context.Context, ep *tenuto.Endpoint, url string, in io.Reader, out io.Writer) error {
	ln, err := ep.Listen(ctx, url, &tenuto.Config{Units: tenuto.HalfDuplex})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.URL())
	s, err := ln.Accept(ctx)
	if err != nil {
		return err
	}
	if !s.Simplex() { // a subscriber that can talk back is none
		return errors.Join(errors.New("the subscriber wants a session that is not simplex"), s.Abort(nil))
	}
	sent := make(chan error, 1)
	go func() { // waits for the input, even if nobody is there any more to hear of it
		err := feed(ctx, s, in)
		sent <- err
		if err != nil {
			_ = s.Abort(nil) // ends Receive below as well
		}
	}()
	// Nothing comes this way but the answer to the release, or the news that the subscriber is gone.
	if _, err := s.Receive(ctx); err != nil {
		select {
		case cause := <-sent:
			err = errors.Join(cause, err)
		default:
		}
		return errors.Join(err, s.Abort(nil))
	}
	return <-sent
}

// feed sends each reading, and then asks for release.
func feed(ctx context.Context, s *tenuto.Session, in io.Reader) error {
	readings := bufio.NewScanner(in)
	readings.Buffer(nil, maxReading)
	for readings.Scan() {
		if len(readings.Bytes()) == 0 {
			continue // an SSDU has at least one octet
		}
		if err := s.Send(ctx, readings.Bytes()); err != nil {
			return err
		}
	}
	if err := readings.Err(); err != nil {
		return err
	}
	return s.Release(ctx, nil)
}

// subscribe prints readings until the publisher has no more.
func subscribe(ctx context.Context, ep *tenuto.Endpoint, url string, out io.Writer) error {
	s, err := ep.Dial(ctx, url, &tenuto.Config{Simplex: true, Tokens: tenuto.TokenSettings{There: tenuto.DataToken}})
	if err != nil {
		return err
	}
	if err := print(ctx, s, out); err != nil {
		return errors.Join(err, s.Abort(nil))
	}
	return s.RespondRelease(ctx, nil)
}

func print(ctx context.Context, s *tenuto.Session, out io.Writer) error {
	var reading []byte
	for {
		i, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		switch i := i.(type) {
		case tenuto.Data: // a whole reading, or a part of it
			if reading = append(reading, i.B...); len(reading) > maxReading {
				return fmt.Errorf("a reading of more than %d octets", maxReading)
			}
			if !i.End {
				continue
			}
			if _, err := fmt.Fprintf(out, "%s\n", reading); err != nil {
				return err
			}
			reading = reading[:0]
		case tenuto.ReleaseInd:
			return nil
		}
	}
}
