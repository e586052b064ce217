package cron_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// A lane says what happened and what is to come, whatever was read before.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t))
		synctest.Wait()
		d.plan(t, "prod", every("/quarter", "*/15 * * * *"), every("/silent", "5 * * * *"))
		d.plan(t, "next", every("/quarter", "*/15 * * * *"))
		until(t, "00:15:03")
		d.send(t, cron.Report{To: to("/quarter"), Signal: cron.Failure, Duration: 2 * time.Second, Timed: true})
		until(t, "00:30:03")
		d.send(t, cron.Report{To: to("/quarter"), Signal: cron.Success, Duration: time.Second, Timed: true})
		until(t, "01:00:00")
		board := d.board(t, cron.LaneQuery{WorstFirst: true})
		if got := strings.Join(board.Environments, ",") + "|" + strings.Join(board.Silent, ","); got != "next,prod|dev" {
			t.Errorf("environments %s", got)
		}
		if board.Total != 2 || board.Trouble != 2 || board.Rows[0].Path != "/quarter" {
			t.Errorf("%d rows, %d in trouble", board.Total, board.Trouble)
		}
		if got := columns(board, "/quarter", "prod"); got != "92 1 failed; 93 1 run; 94 1 missed" {
			t.Errorf("prod: %s", got)
		}
		if got := columns(board, "/quarter", "next"); got != "92 1 missed; 93 1 missed; 94 1 missed" {
			t.Errorf("next: %s", got)
		}
		lane := board.Rows[0].Lanes["prod"]
		if lane.Sum.Due != 25 || lane.Sum.Longest != 2*time.Second || !lane.NextAt.Equal(time.Date(2000, 1, 1, 1, 15, 0, 0, time.UTC)) {
			t.Errorf("ahead: %+v next %s", lane.Sum, lane.NextAt)
		}
		// Another report, and the same question.
		until(t, "01:00:04")
		d.send(t, cron.Report{To: to("/quarter"), Signal: cron.Success, Duration: time.Second, Timed: true})
		if got := columns(d.board(t, cron.LaneQuery{}), "/quarter", "prod"); got != "92 1 failed; 93 1 run; 94 1 missed; 95 1 run" {
			t.Errorf("after another run: %s", got)
		}
		for words, want := range map[string]int{"silent": 1, "QUARTER failing": 0, "every": 2, "missed": 2, "nothing": 0} {
			if got := d.board(t, cron.LaneQuery{Words: words}); got.Matching != want || got.Total != 2 {
				t.Errorf("%q matches %d of %d", words, got.Matching, got.Total)
			}
		}
		if got := d.board(t, cron.LaneQuery{Offset: 1, Limit: 5}); len(got.Rows) != 1 || got.Matching != 2 {
			t.Errorf("the second page has %d rows", len(got.Rows))
		}
	})
}

func (d *desk) board(t *testing.T, q cron.LaneQuery) cron.Board {
	t.Helper()
	synctest.Wait() // a report is answered before its job is shown anew
	b, err := d.Lanes(t.Context(), viewer, q)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// columns writes a lane's past.
func columns(b cron.Board, path, env string) string {
	var all []string
	for _, r := range b.Rows {
		if r.Path != path || r.Lanes[env] == nil {
			continue
		}
		for _, c := range r.Lanes[env].Columns {
			switch {
			case c.Failed > 0:
				all = append(all, fmt.Sprintf("%d %d failed", c.At, c.Failed))
			case c.Missed > 0:
				all = append(all, fmt.Sprintf("%d %d missed", c.At, c.Missed))
			case c.Runs > 0:
				all = append(all, fmt.Sprintf("%d %d run", c.At, c.Runs))
			}
		}
	}
	return strings.Join(all, "; ")
}
