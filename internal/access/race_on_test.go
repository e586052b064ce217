//go:build race

package access_test

// raceOn says that the race detector is on, which makes SQLite ten times as
// slow: tests of numbers do less then, tests of rules do the same.
const raceOn = true
