// Package migration knows how the tools that move an app's schema keep count:
// which files of the folder are migrations, which table says what was applied,
// and by which rule a tool itself would call one pending, failed or edited.
//
// It is pure: files and rows go in, a standing comes out. It must not know how
// a database is read, where the folder is kept, or which environment either
// belongs to. What could not be read stays unknown with its reason: nothing
// here turns a missing list into "nothing is pending".
package migration
