package release

import (
	"strings"
	"time"
)

// settle is how long the facts may take to follow a release.
const settle = 2 * time.Minute

// MovedOutside says whether somebody moved an environment on the platform
// itself: it shows another commit than the newest operation that changed it
// left there. left is what that one left. ops are the newest operations, newest
// first; commit is what is live, "" when nobody knows. While an operation runs,
// or where one ended without anybody being able to tell, nothing is said.
func MovedOutside(ops []Operation, environment, commit string, now time.Time) (left *Build, moved bool) {
	for i := range ops {
		o := &ops[i]
		if o.Environment != environment {
			continue
		}
		switch o.Phase {
		case Refused, Cancelled, Failed:
			continue // it changed nothing
		case Succeeded:
			left = o.To
		case RolledBack:
			if left = o.Back; o.Work.BackTo != nil {
				left = o.Work.BackTo
			}
		default:
			return nil, false
		}
		known := commit != "" && left.commit() != "" && o.EndedAt != nil && now.Sub(*o.EndedAt) >= settle
		return left, known && !strings.HasPrefix(left.Commit, commit)
	}
	return nil, false
}
