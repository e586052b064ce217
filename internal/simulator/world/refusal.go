package world

import "errors"

// Why a verb is refused. Faces translate these into their vendor's answer.
var (
	ErrNotFound       = errors.New("no such thing")
	ErrAlreadyCurrent = errors.New("the deployment already has production")
	ErrJobRunning     = errors.New("another alias job is running")
	ErrNotReady       = errors.New("the deployment is not ready")
	ErrNotProduction  = errors.New("the deployment was not built for production")
	ErrAlreadyLive    = errors.New("the deployment was promoted before")
	ErrNeverLive      = errors.New("the deployment never had production")
	ErrPlan           = errors.New("the plan does not allow it")
	ErrFinished       = errors.New("it has already ended")
	ErrInvalid        = errors.New("the request makes no sense")
	ErrReleaseActive  = errors.New("a rolling release is active")
)
