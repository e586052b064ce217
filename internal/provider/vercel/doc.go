// Package vercel knows Vercel: which build the production domains serve, which
// builds there are, and how many people came.
//
// It translates and decides nothing. What is live is what the production
// domains point at, never the newest build: after a rollback, with staged
// builds or in a gradual release those differ.
//
// The calls and their fields are those of Vercel's OpenAPI document and of its
// own command-line tool; where the two say different things the code takes
// both and says so. It must not know any other provider, nor what is done with
// the facts.
package vercel
