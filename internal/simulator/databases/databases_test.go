package databases_test

import (
	"database/sql"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/databases"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// rows are the names that a database has, in the order of application.
func rows(t *testing.T, address string) (names []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+address[len("sqlite://"):]+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := db.QueryContext(t.Context(), `SELECT migration_name FROM "_prisma_migrations" WHERE finished_at IS NOT NULL ORDER BY started_at, rowid`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var name string
		if err := found.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// TestTheFilesFollowTheWorld: staging has one migration more than production,
// until its build is promoted.
func TestTheFilesFollowTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world.New(world.Options{Seed: 1})
		d, err := databases.New(t.Context(), t.TempDir(), w)
		if err != nil {
			t.Fatal(err)
		}
		at := d.Addresses()
		next, prod := rows(t, at["next"]), rows(t, at["prod"])
		if len(at) != 3 || len(rows(t, at["dev"])) == 0 || len(next) != len(prod)+1 {
			t.Fatalf("%v: next has %d, prod %d", at, len(next), len(prod))
		}
		w.Change(func(s *world.State) {
			if _, err := s.Promote(s.NewestStaged().ID, s.People[0]); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Minute) // the bubble's
		if err := d.Follow(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if prod = rows(t, at["prod"]); !slices.Equal(prod, next) {
			t.Errorf("after the promotion prod has %v, next %v", prod, next)
		}
	})
}
