package app

import (
	"context"
	"runtime/debug"
)

// Filled waits for the first whole picture.
func (a *App) Filled(ctx context.Context) error {
	for _, b := range a.boards {
		if err := b.Filled(ctx); err != nil {
			return err
		}
	}
	for _, b := range a.workers {
		if err := b.Filled(ctx); err != nil {
			return err
		}
	}
	if err := a.data.Filled(ctx); err != nil {
		return err
	}
	if err := a.schemas.Filled(ctx); err != nil {
		return err
	}
	return a.crons.Filled(ctx)
}

// Trim gives back what only the start needed, once the first picture is
// whole: memory that was used for reading and assembling, and the parts of the
// program that did it. It is for a process that is nothing but this App.
func (a *App) Trim(ctx context.Context) {
	if a.Filled(ctx) != nil {
		return // it stops already
	}
	debug.FreeOSMemory()
	dropProgram()
}
