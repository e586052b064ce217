package database

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// Ask is a change as it is asked for.
type Ask struct {
	Project  string
	Kind     ChangeKind
	BranchID string // of what is restored or deleted
	Name     string // of what is made
	SourceID string // what it is made of ("" is production's branch) or restored from
	At       time.Time
	Reason   string
	// Confirm is the name of the branch, typed by whoever knows what is lost.
	Confirm string
}

// Plan is what a change would do, before anybody does it.
type Plan struct {
	Kind        ChangeKind `json:"kind"`
	Environment string     `json:"environment" doc:"Name of the environment whose database it is, or unknown."`
	Branch      BranchRef  `json:"branch"`
	Source      *BranchRef `json:"source"`
	At          *time.Time `json:"at"`
	KeepAs      string     `json:"keepAs,omitempty"`
	Losses      []string   `json:"losses" nullable:"false" doc:"What would be lost or cut off."`
	// Confirm is what has to be typed, "" for nothing.
	Confirm string `json:"confirm,omitempty" doc:"What has to be sent as confirm."`
}

// Reserved begins the names that envdeck gives to branches of its own.
const Reserved = "envdeck/"

// maxBranchName is shorter than what providers take: names are read.
const maxBranchName = 100

// judge says what a change would do to the branches as they are now, or why it
// may not be. id is the change's, for names that must be found again.
func judge(p catalog.Project, ask Ask, list provider.BranchList, now time.Time, id string) (Plan, *fault.Error) {
	homes, _ := homesOf(p, list.Items, list.Incomplete)
	switch ask.Kind {
	case Create:
		return judgeCreate(p, ask, list)
	case Delete:
		return judgeDelete(p, ask, list, homes)
	case Restore:
		return judgeRestore(ask, list, homes, now, id)
	}
	return Plan{}, wrong("kind", "must be create, delete or restore")
}

func wrong(where, problem string) *fault.Error {
	return &fault.Error{Kind: fault.Invalid, Message: "The change cannot be made: " + where + " " + problem + ".", Places: []fault.Place{{Where: where, Problem: problem}}}
}

func find(list provider.BranchList, id string) (provider.DatabaseBranch, *fault.Error) {
	i := slices.IndexFunc(list.Items, func(b provider.DatabaseBranch) bool { return b.ID == id })
	switch {
	case i >= 0:
		return list.Items[i], nil
	case list.Incomplete:
		return provider.DatabaseBranch{}, fault.New(fault.Unavailable, "Not every branch could be listed, and %q is not among those that were.", hostile.Line(id, idLimit))
	}
	return provider.DatabaseBranch{}, fault.New(fault.NotFound, "There is no branch %q.", hostile.Line(id, idLimit))
}

func refOf(b provider.DatabaseBranch) BranchRef {
	return BranchRef{ID: b.ID, Name: hostile.Line(b.Name, nameLimit)}
}

func judgeCreate(p catalog.Project, ask Ask, list provider.BranchList) (Plan, *fault.Error) {
	switch {
	case ask.Name == "" || len(ask.Name) > maxBranchName || ask.Name != hostile.Line(ask.Name, maxBranchName):
		return Plan{}, wrong("name", "must be 1 to 100 printable characters")
	case strings.HasPrefix(ask.Name, Reserved):
		return Plan{}, wrong("name", "may not begin with "+Reserved+", which marks envdeck's own snapshots")
	case slices.ContainsFunc(list.Items, func(b provider.DatabaseBranch) bool { return b.Name == ask.Name }):
		return Plan{}, fault.New(fault.Conflict, "There is a branch %s already.", ask.Name)
	}
	var source provider.DatabaseBranch
	var refused *fault.Error
	if ask.SourceID != "" {
		source, refused = find(list, ask.SourceID)
	} else if e, ok := p.OfKind(catalog.Production); ok {
		b, err := branchOf(p, e.Name, list)
		source, refused = b, fault.From(err)
	} else {
		refused = wrong("parentId", "is missing: the project has no production environment whose branch could be meant")
	}
	if refused != nil {
		return Plan{}, refused
	}
	return Plan{
		Kind: Create, Environment: NoEnvironment, Branch: BranchRef{Name: ask.Name}, Source: new(refOf(source)),
		Losses: []string{},
	}, nil
}

