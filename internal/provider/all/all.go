// Package all lists the vendors that envdeck knows. It is the one place that
// names them: a new vendor is a room beside this one and a line here.
//
// It must not know what they can do.
package all

import (
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/cloudflare"
	"github.com/envdeck/envdeck/internal/provider/github"
	"github.com/envdeck/envdeck/internal/provider/neon"
	"github.com/envdeck/envdeck/internal/provider/sentry"
	"github.com/envdeck/envdeck/internal/provider/vercel"
)

// Kinds lists every vendor, in the order in which they are shown.
func Kinds() []provider.Kind {
	return []provider.Kind{vercel.Kind(), github.Kind(), cloudflare.Kind(), sentry.Kind(), neon.Kind()}
}
