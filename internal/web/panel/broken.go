package panel

import (
	"strings"

	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Broken says in words which sources could not answer, those of which nothing
// is known first.
func Broken(sources []status.Source) []Notice {
	var unknown, old []Notice
	for _, s := range sources {
		if s.Error == nil {
			continue
		}
		n := Notice{Source: Label(s.Name), Text: ui.Reason(s.Error.Message)}
		if strings.HasPrefix(strings.ToLower(string(n.Text)), strings.ToLower(s.Name)) {
			n.Source = "" // the message names it already
		}
		if s.FetchedAt == nil {
			n.Tone, n.Text = ui.Bad, n.Text+" Its facts are unknown."
			unknown = append(unknown, n)
		} else {
			n.Tone, n.Text = ui.Warn, n.Text+" Its facts are the last it gave."
			old = append(old, n)
		}
	}
	return append(unknown, old...)
}
