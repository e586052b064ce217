package config

import (
	"fmt"

	"github.com/envdeck/envdeck/internal/fault"
)

// problem is one thing that is wrong in a configuration, and where.
type problem struct {
	line, column int    // from 1; 0 when there is no file
	path         string // "projects[0].environments.next.url", "" for the whole
	text         string
}

// where is the problem's place in words.
func (p problem) where() string {
	switch {
	case p.line == 0:
		return p.path
	case p.path == "":
		return fmt.Sprintf("line %d, column %d", p.line, p.column)
	default:
		return fmt.Sprintf("line %d, column %d (%s)", p.line, p.column, p.path)
	}
}

// places are problems as a fault has them. With a source, each is followed by
// its line of the file and a caret.
func places(problems []problem, s *source) []fault.Place {
	var all []fault.Place
	for _, p := range problems {
		text := p.text
		if s != nil {
			if snippet := s.snippet(p.line, p.column); snippet != "" {
				text += "\n" + snippet
			}
		}
		all = append(all, fault.Place{Where: p.where(), Problem: text})
	}
	return all
}

// invalid is problems as a fault, nil when there are none.
func invalid(name string, problems []problem, s *source) error {
	if len(problems) == 0 {
		return nil
	}
	count := "a problem"
	if len(problems) > 1 {
		count = fmt.Sprintf("%d problems", len(problems))
	}
	return &fault.Error{Kind: fault.Invalid, Message: fmt.Sprintf("%s has %s.", name, count), Places: places(problems, s)}
}
