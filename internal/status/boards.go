package status

import (
	"context"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
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

// Status answers what runs where, and how old the facts are.
func (b *Boards) Status(ctx context.Context, a access.Actor, project string) (*Snapshot[Status], *Ages, error) {
	board, err := b.open(ctx, a, access.ViewStatus, project)
	if err != nil {
		return nil, nil, err
	}
	return board.Status(), board.Ages(), nil
}

// Deployments answers the history of builds, and how old the facts are.
func (b *Boards) Deployments(ctx context.Context, a access.Actor, project string) (*Snapshot[Deployments], *Ages, error) {
	board, err := b.open(ctx, a, access.ViewDeployments, project)
	if err != nil {
		return nil, nil, err
	}
	return board.Deployments(), board.Ages(), nil
}

// Report takes what a developer's machine says of its working copy; see
// Board.Report for what is refused.
func (b *Boards) Report(ctx context.Context, a access.Actor, project string, r Report) error {
	board, err := b.open(ctx, a, access.ReportDev, project)
	if err != nil {
		return err
	}
	return board.Report(ctx, r)
}

// Projects names the projects in order, for whoever may see the status.
func (b *Boards) Projects(ctx context.Context, a access.Actor) ([]string, error) {
	if _, err := b.gate.Allow(ctx, a, access.ViewStatus, access.On{}); err != nil {
		return nil, err
	}
	names := make([]string, len(b.boards))
	for i, board := range b.boards {
		names[i] = board.project.Name
	}
	return names, nil
}

// open passes the gate before it says whether a project exists at all.
func (b *Boards) open(ctx context.Context, a access.Actor, use access.UseCase, project string) (*Board, error) {
	if _, err := b.gate.Allow(ctx, a, use, access.On{}); err != nil {
		return nil, err
	}
	for _, board := range b.boards {
		if project == "" || board.project.Name == project {
			return board, nil
		}
	}
	return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(project, hostile.NameLimit))
}
