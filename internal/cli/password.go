package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// newPassword asks for a new password. It never comes from a flag: those are
// in the shell's history and in every process list. Without a terminal and
// without fromStdin there is none, which only an optional one may be.
func newPassword(s Streams, fromStdin, optional bool) (secret.Text, error) {
	if fromStdin {
		return readPassword(s.In)
	}
	terminal, ok := s.In.(*os.File)
	if !ok || !isTerminal(terminal) {
		if optional {
			return secret.Text{}, nil
		}
		return secret.Text{}, fault.New(fault.Invalid, "There is no terminal to ask for the password at. Pipe it in with --password-stdin.")
	}
	hint := ""
	if optional {
		hint = " (nothing: a sign-in link instead)"
	}
	first, err := askUnseen(s, terminal, "New password"+hint+": ")
	if err != nil || !first.Set() && optional {
		return first, err
	}
	second, err := askUnseen(s, terminal, "The same again: ")
	if err != nil {
		return secret.Text{}, err
	}
	if first != second {
		return secret.Text{}, fault.New(fault.Invalid, "The two are not the same. Nothing was changed.")
	}
	return first, nil
}

func askUnseen(s Streams, terminal *os.File, prompt string) (secret.Text, error) {
	fmt.Fprint(s.Err, prompt)
	restore, err := hideTyping(terminal)
	if err != nil {
		return secret.Text{}, fault.Wrap(fault.Unsupported, err, "This terminal would show the password. Pipe it in with --password-stdin.")
	}
	defer func() {
		restore()
		fmt.Fprintln(s.Err)
	}()
	return readPassword(terminal)
}

// readPassword takes one line, byte by byte: what is behind it belongs to
// whoever reads next.
func readPassword(in io.Reader) (secret.Text, error) {
	line, err := bufio.NewReader(io.LimitReader(oneByOne{in}, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Text{}, fault.Wrap(fault.Invalid, err, "The password could not be read.")
	}
	return secret.New(strings.TrimRight(line, "\r\n")), nil
}

type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1)]) }
