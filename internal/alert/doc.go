// Package alert knows what went wrong, tells people once and until they know,
// and keeps what happened as an incident with a timeline.
//
// Everything is derived from committed facts: ended operations, the runs and
// misses of cron jobs, what the probes found. The transaction that commits
// such a fact leaves a call beside it; the Engine reads the calls, looks at the
// facts again, applies the rules, which are functions of facts, and commits
// what follows (incident, timeline, messages) together with the end of the
// call. A process that dies in between loses nothing: the call is still there.
// Messages are rows too, sent by whoever holds their lease, again and again
// for a day, at least once.
//
// What was not observed never alarms. What happens while a release runs is the
// release's affair; what happens while an environment is down is part of that.
//
// The room must not know how a message travels, which service takes it, SQL,
// or how anything looks.
package alert
