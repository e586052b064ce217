package standing

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
)

// every is how long what a database said counts as fresh, and a list of files,
// which is only another one when another commit runs.
const every = 15 * time.Minute

// Reader reads one environment's database. Tool may be nil, and folder unknown.
type Reader func(ctx context.Context, tool migration.Tool, folder []string) (migration.Ledger, error)

// Project is one project whose migrations are looked at.
type Project struct {
	Catalog   catalog.Project
	Prefix    string // of cache keys; "" for the first project
	Providers provider.Set
	Tool      string // as the configuration names it; "" leaves it to be found
	Dir       string // the folder in the repository
	// Databases are the environments whose databases can be read.
	Databases map[string]Reader
	// Commit is the commit that runs in an environment, or why nobody knows.
	Commit func(environment string) (commit, unknown string)
}

// Options is what a Book is made of. All must be set.
type Options struct {
	Projects []Project
	Keeper   *cache.Keeper
	Clock    clock.Clock
}

// Book is how every project's schemas stand.
type Book struct {
	clock    clock.Clock
	projects map[string]*shelf

	mu       sync.Mutex
	onChange []func(project string)
}

// The promise of this room.
var _ database.Migrations = (*Book)(nil)

type shelf struct {
	p      Project
	reader provider.FolderReader // nil: no provider knows the repository
	source string
	// strange says that nobody here knows how the tool counts.
	strange bool
	places  []*place
	known   folders
}

// place is one environment.
type place struct {
	environment string
	ledger      *cache.Entry[migration.Ledger]
	listing     *cache.Entry[listing]
}

// listing is the migrations of a commit.
type listing struct {
	Commit     string                `json:"commit"`
	Tool       string                `json:"tool"`
	Paths      []string              `json:"paths"` // some, to tell the tool by
	Migrations []migration.Migration `json:"migrations"`
	Unread     bool                  `json:"unread,omitempty"` // not every text could be had
}

// New makes a book and puts its facts under the keeper's care.
func New(o Options) *Book {
	b := &Book{clock: o.Clock, projects: map[string]*shelf{}}
	for _, p := range o.Projects {
		s := &shelf{p: p}
		s.reader, s.source, _ = provider.Find[provider.FolderReader](p.Providers)
		s.strange = p.Tool != "" && migration.Named(p.Tool) == nil
		for _, e := range p.Catalog.Environments {
			read := p.Databases[e.Name]
			if read == nil || s.strange {
				continue
			}
			at := &place{environment: e.Name}
			changed := func() { b.changed(p.Catalog.Name) }
			at.ledger = cache.Add(o.Keeper, cache.Key[migration.Ledger]{
				Name: p.Prefix + "migrations:applied:" + e.Name, TTL: every, Schema: 1,
				Load: func(ctx context.Context) (migration.Ledger, error) {
					return read(ctx, migration.Named(p.Tool), at.listing.Peek().Value.Paths)
				},
			})
			at.listing = cache.Add(o.Keeper, cache.Key[listing]{
				Name: p.Prefix + "migrations:files:" + e.Name, TTL: every, Schema: 1,
				Load: func(ctx context.Context) (listing, error) { return s.list(ctx, at) },
			})
			at.listing.OnChange(changed)
			at.ledger.OnChange(func() {
				// The database may be what says which tool's files to look for.
				if l := at.listing.Peek(); p.Tool == "" && (!l.Known || l.Value.Tool != at.ledger.Peek().Value.Tool) {
					at.listing.Expire()
				}
				changed()
			})
			s.places = append(s.places, at)
		}
		b.projects[p.Catalog.Name] = s
	}
	return b
}

func (b *Book) changed(project string) {
	b.mu.Lock()
	listeners := b.onChange
	b.mu.Unlock()
	for _, fn := range listeners {
		fn(project)
	}
}

// OnChange calls fn with a project's name after its state became another one.
func (b *Book) OnChange(fn func(project string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, fn)
}

// Moved says that something about a project's deployments is another thing
// than before. Where another commit runs now, the files and the database are
// looked at anew. It does not wait.
func (b *Book) Moved(project string) {
	s := b.projects[project]
	if s == nil {
		return
	}
	for _, at := range s.places {
		commit, _ := s.p.Commit(at.environment)
		if l := at.listing.Peek(); commit != "" && commit != l.Value.Commit && (l.Known || l.Err != nil) {
			at.listing.Expire()
			at.ledger.Expire()
		}
	}
}

// Watch says that somebody looks at a project, so that it is kept fresh.
func (b *Book) Watch(project string) {
	if s := b.projects[project]; s != nil {
		for _, at := range s.places {
			at.ledger.Want()
			at.listing.Want()
		}
	}
}

// Refresh looks at everything now and waits, for when somebody asks for it.
func (b *Book) Refresh(ctx context.Context) {
	var asking sync.WaitGroup
	for _, s := range b.projects {
		for _, at := range s.places {
			asking.Go(func() { at.ledger.Renew(ctx) })
			asking.Go(func() { at.listing.Renew(ctx) })
		}
	}
	asking.Wait()
}

