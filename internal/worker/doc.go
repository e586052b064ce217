// Package worker says how the programs beside the app stand: which versions of
// each serve, who deployed them and why, where they can be reached, and what a
// day of traffic looked like. It keeps one finished answer per project.
//
// The rules of this room are those of status: what could not be had is nil with
// its reason, a script without traffic is no script in trouble, both versions
// show while one goes live gradually, and the last good value stays with its
// age. Errors are invocations that ended badly; what a program itself answered
// is not among them.
//
// It only looks. What gives traffic to another version is a release's affair.
// It must not know any vendor, HTTP or SQL.
package worker
