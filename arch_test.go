package envdeck_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// walls is the house: which rooms a room may import. Arrows point down only; a
// room that is not here may not exist, and a key ending in /... covers the
// rooms below it. Tests may look anywhere.
var walls = map[string]struct {
	may []string
	why string
}{
	"cmd/envdeck":    {[]string{"internal/cli"}, "main only starts the command line"},
	"internal/bench": {[]string{"internal/access", "internal/app", "internal/config", "internal/provider/all"}, "measures the whole program"},
	"internal/cli":   {[]string{"internal/app", "internal/config", "internal/cron/expr", ground, "internal/door", "internal/provider", "internal/provider/all", "internal/simulator", "internal/status", "internal/access", "internal/health", "internal/store", "internal/release", "internal/cron", "internal/database", "internal/worker", "internal/alert"}, "commands parse, call and print"},
	"internal/app":   {[]string{"internal/..."}, "the composition root is the only place that knows every room"},

	// Faces: thin; no rule, no SQL.
	"internal/door":          {[]string{ground, "internal/access"}, "the entrance knows who asks, not what for"},
	"internal/api":           {[]string{ground, "internal/door", "internal/cron/expr", features}, "faces translate; rules live in the features"},
	"internal/ping":          {[]string{ground, "internal/door", "internal/cron/expr", features}, "faces translate; rules live in the features"},
	"internal/web":           {[]string{ground, "internal/door", features, "internal/web/..."}, "faces translate; rules live in the features"},
	"internal/web/stories":   {[]string{ground, features, "internal/web/panel"}, "pictures of facts, for tests that look"},
	"internal/web/ui":        {[]string{ground, features}, "the design system knows no page"},
	"internal/web/panel":     {[]string{ground, features, "internal/web/ui"}, "the frame knows no panel"},
	"internal/web/panel/...": {[]string{ground, features, "internal/web/ui", "internal/web/panel"}, "a panel knows no other panel"},
	"internal/web/panel/all": {[]string{"internal/web/panel", "internal/web/panel/...", ground, features}, "the list of panels"},

	// Features: all the rules; they know no technology.
	"internal/access":             {[]string{ground}, "who may do what depends on nothing else"},
	"internal/access/...":         {[]string{ground, "internal/access"}, "a way to sign in proves who somebody is to access"},
	"internal/health":             {[]string{ground}, "probing is its own affair"},
	"internal/status":             {[]string{ground, "internal/access", "internal/cache", "internal/health", "internal/provider"}, "rules know no technology and no vendor"},
	"internal/cron":               {[]string{ground, "internal/access", "internal/cache", "internal/cron/expr", "internal/provider"}, "rules know no technology and no vendor"},
	"internal/release":            {[]string{ground, "internal/access", "internal/health", "internal/lease", "internal/provider"}, "a release asks for abilities and knows no vendor, no SQL and no face"},
	"internal/release/keeping":    {[]string{"internal/database", "internal/release"}, "the one place that puts what databases keep into the words of releases"},
	"internal/database":           {[]string{ground, "internal/access", "internal/cache", "internal/lease", "internal/provider"}, "branches and snapshots are asked for as abilities; migrations are told through a port"},
	"internal/database/standing":  {[]string{ground, "internal/cache", "internal/database", "internal/database/migration", "internal/provider"}, "compares what databases and commits say; how either is read is not its affair"},
	"internal/database/migration": {nil, "how a tool counts depends on files and rows alone"},
	"internal/worker":             {[]string{ground, "internal/access", "internal/cache", "internal/cron/expr", "internal/provider", "internal/status"}, "rules know no technology and no vendor; how old facts are is said in the words of status"},
	"internal/alert":              {[]string{ground, "internal/access", "internal/cron", "internal/health", "internal/release"}, "what went wrong is read from what other rooms committed; how it is sent is not its affair"},
	"internal/lease":              {[]string{"internal/clock"}, "the right to work on a job knows neither the job nor where it is kept"},
	"internal/cron/expr":          {nil, "an expression engine needs nothing of ours"},

	"internal/database/schema": {nil, "what a statement means depends on its text alone"},

	// Edges: know one technology each.
	"internal/provider":              {[]string{ground}, "the contract knows no vendor"},
	"internal/provider/outbound":     {[]string{ground, "internal/provider"}, "the way out knows no vendor"},
	"internal/provider/providertest": {[]string{ground, "internal/provider", "internal/provider/outbound"}, "the suite knows no vendor"},
	"internal/provider/all":          {[]string{"internal/provider", "internal/provider/..."}, "the list of vendors"},
	"internal/provider/...":          {[]string{ground, "internal/provider", "internal/provider/outbound"}, "a vendor knows no other vendor and no feature"},
	"internal/ledger":                {[]string{ground, "internal/database/migration"}, "reads the databases of apps; the rules say what the rows mean"},
	"internal/inbox":                 {[]string{ground, features}, "a way in for reports"},
	"internal/cache":                 {[]string{ground}, "the cache does not know what it keeps"},
	"internal/store":                 {[]string{ground, features, "internal/cron/expr", "internal/lease"}, "SQL implements what features declare"},
	"internal/store/storetest":       {[]string{ground, "internal/store"}, "test databases"},
	"internal/notify":                {[]string{ground, "internal/alert"}, "carries messages and decides nothing"},
	"internal/usage":                 {[]string{"internal/provider"}, "counting decides nothing"},

	"internal/live": {[]string{ground}, "says that something changed; what and to whom is others' affair"},

	// For programs that are not envdeck.
	"instrument": {nil, "other people's programs import it"},

	// Ground: import nothing of ours but what is named.
	"internal/catalog":  {nil, "vocabulary"},
	"internal/clock":    {nil, "time"},
	"internal/fault":    {nil, "error kinds"},
	"internal/hostile":  {nil, "text from outside"},
	"internal/secret":   {nil, "tokens that do not print"},
	"internal/snapshot": {nil, "answers made once"},
	"internal/config":   {[]string{"internal/catalog", "internal/fault", "internal/hostile", "internal/secret"}, "the file's shape, and no rule"},

	// The simulator stands for the outside world: it may not know the product.
	"internal/simulator":     {[]string{"internal/clock", "internal/simulator/..."}, "a provider that knew its client would prove nothing"},
	"internal/simulator/...": {[]string{"internal/clock", "internal/simulator/..."}, "a provider that knew its client would prove nothing"},
}

