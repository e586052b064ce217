//go:build !linux

package app

// dropProgram does nothing where it is not known to help.
func dropProgram() {}
