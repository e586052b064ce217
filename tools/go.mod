// The linter's own dependencies are many and must not move the product's
// versions, so it is pinned in a module of its own.
module github.com/envdeck/envdeck/tools

go 1.26.6
