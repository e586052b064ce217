// Package standing tells how the schema of each environment stands: what its
// database says was applied, against the migrations of the commit that runs
// there.
//
// Both are looked at in its own time. A look at a database may wake it, so it
// is read every quarter of an hour while somebody watches, rarely while nobody
// does, and when another commit runs there.
//
// It is what the room of databases asks through its port. It must not know how
// a database is read, which provider keeps the repository, or how a tool
// counts.
package standing
