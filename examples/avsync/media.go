package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

const (
	// sampleRate is the group's unit of time, too.
	sampleRate = 48_000
	// soundUnit is how many samples go into a unit of sound: 20 ms.
	soundUnit = sampleRate / 50
	// maxPicture is the size of the largest picture, in octets, and maxMedia that of the largest file.
	maxPicture = 512 << 10
	maxMedia   = 1 << 30
)

// media are what is shown, over and over.
type media struct {
	fps   int
	sound func(t int64) []byte // the unit of a time, 16 bits a sample, little-endian
	image func(n int64) []byte // the JPEG with a number
}

// frameTime is how long a picture is shown.
func (m *media) frameTime() int64 { return int64(sampleRate / m.fps) }

// load reads the files, or makes media where there are none.
func load(sound, picture string, fps int) (*media, error) {
	if fps < 1 || fps > 60 || sampleRate%fps != 0 {
		return nil, fmt.Errorf("%d pictures a second: it has to be a number up to 60 that divides %d", fps, sampleRate)
	}
	m := &media{fps: fps, sound: click}
	if sound != "" {
		pcm, err := read(sound, parseWAV)
		if err != nil {
			return nil, err
		}
		m.sound = func(t int64) []byte {
			at := t / soundUnit % int64(len(pcm)/2/soundUnit) * 2 * soundUnit
			return pcm[at : at+2*soundUnit]
		}
	}
	if picture != "" {
		frames, err := read(picture, parseMJPEG)
		if err != nil {
			return nil, err
		}
		m.image = func(n int64) []byte { return frames[n%int64(len(frames))] }
	} else {
		m.image = pendulum(fps)
	}
	return m, nil
}

func read[T any](name string, parse func([]byte) (T, error)) (v T, err error) {
	st, err := os.Stat(name)
	if err != nil {
		return v, err
	}
	if st.Size() > maxMedia {
		return v, fmt.Errorf("%s: %d octets exceed %d", name, st.Size(), maxMedia)
	}
	b, err := os.ReadFile(name)
	if err == nil {
		v, err = parse(b)
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// parseWAV returns the samples of a RIFF file.
func parseWAV(b []byte) ([]byte, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errors.New("not a WAV file")
	}
	known := false
	for b = b[12:]; len(b) >= 8; {
		name, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		body := b[:min(size, int64(len(b)))] // a file that was piped has no true size
		switch {
		case name == "fmt " && len(body) >= 16:
			format, channels := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:])
			rate, bits := binary.LittleEndian.Uint32(body[4:]), binary.LittleEndian.Uint16(body[14:])
			if format != 1 || channels != 1 || rate != sampleRate || bits != 16 {
				return nil, fmt.Errorf("format %d, %d channels, %d Hz, %d bits: it has to be PCM, 1, %d, 16: media.sh makes such a file",
					format, channels, rate, bits, sampleRate)
			}
			known = true
		case name == "data" && known:
			if len(body) < 2*soundUnit {
				return nil, errors.New("shorter than 20 ms")
			}
			return body, nil
		}
		b = b[min(size+size%2, int64(len(b))):]
	}
	return nil, errors.New("no samples in it")
}

// parseMJPEG takes JPEG pictures that follow each other apart.
func parseMJPEG(b []byte) (frames [][]byte, err error) {
	for len(b) > 0 {
		n, err := jpegSize(b)
		if err != nil {
			return nil, fmt.Errorf("picture %d: %w", len(frames), err)
		}
		if n > maxPicture {
			return nil, fmt.Errorf("picture %d: %d octets exceed %d", len(frames), n, maxPicture)
		}
		frames = append(frames, slices.Clip(b[:n]))
		b = b[n:]
	}
	if len(frames) == 0 {
		return nil, errors.New("no pictures in it")
	}
	return frames, nil
}

var errJPEG = errors.New("not a JPEG")

// jpegSize is the length of the JPEG at the beginning of b. ITU-T T.81 B.1.1
func jpegSize(b []byte) (int, error) {
	const (
		soi, eoi, sos = 0xd8, 0xd9, 0xda
		rst0, rst7    = 0xd0, 0xd7
	)
	if !bytes.HasPrefix(b, []byte{0xff, soi}) {
		return 0, errJPEG
	}
	for at := 2; at+2 <= len(b); {
		if b[at] != 0xff {
			return 0, errJPEG
		}
		marker := b[at+1]
		at += 2
		if marker == eoi {
			return at, nil
		}
		if at+2 > len(b) {
			return 0, errJPEG
		}
		at += int(binary.BigEndian.Uint16(b[at:]))
		if marker != sos {
			continue
		}
		for { // the scan goes on to the next marker that is none of its own
			if at+2 > len(b) {
				return 0, errJPEG
			}
			if b[at] == 0xff && b[at+1] != 0 && b[at+1] != 0xff && (b[at+1] < rst0 || b[at+1] > rst7) {
				break
			}
			at++
		}
	}
	return 0, errJPEG
}
