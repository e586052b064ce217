//go:build !race

package expr

const raceOn = false