// Filled waits until every place was looked at with the commit that runs there,
// with success or without. The keeper must be running.
func (b *Book) Filled(ctx context.Context) error {
	for _, s := range b.projects {
		for _, at := range s.places {
			for !at.ledger.Asked() || !at.listing.Asked() {
				if err := clock.Real().Sleep(ctx, 5*time.Millisecond); err != nil {
					return err
				}
			}
			// It may have been asked before anybody knew the commit.
			commit, _ := s.p.Commit(at.environment)
			if l := at.listing.Peek(); commit != "" && (!l.Known || l.Value.Commit != commit) {
				at.listing.Renew(ctx)
			}
		}
	}
	return ctx.Err()
}

// list is the migrations of the commit that runs in a place.
func (s *shelf) list(ctx context.Context, at *place) (listing, error) {
	commit, why := s.p.Commit(at.environment)
	switch {
	case commit == "":
		return listing{}, fault.New(fault.Unavailable, "%s", cmp.Or(why, "Which commit runs there is not known."))
	case s.reader == nil:
		return listing{}, fault.New(fault.Unsupported, "No provider of this project reads its repository: add a github block.")
	}
	folder, err := s.known.get(ctx, s.reader, s.p.Dir, commit)
	if err != nil {
		return listing{}, err
	}
	if folder.Incomplete {
		return listing{}, fault.New(fault.TooLarge, "The folder of the migrations has too many files to list them all.")
	}
	paths := make([]string, 0, len(folder.Files))
	for _, f := range folder.Files {
		paths = append(paths, f.Path)
	}
	tool := s.tool(paths, at)
	if tool == nil {
		return listing{}, fault.New(fault.Unsupported, "Which tool made the migrations cannot be told by their names: set migrations.tool.")
	}
	out := listing{Commit: commit, Tool: tool.Name(), Paths: paths[:min(len(paths), maxPaths)]}
	files, unread, err := s.known.read(ctx, s.reader, tool, folder.Files)
	if err != nil {
		return listing{}, err
	}
	out.Unread = unread
	if out.Migrations, err = tool.List(migration.Folder{Files: files}); err != nil {
		return listing{}, fault.New(fault.Conflict, "In %s, %s.", path.Clean(s.p.Dir), err.Error())
	}
	return out, nil
}

const maxPaths = 50

// tool is the configured one, else the one that the folder or the database
// names. Prisma 8 is found in the database alone.
func (s *shelf) tool(paths []string, at *place) migration.Tool {
	if found := migration.Named(at.ledger.Peek().Value.Tool); found != nil && (s.p.Tool == "" || found.Name() == wholeSchemas) {
		return found
	}
	if s.p.Tool != "" {
		return migration.Named(s.p.Tool)
	}
	return migration.DetectFolder(paths)
}

// folders keeps what a commit or an id names for ever.
type folders struct {
	mu    sync.Mutex
	lists map[string]provider.Folder // by commit
	order []string
	texts map[string][]byte // by id
}

const (
	keptCommits = 16
	keptTexts   = 5000
	mostRead    = 1000 // files whose texts are read
)

func (k *folders) get(ctx context.Context, r provider.FolderReader, dir, commit string) (provider.Folder, error) {
	k.mu.Lock()
	list, ok := k.lists[commit]
	k.mu.Unlock()
	if ok {
		return list, nil
	}
	list, err := r.Folder(ctx, dir, commit)
	if err != nil {
		return list, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lists == nil {
		k.lists = map[string]provider.Folder{}
	}
	if len(k.order) == keptCommits {
		delete(k.lists, k.order[0])
		k.order = k.order[1:]
	}
	k.lists[commit] = list
	k.order = append(k.order, commit)
	return list, nil
}

// read adds the texts that a tool wants. The first look at a project reads
// them all, later ones what is new.
func (k *folders) read(ctx context.Context, r provider.FolderReader, tool migration.Tool, all []provider.FolderFile) (files []migration.File, unread bool, err error) {
	var missing []provider.FolderFile
	k.mu.Lock()
	for _, f := range slices.Backward(all) { // the newest have the last names
		if _, ok := k.texts[f.ID]; !ok && tool.Wants(f.Path) && len(missing) < mostRead {
			missing = append(missing, f)
		}
	}
	k.mu.Unlock()
	var texts map[string][]byte
	if len(missing) > 0 {
		if texts, err = r.Texts(ctx, missing); err != nil {
			return nil, false, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.texts == nil || len(k.texts) > keptTexts {
		k.texts = map[string][]byte{}
	}
	maps.Copy(k.texts, texts)
	for _, f := range all {
		one := migration.File{Path: f.Path}
		if tool.Wants(f.Path) {
			text, ok := k.texts[f.ID]
			if !ok {
				text, ok = texts[f.ID]
			}
			one.Text = text
			if ok && text == nil {
				one.Text = []byte{}
			}
			unread = unread || !ok
		}
		files = append(files, one)
	}
	return files, unread, nil
}
