package provider

import "time"

// Budget is what a vendor's headers say is left of one of its limits.
type Budget struct {
	Name      string // the vendor's name of the limit, or the route
	Limit     int64
	Remaining int64
	ResetAt   time.Time // zero when it did not say
}
