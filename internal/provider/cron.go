package provider

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// CronSource is a platform that runs jobs by a timetable.
type CronSource interface {
	// Crons is the timetable that the platform runs right now, of production.
	// fault.Unsupported: it does not say.
	Crons(ctx context.Context) (CronSet, error)
}

// CronRunner can run a job outside of its timetable.
type CronRunner interface {
	// RunCron asks for a run now and answers when it was begun. The run itself
	// is reported as any other. fault.NotFound: the platform does not know the
	// job.
	RunCron(ctx context.Context, job CronJob) (time.Time, error)
}

// FileReader reads files of the app's repository.
type FileReader interface {
	// File is a file's content at a commit or branch; "" is the default branch.
	// fault.NotFound: there is no such file; fault.TooLarge: it is larger than
	// a megabyte.
	File(ctx context.Context, path, ref string) ([]byte, error)
}

// CronChange is one path whose schedule differs between two timetables: without
// From it is new, without To it is gone, and with both it moved.
type CronChange struct{ Path, From, To string }

// CronChanges lists what lies between two timetables, in the order of paths. A
// path that lost one schedule and got one is changed; where a path has several,
// nobody can say which became which, and each is gone or new by itself.
func CronChanges(before, after []CronJob) []CronChange {
	gone, fresh := schedules(before), schedules(after)
	var all []CronChange
	for _, path := range slices.Sorted(maps.Keys(gone)) {
		was := gone[path]
		left := slices.DeleteFunc(slices.Clone(was), func(s string) bool { return slices.Contains(fresh[path], s) })
		fresh[path] = slices.DeleteFunc(fresh[path], func(s string) bool { return slices.Contains(was, s) })
		if len(left) == 1 && len(fresh[path]) == 1 {
			all = append(all, CronChange{path, left[0], fresh[path][0]})
			delete(fresh, path)
			continue
		}
		for _, s := range left {
			all = append(all, CronChange{Path: path, From: s})
		}
	}
	for path, added := range fresh {
		for _, s := range added {
			all = append(all, CronChange{Path: path, To: s})
		}
	}
	slices.SortFunc(all, func(a, b CronChange) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return all
}

// schedules are those of each path, each once and in order.
func schedules(jobs []CronJob) map[string][]string {
	by := map[string][]string{}
	for _, j := range jobs {
		if !slices.Contains(by[j.Path], j.Schedule) {
			by[j.Path] = append(by[j.Path], j.Schedule)
		}
	}
	for path := range by {
		slices.Sort(by[path])
	}
	return by
}
