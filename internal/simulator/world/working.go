package world

// WorkingCopy is what a developer's machine would say of its checkout.
type WorkingCopy struct {
	SHA, Message, Branch, Author string
	Dirty                        bool
	Ahead, Behind                int
}

// WorkingCopy answers the developer's checkout that the dev app runs from.
func (w *World) WorkingCopy() (c WorkingCopy) {
	w.View(func(s *State) {
		c = WorkingCopy{SHA: s.dev.SHA, Message: s.dev.Message, Branch: DevBranch, Author: s.dev.Author.Name, Dirty: true, Ahead: 1}
	})
	return c
}
