// Package sentry knows Sentry, hosted or one's own: how many errors an app
// reported, by environment.
//
// It counts events and draws no conclusions. Sentry's environments are its
// own: which of ours one stands for is the configuration's to say.
package sentry
