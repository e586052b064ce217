// Package release moves a tested build to production, proves that it arrived,
// watches it, and takes it back when it is bad.
//
// A release is an operation: a row that goes through the phases of phase.go,
// driven by whichever replica holds its lease. Nothing that matters is in
// memory. Before every write to a provider its intent is committed, after it
// what was seen; whoever takes an operation up again looks first and acts
// second, so that a lost answer never becomes a second switch.
//
// The Desk is what faces talk to: each use case passes the Gate, and its audit
// entry lands in the transaction of the act. The rules (rules.go, bake.go,
// sheet.go) are functions of facts. What a rule cannot know is unknown and
// never a pass.
//
// The room must not know which platform deploys, how rows are stored, or how
// anything looks: it declares Store and asks providers for abilities.
package release
