package app

import (
	"github.com/envdeck/envdeck/internal/live"
	"github.com/envdeck/envdeck/internal/release"
)

// openLive joins what changes to who watches. Other replicas' operations are
// found in the database that they share with us; where there is none, there
// are no others.
func (a *App) openLive() {
	o := live.Options{Clock: a.o.Clock, Log: a.o.Log}
	if a.o.Config.DatabaseURL.Set() {
		o.Marks = a.db.OperationMarks
	}
	a.live = live.New(o)
	a.loops = append(a.loops, loop{"live", a.live.Run})
	a.desk.OnChange(func(op release.Operation) { a.live.Changed(op.Project) })
	a.data.OnChange(a.live.Changed)
	a.crons.OnChange(a.live.Changed)
	for _, b := range a.boards {
		b.OnChange(func() { a.live.Changed(b.Project().Name) })
	}
}
