package link

import "iter"

// Output is what a machine wants done, in this order: multicast addresses joined and left, frames sent, notes logged. Whoever does it
// calls Reset, and uses the output again.
type Output struct {
	Joins []Join
	Notes []Note

	buf    []byte
	frames []span
}

// Join is a multicast address to join, or to leave.
type Join struct {
	Port    int
	Address Hardware
	Leave   bool
}

// Note is something worth a line in a log.
type Note struct {
	Port  int // -1 if it concerns none
	Level Level
	Text  string
	Args  []any // keys and values, as those of log/slog
}

// Level is how much a note matters.
type Level int8

// The levels.
const (
	Debug Level = iota - 1
	Info
	Warning
)

type span struct{ port, from, to int }

// Reset forgets everything.
func (o *Output) Reset() {
	clear(o.Notes)
	o.Joins, o.Notes, o.buf, o.frames = o.Joins[:0], o.Notes[:0], o.buf[:0], o.frames[:0]
}

// Begin returns where a frame is to be appended. End says what was appended.
func (o *Output) Begin() []byte { return o.buf }

// End adds the frame that was appended to what Begin returned, for a port.
func (o *Output) End(port int, b []byte) {
	o.frames = append(o.frames, span{port, len(o.buf), len(b)})
	o.buf = b
}

// Frames are the frames with their ports, in order.
func (o *Output) Frames() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for _, s := range o.frames {
			if !yield(s.port, o.buf[s.from:s.to]) {
				return
			}
		}
	}
}

// Len is the number of frames.
func (o *Output) Len() int { return len(o.frames) }

// Debug adds a note for who looks closely, Note one for all, and Warn one of something that is wrong.
func (o *Output) Debug(port int, text string, args ...any) {
	o.Notes = append(o.Notes, Note{port, Debug, text, args})
}

// Note adds a note.
func (o *Output) Note(port int, text string, args ...any) {
	o.Notes = append(o.Notes, Note{port, Info, text, args})
}

// Warn adds a note that is a warning.
func (o *Output) Warn(port int, text string, args ...any) {
	o.Notes = append(o.Notes, Note{port, Warning, text, args})
}
