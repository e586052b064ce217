package access

// FillPasswordQueue takes every place of the password queue, so that whoever
// gets as far as hashing hears that it is full.
func (c *Control) FillPasswordQueue() {
	for range cap(c.passwords.waiting) {
		c.passwords.waiting <- struct{}{}
	}
}

// NewTokenText is a well-formed token that nobody has.
func NewTokenText(s Scope) string { return newTokenText(s) }
