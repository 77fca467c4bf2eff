package endpoint

// streams are those of a bridge that its users have not done with: a list.
type streams struct {
	first *Stream
	n     int
}

func (l *streams) add(s *Stream) {
	if s.next = l.first; s.next != nil {
		s.next.prev = s
	}
	l.first = s
	l.n++
}

// remove takes s out if it is in.
func (l *streams) remove(s *Stream) {
	switch {
	case s.prev != nil:
		s.prev.next = s.next
	case l.first == s:
		l.first = s.next
	default:
		return
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
	l.n--
}
