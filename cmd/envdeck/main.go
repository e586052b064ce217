// Command envdeck shows every environment of an app on one page, moves a
// tested build to production, proves that it arrived, and takes it back when
// it is bad.
package main

import (
	"os"

	"github.com/envdeck/envdeck/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}))
}
