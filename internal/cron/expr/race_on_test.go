//go:build race

package expr

// raceOn says that the race detector is on. It finds nothing in arithmetic and
// makes it ten times as slow, so the random tests do less then.
const raceOn = true
