package health

import "strings"

// meaning is what a status word says. Aside is a component that is off, not
// set up, or calls itself unknown: the app has weighed that in its own overall
// word, so it does not count against it.
type meaning uint8

const (
	unread meaning = iota // a word we do not know: Unknown, and it counts
	well
	poor
	bad
	aside
)

// words are the status words of the common health formats, and the ones apps
// make up, normalised as in word.
var words = map[string]meaning{
	// The plain form, health+json, Spring Boot, ASP.NET, Terminus, MicroProfile.
	"ok": well, "up": well, "pass": well, "healthy": well,
	"degraded": poor, "warn": poor,
	"down": bad, "error": bad, "fail": bad, "unhealthy": bad, "outofservice": bad, "shuttingdown": bad,
	"unknown": aside, "notconfigured": aside,

	"okay": well, "passed": well, "passing": well, "success": well, "successful": well, "true": well, "good": well,
	"connected": well, "ready": well, "running": well, "operational": well, "available": well, "alive": well,
	"online": well, "active": well, "enabled": well, "green": well, "pong": well, "normal": well,

	"warning": poor, "partial": poor, "slow": poor, "yellow": poor, "impaired": poor, "degradedperformance": poor,
	"partialoutage": poor, "recovering": poor,

	"failed": bad, "failing": bad, "failure": bad, "false": bad, "critical": bad, "crashed": bad, "dead": bad, "err": bad,
	"disconnected": bad, "unavailable": bad, "unreachable": bad, "offline": bad, "notready": bad, "timeout": bad,
	"timedout": bad, "red": bad, "majoroutage": bad, "outage": bad, "notok": bad, "stopped": bad, "refused": bad,

	"disabled": aside, "skipped": aside, "skip": aside, "notapplicable": aside, "na": aside, "none": aside, "unused": aside,
	"notchecked": aside, "off": aside,
}

var joiners = strings.NewReplacer(" ", "", "_", "", "-", "", "/", "", ".", "", "!", "")

// read is what a status word means, whatever its case and joints.
func read(word string) meaning {
	if len(word) > maxName {
		return unread
	}
	return words[joiners.Replace(strings.ToLower(strings.TrimSpace(word)))]
}

// verdict is the meaning in the words of the API.
func (m meaning) verdict() Verdict {
	switch m {
	case well:
		return Healthy
	case poor:
		return Degraded
	case bad:
		return Down
	default:
		return Unknown
	}
}
