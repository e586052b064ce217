// Package cloudflare knows Cloudflare: the Workers of one account, which
// versions of them serve, where they can be reached and how much traffic they
// had, and how to give their traffic to another version.
//
// REST and the analytics' GraphQL have limits of their own, so each has a
// client of its own. Times of the analytics are microseconds there and
// durations from here on. The room must not know what a Worker means to the
// app, or what anybody does with a number.
package cloudflare
