//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package cli

import (
	"errors"
	"os"
)

// isTerminal is no: there is no way here to hide what is typed, so passwords
// are piped in.
func isTerminal(*os.File) bool { return false }

func hideTyping(*os.File) (func(), error) { return nil, errors.ErrUnsupported }
