package database

// What envdeck writes on the branches that it makes, to know them again. The
// names are kept for years.
const (
	noteOperation = "envdeck-operation" // the release that it is a snapshot for
	noteChange    = "envdeck-change"    // the change that made it
	noteProject   = "envdeck-project"
)
