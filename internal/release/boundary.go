package release

import "slices"

// Boundaries lists every place between two steps at which a process may die
// and another one has to go on: before and after each commit, by the phase that
// it makes true, and before and after each call that changes something outside.
func Boundaries() []string {
	var all []string
	for _, p := range slices.Concat(Phases(), Ends()) {
		if p != Requested { // which is committed with the request itself
			all = append(all, "save."+string(p)+".before", "save."+string(p)+".after")
		}
	}
	for _, v := range Verbs() {
		all = append(all, "call."+string(v)+".before", "call."+string(v)+".after")
	}
	return all
}
