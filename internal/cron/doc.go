// Package cron knows which jobs should run when, which runs there were, and
// what of the one did not become the other.
//
// Each job of each environment has slots, the times at which it is due. A run
// is matched with a slot as it is reported: on time, early, late, a duplicate,
// or unexpected. A slot whose deadline passes without a run was missed, unless
// nobody was there to see: then it was not observed, and nothing is said
// against the job. Every run that says it began has a deadline of its own.
//
// A report is answered when it is on disk, never before: one goroutine decides
// and commits whatever has arrived in the meantime as one transaction, and
// refuses at once what it cannot take. It owns the state of every job, so the
// rules need no locks; readers get finished copies.
//
// It must not know how reports travel (HTTP dialects, Redis), what a schedule
// is called at which vendor, or SQL.
package cron
