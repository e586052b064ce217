package world

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Faults is how a script spoils the calls of providers. What a fault looks
// like on the wire is not the world's business.
type Faults interface {
	// Spoil puts a fault in force and returns what ends it.
	Spoil(Fault) (end func(), err error)
}

// Fault is one thing that goes wrong between a caller and a provider.
type Fault struct {
	Provider string // vercel, github, …; "" is all of them
	Method   string // "" is any
	Path     string // a glob; "" is any
	Preset   string // the wire kit's name for it, such as lost_answer
	Times    int    // 0 is until it is ended
}

// script is a named sequence of happenings for a demo.
type script struct {
	does  string
	beats []beat
}

// beat is one happening of a script, at a time since its start.
type beat struct {
	at time.Duration
	do func(*scene)
}

// scene is what the beats of one playing share.
type scene struct {
	*State
	faults Faults
	pull   int    // the pull request of this playing
	end    func() // ends the fault in force
}

// spoil puts one fault in force in place of the one before.
func (s *scene) spoil(f Fault) {
	s.calm()
	if s.faults == nil {
		return
	}
	if end, err := s.faults.Spoil(f); err == nil {
		s.end = end
	}
}

func (s *scene) calm() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

func scripts() map[string]script {
	return map[string]script{
		"good-promotion":  goodPromotion(),
		"bad-build":       badBuild(),
		"lost-answer":     lostAnswer(),
		"rollback-outage": rollbackOutage(),
		"provider-outage": providerOutage(),
		"busy-day":        busyDay(),
	}
}

// Scripts lists the scripts: name to what happens.
func Scripts() map[string]string {
	out := map[string]string{}
	for name, s := range scripts() {
		out[name] = s.does
	}
	return out
}

// Play plans a script's happenings from now on. faults may be nil: then those
// beats pass silently.
func (w *World) Play(name string, faults Faults) error {
	s, ok := scripts()[name]
	if !ok {
		return fmt.Errorf("%w: script %q; there are %v", ErrNotFound, name, slices.Sorted(maps.Keys(scripts())))
	}
	w.Change(func(state *State) {
		on := &scene{State: state, faults: faults}
		for _, b := range s.beats {
			state.After(b.at, func(*State) { b.do(on) })
		}
	})
	return nil
}
