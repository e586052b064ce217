package release

// Cause is the named reason of a refusal or an end, for programs; the message
// beside it is for people.
type Cause string

// Why a release was refused before anything was done.
const (
	CauseNoReason        Cause = "reason_missing"
	CauseNotFound        Cause = "deployment_not_found"
	CauseAlreadyLive     Cause = "already_live"
	CauseNotReady        Cause = "not_ready"
	CausePreview         Cause = "preview_needs_rebuild"
	CauseWasLive         Cause = "was_live_before"
	CauseNeverLive       Cause = "never_live"
	CauseNotKept         Cause = "not_a_rollback_candidate"
	CauseMoved           Cause = "production_moved"
	CauseRolling         Cause = "rolling_release"
	CauseOtherSwitch     Cause = "other_switch_running"
	CauseSplit           Cause = "domains_disagree"
	CauseHeld            Cause = "held"
	CauseFrozen          Cause = "frozen"
	CauseNoApproval      Cause = "approval_missing"
	CauseFourEyes        Cause = "four_eyes"
	CauseTooEarly        Cause = "too_early"
	CauseNotPinned       Cause = "not_pinned"
	CauseSheetChanged    Cause = "sheet_changed"
	CauseNoTarget        Cause = "nothing_to_roll_back_to"
	CauseUnsupported     Cause = "not_supported"
	CauseRefMoved        Cause = "ref_moved"
	CauseWrongInput      Cause = "wrong_input"
	CauseOperationLive   Cause = "operation_running"
	CauseAlreadySwitched Cause = "already_switched"
	CauseSecrets         Cause = "worker_secret_changed"
	CauseBelowFloor      Cause = "below_schema_floor" // of a rollback that was not confirmed, and of one that envdeck does not begin by itself
)

// Why a release ended as it did.
const (
	CauseUnreadable     Cause = "provider_unreadable"
	CauseStuck          Cause = "stuck"
	CauseAsked          Cause = "asked" // a person said so
	CauseDisplaced      Cause = "displaced_by_rollback"
	CauseNoSnapshot     Cause = "no_snapshot"
	CauseProviderNo     Cause = "provider_refused"
	CausePlan           Cause = "plan_limit"
	CauseBuildFailed    Cause = "build_failed"
	CauseWorkflowFailed Cause = "workflow_failed"
	CauseOutcome        Cause = "outcome_unknown"
	CauseSkipped        Cause = "switch_skipped"
	CauseNothingMoved   Cause = "nothing_moved"
	CausePartial        Cause = "some_domains_did_not_move"
	CauseQueued         Cause = "queued_behind_rolling_release"
	CauseNotSwitched    Cause = "switch_did_not_end"
	CauseNotServed      Cause = "not_served"
	CauseNotProven      Cause = "not_proven"
	CauseSick           Cause = "health_failed"
	CauseErrors         Cause = "errors_rose"
	CauseSickBefore     Cause = "production_was_sick_before"
	CauseSchemaUnknown  Cause = "schema_unknown" // whether the older release runs on the schema
	CauseSomebodyElse   Cause = "somebody_else_switched"
	CauseDefect         Cause = "defect"
)
