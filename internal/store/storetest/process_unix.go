//go:build unix

package storetest

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// asServer runs Postgres as the user postgres where the tests run as root,
// which it refuses.
func asServer() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, ok := serverUser(); ok {
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return attr
}

func serverUser() (uid, gid uint32, ok bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	name := "postgres"
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return 0, 0, false
		}
	}
	id, err1 := strconv.ParseUint(u.Uid, 10, 32)
	group, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), err1 == nil && err2 == nil
}

func giveToServer(dir string) error {
	uid, gid, ok := serverUser()
	if !ok {
		return nil
	}
	return os.Chown(dir, int(uid), int(gid))
}

// keeper is a shell that holds the read end of a pipe whose write end is ours:
// when the test binary ends, however it ends, the pipe closes, and the shell
// stops the server and removes its folder.
const keeper = `dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null &
read -r gone
kill -INT $! 2>/dev/null; wait $!
rm -rf "$dir"`

// keep starts the server under a keeper.
func keep(dir string, command ...string) error {
	ours, theirs, err := pipe()
	if err != nil {
		return err
	}
	// No deadline: it lives as long as the test binary.
	cmd := exec.CommandContext(context.Background(), "/bin/sh", append([]string{"-c", keeper, "keeper", dir}, command...)...)
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = "/", theirs, asServer()
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir)
	cmd.Env = withoutPostgres(cmd.Env)
	err = cmd.Start()
	_ = theirs.Close()
	held = ours
	return err
}

// held is the write end of the keeper's pipe; the garbage collector would close
// it otherwise.
var held *os.File //nolint:unused // to be held is its use

func pipe() (ours, theirs *os.File, err error) {
	theirs, ours, err = os.Pipe()
	return ours, theirs, err
}

// withoutPostgres drops PGDATA, PGHOST and the like, which belong to somebody
// else's server.
func withoutPostgres(env []string) []string {
	kept := env[:0]
	for _, e := range env {
		if !strings.HasPrefix(e, "PG") {
			kept = append(kept, e)
		}
	}
	return kept
}
