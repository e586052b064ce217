// Package expr reads five-field cron expressions, says in English what they
// mean, and works out when they run.
//
// Schedulers disagree about the same five fields, so every expression is read
// in a [Dialect]: Debian's cron (the default), Vercel, Cloudflare or
// Kubernetes. What they differ in is one row each of the table in dialect.go.
//
// Three rules deserve a name here, because most engines get them wrong:
//
//   - Day of month against day of week. Debian's crontab(5): if either field
//     starts with a star (so "*/2" too) a day must satisfy both, otherwise
//     either is enough. The other dialects have their own idea of a star.
//   - Daylight saving. Debian's cron(8): a job whose minute and hour fields do
//     not start with a star runs at fixed times. If the clock jumps over such a
//     time the job runs once when the gap ends; if the clock goes through it
//     twice the job runs the first time only. Every other job follows the
//     clock on the wall: nothing in the gap, both of the repeated hours.
//     Kubernetes follows the clock on the wall always.
//   - cron(8) takes a jump of more than three hours for a correction of the
//     clock, since it cannot see the reason. This package does see that it is
//     the zone that moved, so a day that a zone skips altogether (Samoa,
//     30 December 2011) is a gap like any other.
//
// The package computes and nothing else: it must not know about jobs, runs,
// clocks, storage or where an expression came from. It reads no clock; a
// location's rules are whatever package time says they are.
package expr
