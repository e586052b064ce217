//go:build !unix

package storetest

import "syscall"

func asServer() *syscall.SysProcAttr { return nil }

func giveToServer(string) error { return nil }

// keep needs a unix socket and a shell: set TEST_PG_DSN instead.
func keep(string, ...string) error { return errNoPostgres }
