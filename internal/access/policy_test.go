package access

import (
	"slices"
	"testing"
)

// The whole policy, said a second time in another form: by caller.
func TestPolicy(t *testing.T) {
	var (
		open  = []UseCase{PublicHealth, SignIn, SnoozeByLink}
		reads = []UseCase{
			ViewStatus, ViewDeployments, ViewOperations, Compare, ViewCrons, ViewWorkers, ViewDatabase,
			ViewIncidents, ViewHealth, ViewUsage, ViewEvents,
		}
		apiReads = []UseCase{ViewDocs, ViewAudit, ExportAudit}
		own      = []UseCase{ManageOwnSessions, ManageOwnAccount}
		writes   = []UseCase{
			Promote, Rollback, Deploy, CancelOperation, ApproveOperation, ManageHolds, RunCron, ManageCrons,
			ManageBranches, RollbackWorker, ManageIncidents, ManageUsers, ManageTokens, ViewUsers,
		}
		ownTokens = []UseCase{ManageOwnTokens}
	)
	session := func(r Role) Actor { return Actor{Kind: Person, ID: "u", Role: r, SessionID: "s"} }
	token := func(s Scope, r Role) Actor { return Actor{Kind: Machine, ID: "u", Role: r, Scope: s, TokenID: "t"} }
	tests := []struct {
		name  string
		actor Actor
		may   [][]UseCase
	}{
		{"nobody", Actor{}, nil},
		{"session of an ADMIN", session(Admin), [][]UseCase{reads, apiReads, own, ownTokens}},
		{"session of a SUPER_ADMIN", session(SuperAdmin), [][]UseCase{reads, apiReads, own, ownTokens, writes}},
		{"session without a role", session(""), nil},
		{"session of a made-up role", session("ROOT"), nil},
		{"person without a session", Actor{Kind: Person, ID: "u", Role: SuperAdmin}, nil},
		{"api token of an ADMIN", token(API, Admin), [][]UseCase{reads, apiReads, ownTokens}},
		{"api token of a SUPER_ADMIN", token(API, SuperAdmin), [][]UseCase{reads, apiReads, ownTokens, writes}},
		{"mcp token of an ADMIN", token(MCP, Admin), [][]UseCase{reads}},
		{"mcp token of a SUPER_ADMIN", token(MCP, SuperAdmin), [][]UseCase{reads}},
		{"ping token of a SUPER_ADMIN", token(Ping, SuperAdmin), [][]UseCase{{SendPing}}},
		{"report token of a SUPER_ADMIN", token(Report, SuperAdmin), [][]UseCase{{ReportCron, ReportDev}}},
		{"report token of nobody's", token(Report, ""), nil},
		{"token of a made-up scope", token("root", SuperAdmin), nil},
		{"envdeck itself", SystemActor("release"), [][]UseCase{{Rollback, ManageBranches, ManageIncidents, Automate, Operate}}},
		{"actor of a made-up kind", Actor{Kind: "god", ID: "u", Role: SuperAdmin, SessionID: "s"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			may := slices.Concat(append(test.may, open)...)
			for _, u := range UseCases() {
				if got, want := Permits(test.actor, u), slices.Contains(may, u); got != want {
					t.Errorf("%s: permitted is %v, want %v", u, got, want)
				}
			}
			for _, u := range []UseCase{None, useCases, useCases + 1, 255} {
				if Permits(test.actor, u) {
					t.Errorf("use case %d does not exist and is permitted", u)
				}
			}
		})
	}
}

func TestEveryUseCaseHasARow(t *testing.T) {
	seen := map[string]bool{}
	for _, u := range UseCases() {
		name := u.String()
		if name == "" || seen[name] {
			t.Errorf("use case %d has no name of its own: %q", u, name)
		}
		seen[name] = true
		r := policy[u]
		if !r.open && len(r.roles) == 0 && r.only == "" && !r.system {
			t.Errorf("%s: nobody may do it", u)
		}
	}
}
