package panel

import (
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Broken says in words which sources could not answer.
func Broken(sources []status.Source) []Notice {
	var notices []Notice
	for _, s := range sources {
		switch {
		case s.Error != nil && s.FetchedAt == nil:
			notices = append(notices, Notice{Tone: ui.Bad, Source: Label(s.Name), Text: ui.Reason(s.Error.Message) + " What it knows is unknown here."})
		case s.Error != nil:
			notices = append(notices, Notice{Tone: ui.Warn, Source: Label(s.Name), Text: ui.Reason(s.Error.Message) + " What is shown is what it said last."})
		}
	}
	return notices
}
