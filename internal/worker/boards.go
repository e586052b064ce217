package worker

import (
	"context"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/snapshot"
)

// Boards is the door to every project's board: each call names who asks, and
// passes the Gate.
type Boards struct {
	gate   *access.Gate
	boards []*Board
}

// NewBoards puts the boards behind the gate. The first one is shown when no
// project is named.
func NewBoards(gate *access.Gate, boards []*Board) *Boards {
	return &Boards{gate: gate, boards: boards}
}

// Workers answers how the workers stand, and how old the facts are.
func (b *Boards) Workers(ctx context.Context, a access.Actor, project string) (*snapshot.Snapshot[Workers], *Ages, error) {
	board, err := b.open(ctx, a, project)
	if err != nil {
		return nil, nil, err
	}
	return board.read(), board.age(), nil
}

// Worker answers one worker, named as the configuration calls it, with its
// versions and deployments. fault.NotFound.
func (b *Boards) Worker(ctx context.Context, a access.Actor, project, name string) (History, *Ages, error) {
	board, err := b.open(ctx, a, project)
	if err != nil {
		return History{}, nil, err
	}
	w, err := board.sources.find(name)
	if err != nil {
		return History{}, nil, err
	}
	now := board.clock.Now()
	board.sources.want(now)
	k := w.known()
	return board.sources.facts(now).history(&k), board.age(), nil
}

// open passes the gate before it says whether a project exists at all.
func (b *Boards) open(ctx context.Context, a access.Actor, project string) (*Board, error) {
	if _, err := b.gate.Allow(ctx, a, access.ViewWorkers, access.On{}); err != nil {
		return nil, err
	}
	for _, board := range b.boards {
		if project == "" || board.project.Name == project {
			return board, nil
		}
	}
	return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(project, hostile.NameLimit))
}