func judgeDelete(p catalog.Project, ask Ask, list provider.BranchList, homes map[string]string) (Plan, *fault.Error) {
	b, refused := find(list, ask.BranchID)
	if refused != nil {
		return Plan{}, refused
	}
	production := ""
	if e, ok := p.OfKind(catalog.Production); ok {
		production = e.Name
	}
	children := 0
	for _, c := range list.Items {
		if c.ParentID == b.ID {
			children++
		}
	}
	home := homes[b.ID]
	if why := keptBecause(b, home, production, children); why != "" {
		return Plan{}, fault.New(fault.Conflict, "Branch %s cannot be deleted. %s", hostile.Line(b.Name, nameLimit), why)
	}
	plan := Plan{Kind: Delete, Environment: NoEnvironment, Branch: refOf(b), Confirm: b.Name, Losses: []string{
		fmt.Sprintf("Everything that was written to %s since it was made on %s, in all of its databases.", hostile.Line(b.Name, nameLimit), b.CreatedAt.UTC().Format("2 January 2006")),
		"Whoever is connected to it is cut off, and its addresses stop working.",
	}}
	if home != "" {
		plan.Environment = home
		plan.Losses = append(plan.Losses, "Environment "+home+" is on it and will have no database.")
	}
	if b.Notes[noteOperation] != "" {
		plan.Losses = append(plan.Losses, "It is the snapshot of a release: the database cannot be taken back to before that release any more.")
	}
	plan.Losses = append(plan.Losses, "envdeck cannot bring it back. The provider may be able to for some days.")
	return plan, nil
}

func judgeRestore(ask Ask, list provider.BranchList, homes map[string]string, now time.Time, id string) (Plan, *fault.Error) {
	b, refused := find(list, ask.BranchID)
	if refused != nil {
		return Plan{}, refused
	}
	if ask.SourceID == "" {
		return Plan{}, wrong("sourceId", "is missing: say which branch to restore from")
	}
	source, refused := find(list, ask.SourceID)
	name, from := hostile.Line(b.Name, nameLimit), hostile.Line(source.Name, nameLimit)
	why, restricted := b.Restricted["restore"]
	switch {
	case refused != nil:
		return Plan{}, refused
	case source.ID == b.ID && ask.At.IsZero():
		return Plan{}, wrong("at", "is missing: a branch is restored from its own history to a moment of it")
	case !ask.At.IsZero() && !ask.At.Before(now):
		return Plan{}, wrong("at", "must lie in the past")
	case !ask.At.IsZero() && source.ParentID != "":
		return Plan{}, wrong("at", "cannot be said of "+from+": only root branches have a history. Restore from its present instead")
	case restricted:
		return Plan{}, fault.New(fault.Conflict, "Branch %s cannot be restored now. %s", name, sentence(hostile.Line(why, hostile.TitleLimit)))
	case b.State == "archived" || source.State == "archived":
		return Plan{}, fault.New(fault.Conflict, "An archived branch can neither be restored nor restored from.")
	}
	plan := Plan{Kind: Restore, Environment: NoEnvironment, Branch: refOf(b), Source: new(refOf(source)), At: moment(ask.At), Confirm: b.Name, KeepAs: keepAs(b.Name, id)}
	as := from + " as it is when the restore runs"
	if !ask.At.IsZero() {
		as = from + " as it was at " + ask.At.UTC().Format("2 January 2006, 15:04:05 UTC")
	}
	plan.Losses = []string{
		"All databases of " + name + " are overwritten with those of " + as + ". What was written to " + name + " since is no longer in it.",
		"Every connection to " + name + " is cut while it happens; the addresses stay the same.",
		"It goes on after the request was answered, and the app runs on the restored data before envdeck says that it has ended.",
		"What " + name + " was until now is kept as the branch " + hostile.Line(plan.KeepAs, nameLimit) + ", which may not be deletable for a while.",
	}
	children := 0
	for _, c := range list.Items {
		if c.ParentID == b.ID && c.ID != source.ID {
			children++
		}
	}
	if children > 0 {
		plan.Losses = append(plan.Losses, plural(children, "branch that hangs on it moves", "branches that hang on it move")+" to the kept one.")
	}
	if source.ParentID != "" || source.ID != b.ID {
		plan.Losses = append(plan.Losses, name+" hangs on "+from+" afterwards, which then cannot be deleted and, where "+name+" was a root branch, ends its point-in-time history.")
	}
	if home := homes[b.ID]; home != "" {
		plan.Environment = home
		plan.Losses = append(plan.Losses, "Environment "+home+" runs on it: its schema goes back too, while the code that is live stays.")
	}
	return plan, nil
}

// keepAs is the name under which a branch is kept as it was. It is the same
// whenever it is made for a change, so that a restore whose answer was lost is
// found by it.
func keepAs(name, id string) string {
	const most = 80
	short := hostile.Line(name, most)
	if i := strings.LastIndexByte(id, '_'); i >= 0 {
		id = id[i+1:]
	}
	return fmt.Sprintf("%s-before-%s", short, id[:min(10, len(id))])
}
