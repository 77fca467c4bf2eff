package endpoint

// receiving is what a stream has of what came, until that has been taken and nothing has happened for a while. The ring's offsets count
// what was stored in it.
type receiving struct {
	ring
	resets []uint64 // where in the ring a purge cut the records
	rec    recordReader
	grown  growth
}

// receives makes the stream's receiving if there is none.
func (s *Stream) receives() *receiving {
	if s.in == nil {
		s.in = new(receiving)
	}
	return s.in
}

// holds tells whether there is something to be taken out of the ring.
func (r *receiving) holds() bool { return r != nil && (r.len() > 0 || len(r.resets) > 0) }

// giveIn gives back what a stream that receives nothing does not need.
func (s *Stream) giveIn() {
	switch r := s.in; {
	case r == nil || r.holds():
	case r.rec.idle():
		s.releaseIn()
	default: // a record has begun
		r.release(true)
	}
}

func (s *Stream) releaseIn() {
	if s.in != nil {
		s.in.release(true)
		s.in = nil
	}
}
