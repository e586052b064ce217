// Package keeping lets releases ask the databases for a snapshot: it says what
// the one room keeps in the words of the other. Neither knows the other one,
// and no rule is here.
package keeping

import (
	"context"

	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/release"
)

// Databases keeps a database before a release.
type Databases struct{ Book *database.Book }

var _ release.Snapshotter = Databases{}

// Snapshot keeps the database of an environment as it is now.
func (d Databases) Snapshot(ctx context.Context, project, environment, operation string) (release.Kept, error) {
	s, err := d.Book.Snapshot(ctx, project, environment, operation)
	if err != nil {
		return release.Kept{}, err
	}
	return release.Kept{ID: s.BranchID, Name: s.Name, Source: s.SourceID, Of: s.SourceName, LSN: s.LSN, At: s.At}, nil
}
