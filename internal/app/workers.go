package app

import (
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/worker"
)

// openWorkers opens the programs beside the app of every project; sets are in
// the order of the projects.
func (a *App) openWorkers(sets []provider.Set) {
	catalog := a.o.Config.Catalog()
	for i, p := range a.o.Config.Projects {
		project, _ := catalog.Project(p.Name)
		o := worker.Options{Project: project, Providers: sets[i], Keeper: a.keeper, Clock: a.o.Clock, Log: a.o.Log}
		if i > 0 {
			o.Prefix = p.Name + ":"
		}
		b := worker.New(o)
		a.workers = append(a.workers, b)
		a.loops = append(a.loops, loop{"workers " + p.Name, b.Run})
	}
}
