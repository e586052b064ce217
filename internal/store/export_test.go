package store

import (
	"context"
	"fmt"
)

// LimitPages makes the writer's disk as full as a test wants it.
func LimitPages(ctx context.Context, db *DB, pages int) error {
	_, err := db.write.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}
