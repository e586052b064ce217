// Package cloudflare knows Cloudflare. So far it can say whether its
// credentials are right and nothing else: it implements provider.Checker and
// no other ability, so nobody finds facts here that are not there.
package cloudflare
