package app

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropProgram takes the pages of the program itself out of this process. Most
// were only needed once, to set up packages and to open every room. What is
// needed again comes back from the system's cache of the file, which is where
// it stays, without a read. A step that fails leaves memory as it was, and
// nothing else.
func dropProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, s := range unwritten(string(smaps), program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, s.from, s.to-s.from, unix.MADV_DONTNEED)
	}
}

// stretch is a piece of this process's memory.
type stretch struct{ from, to uintptr }

// unwritten are the stretches that hold a file as it is: none that may be
// written to, and none that was all the same, which the system counts as
// Anonymous. What a debugger or a loader put there is in no file.
func unwritten(smaps, file string) (found []stretch) {
	var last stretch
	ours := false
	for line := range strings.Lines(smaps) {
		name, rest, _ := strings.Cut(line, " ")
		if rest = strings.TrimSpace(rest); !strings.HasSuffix(name, ":") { // the head of a mapping
			n, _ := fmt.Sscanf(name, "%x-%x", &last.from, &last.to)
			rights, _, _ := strings.Cut(rest, " ")
			ours = n == 2 && (rights == "r-xp" || rights == "r--p") && strings.HasSuffix(rest, " "+file)
		} else if ours && name == "Anonymous:" && rest == "0 kB" {
			found = append(found, last)
		}
	}
	return found
}
