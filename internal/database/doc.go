// Package database shows the branches of each project's database and changes
// them: what there is, which environment it belongs to, how old and large it
// is, which of it nobody seems to need; and, asked by somebody who may,
// another branch, a restored one, one branch less. It keeps the database's
// state before a release, as the room of releases asks for it.
//
// A change is a row that whichever replica holds its lease works on. Its intent
// is committed before the provider is asked and what was seen afterwards;
// whoever takes a change up again looks first, so that a lost answer never
// becomes a second branch.
//
// The room must not know which provider keeps the database, how rows are
// stored, or how anything looks. Passwords and addresses of databases never
// come here. How migrations stand is told to it through Migrations, see
// there; the room does not know any tool that makes them.
package database
