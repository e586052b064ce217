// Package github knows GitHub, or a GitHub Enterprise Server: what lies
// between two commits, which pull requests brought it, and which pull request
// a branch has.
//
// It must not know where a commit is deployed. A "(#123)" in a commit's title
// is never taken for a fact: which pull request brought a commit is GitHub's
// to say.
package github
