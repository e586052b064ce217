// Package ledger reads what an app's own database says of the migrations that
// were applied to it: Postgres, MySQL and SQLite.
//
// A look opens one connection, reads in one transaction that cannot write, and
// closes it again; every statement has three seconds and the whole look
// fifteen. Connecting wakes a database that sleeps, so whoever asks, asks
// rarely.
//
// The addresses hold passwords, and drivers like to repeat them: no error of
// a driver leaves this room. What comes out is said anew from its code.
//
// The room must not know what the rows mean, which environment a database
// belongs to, or how anything is shown.
package ledger