const (
	module   = "github.com/envdeck/envdeck/"
	ground   = "«ground»"
	features = "«features»"
)

var groups = map[string][]string{
	ground:   {"internal/catalog", "internal/clock", "internal/fault", "internal/hostile", "internal/secret", "internal/snapshot"},
	features: {"internal/access", "internal/alert", "internal/cron", "internal/database", "internal/health", "internal/status", "internal/release", "internal/worker"},
}

func TestArrowsPointDown(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		room := path.Dir(filepath.ToSlash(file))
		if room == "." || strings.HasPrefix(room, "tools") || strings.Contains(room, "testdata") {
			return nil
		}
		key, wall, ok := wallOf(room)
		if !ok {
			t.Errorf("%s: the room %s is not in the table of walls in arch_test.go", file, room)
			return nil
		}
		used[key] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			below, ours := strings.CutPrefix(imported, module)
			if ours && !allowed(wall.may, below) {
				t.Errorf("%s imports %s: %s (see the house in README.md)", file, below, wall.why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range walls {
		if !used[room] {
			t.Errorf("the table of walls names %s, which does not exist", room)
		}
	}
}

// wallOf finds a room's row: its own, or that of the nearest room above it.
func wallOf(room string) (string, struct {
	may []string
	why string
}, bool,
) {
	if w, ok := walls[room]; ok {
		return room, w, true
	}
	for above := path.Dir(room); above != "."; above = path.Dir(above) {
		if w, ok := walls[above+"/..."]; ok {
			return above + "/...", w, true
		}
	}
	return "", walls[""], false
}

func allowed(may []string, imported string) bool {
	for _, m := range may {
		if slices.Contains(groups[m], imported) || m == imported {
			return true
		}
		if above, ok := strings.CutSuffix(m, "/..."); ok && strings.HasPrefix(imported, above+"/") {
			return true
		}
	}
	return false
}
