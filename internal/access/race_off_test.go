//go:build !race

package access_test

const raceOn = false
