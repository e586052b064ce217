// Package status says what runs where: it gathers what the deployment
// platform, the code host, the error counter, the health probes and developers'
// machines know of each environment, and keeps one finished answer per
// project.
//
// The rules of this room: nothing is guessed; what could not be had is nil
// with its reason; a fact never looks younger than it is; one broken source
// never hides another. It must not know any vendor, HTTP or SQL. Readers never
// wait: an answer is assembled when a fact changes, not when it is asked for.
package status
