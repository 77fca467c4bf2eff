package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math"
)

// The built-in picture.
const (
	width, height = 640, 360
	beat          = sampleRate // a beat a second
	beats         = 4          // after which it begins again
)

// pendulum makes pictures by which one sees and, with click, hears whether they are in step: at each beat there is a flash.
func pendulum(fps int) func(n int64) []byte {
	var pictures [][]byte
	for n := range beats * fps {
		pictures = append(pictures, encode(draw(n, fps)))
	}
	return func(n int64) []byte { return pictures[n%int64(len(pictures))] }
}

// click is a click at each beat, the first of four higher, over a soft hum.
func click(t int64) []byte {
	b := make([]byte, 0, 2*soundUnit)
	for i := range int64(soundUnit) {
		at := t + i
		since := float64(at%beat) / sampleRate
		pitch := 880.0
		if at/beat%4 == 0 {
			pitch = 1320
		}
		v := 0.5*math.Exp(-since*40)*math.Sin(2*math.Pi*pitch*since) + 0.03*math.Sin(2*math.Pi*110*float64(at%beat)/sampleRate)
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*32000)))
	}
	return b
}

// draw draws a pendulum, the time in seconds and hundredths, and a flash at the beat.
func draw(n, fps int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	phase := float64(n%fps) / float64(fps)
	flash := uint8(170 * math.Exp(-phase*8))
	grain := uint32(n + 1) // as film has it, and so a picture has some weight
	for y := range height {
		r, g, b := 22+flash, 26+uint8(y/24)+flash, 44+uint8(y/12)+flash/2
		for x := range width {
			grain = grain*1664525 + 1013904223
			k := uint8(grain >> 28)
			copy(m.Pix[m.PixOffset(x, y):], []uint8{r + k, g + k, b + k, 255})
		}
	}
	white := color.RGBA{240, 244, 255, 255}
	amber := color.RGBA{255, 184, 76, 255}
	swing := math.Sin(math.Pi * (float64(n)/float64(fps) + 0.5)) // at its end at each beat
	x, y := width/2+220*math.Sin(swing*0.9), 40+220*math.Cos(swing*0.9)
	line(m, width/2, 40, x, y, 2.5, white)
	disc(m, x, y, 26, amber)
	seconds := n / fps
	digits(m, 40, height-88, []int{seconds % 10}, white)
	disc(m, 92, height-34, 5, white)
	hundredths := n % fps * 100 / fps
	digits(m, 108, height-88, []int{hundredths / 10, hundredths % 10}, white)
	return m
}

func encode(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 80}); err != nil {
		panic("BUG: " + err.Error())
	}
	return b.Bytes()
}

func disc(m *image.RGBA, x, y, r float64, c color.RGBA) {
	for py := int(y - r); py <= int(y+r)+1; py++ {
		for px := int(x - r); px <= int(x+r)+1; px++ {
			if math.Hypot(float64(px)-x, float64(py)-y) <= r {
				m.SetRGBA(px, py, c)
			}
		}
	}
}

func line(m *image.RGBA, x0, y0, x1, y1, r float64, c color.RGBA) {
	steps := int(math.Hypot(x1-x0, y1-y0))
	for i := range steps {
		f := float64(i) / float64(steps)
		disc(m, x0+(x1-x0)*f, y0+(y1-y0)*f, r, c)
	}
}

// digits draws seven-segment digits, 28 by 56.
func digits(m *image.RGBA, x, y float64, ds []int, c color.RGBA) {
	// Top, upper right, lower right, bottom, lower left, upper left, middle.
	segments := [7][4]float64{{0, 0, 28, 0}, {28, 0, 28, 28}, {28, 28, 28, 56}, {0, 56, 28, 56}, {0, 28, 0, 56}, {0, 0, 0, 28}, {0, 28, 28, 28}}
	shapes := [10]string{"012345", "12", "01346", "01236", "1256", "02356", "023456", "012", "0123456", "012356"}
	for _, d := range ds {
		for _, s := range shapes[d] {
			p := segments[s-'0']
			line(m, x+p[0], y+p[1], x+p[2], y+p[3], 3.2, c)
		}
		x += 44
	}
}
