package app

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestOnlyWhatHoldsTheProgramAsItIsIsGivenUp(t *testing.T) {
	const smaps = `00400000-01b16000 r-xp 00000000 fe:00 1107                               /opt/our envdeck
Rss:               19416 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
01b16000-036a0000 r--p 01716000 fe:00 1107                               /opt/our envdeck
Anonymous:             4 kB
036a0000-0382d000 rw-p 032a0000 fe:00 1107                               /opt/our envdeck
Anonymous:             0 kB
0382d000-0382e000 r--p 0342d000 fe:00 1107                               /opt/our envdeck
Anonymous:             0 kB
7f0000000000-7f0000021000 r--p 00000000 fe:00 1200                       /lib/libc.so
Anonymous:             0 kB
7f0000030000-7f0000031000 r-xp 00000000 00:00 0
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Anonymous:             0 kB
`
	want := []stretch{{0x400000, 0x1b16000}, {0x382d000, 0x382e000}}
	if got := unwritten(smaps, "/opt/our envdeck"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// Not in parallel: what others do meanwhile brings pages back.
func TestThePagesOfTheProgramAreGivenUpAndComeBack(t *testing.T) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	resident := func() (kib int) {
		smaps, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		ours := false
		for line := range strings.Lines(string(smaps)) {
			if strings.Contains(line, "-p ") || strings.Contains(line, "xp ") {
				ours = strings.HasSuffix(line, " "+program+"\n") && !strings.Contains(line, " rw")
			}
			if size, is := strings.CutPrefix(line, "Rss:"); is && ours {
				n := 0
				_, _ = fmt.Sscan(size, &n)
				kib += n
			}
		}
		return kib
	}
	before := resident()
	dropProgram()
	if after := resident(); before < 1024 || after > before*3/4 {
		t.Errorf("%d KiB of the program were in memory, and %d after they were given up", before, after)
	}
}
