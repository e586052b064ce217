// Package neon knows Neon: the branches of one project, how they are made,
// restored and deleted, and the operations that this takes.
//
// It implements provider.Checker, provider.BranchLister and provider.Brancher.
// A list comes in pages and is marked incomplete where one is missing. Neon
// works on one thing at a time in a project and refuses all others with 423
// meanwhile; that is the one refusal after which a change is sent again.
//
// Some of Neon's answers hold connection strings with passwords. They are not
// part of any type here, so they end with the decoding.
package neon
