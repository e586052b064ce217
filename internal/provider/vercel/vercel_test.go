package vercel_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/provider/vercel"
	"github.com/envdeck/envdeck/internal/secret"
)

func block(base string, token secret.Text) any {
	return &vercel.Block{Project: "prj_1", Team: "team_1", Token: token, BaseURL: base}
}

func deployer(api any) provider.Deployer { return api.(provider.Deployer) }

func TestContract(t *testing.T) {
	newest := func(mode catalog.SourceMode, name string) func(context.Context, any) error {
		return func(ctx context.Context, api any) error {
			_, err := deployer(api).Newest(ctx, catalog.Source{Mode: mode, Name: name})
			return err
		}
	}
	providertest.Suite{Kind: vercel.Kind(), Block: block, Calls: []providertest.Call{
		{Name: "live", Do: func(ctx context.Context, api any) error {
			_, err := deployer(api).Live(ctx)
			return err
		}},
		{Name: "newest staged", Do: newest(catalog.FromStaged, "")},
		{Name: "newest branch", Do: newest(catalog.FromBranch, "main")},
		{Name: "deployments", Do: func(ctx context.Context, api any) error {
			_, err := deployer(api).Deployments(ctx, provider.DeploymentQuery{Target: "production"})
			return err
		}},
		{Name: "deployment", Do: func(ctx context.Context, api any) error {
			_, err := deployer(api).Deployment(ctx, "dpl_1")
			return err
		}},
		{Name: "visitors", Kinds: map[int]fault.Kind{402: fault.Unsupported}, Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.VisitorCounter).Visitors(ctx, time.Unix(0, 0), time.Unix(3600, 0))
			return err
		}},
		{Name: "check", Do: func(ctx context.Context, api any) error { return api.(provider.Checker).Check(ctx) }},
	}}.Run(t)
}

// bubble runs one test on a vendor made of fixed answers by path.
func bubble(t *testing.T, answers map[string]string, check func(*testing.T, *providertest.Bench)) {
	t.Helper()
	serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("teamId"); got != "team_1" {
			t.Errorf("%s was asked for team %q", r.URL.Path, got)
		}
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(body))
	}, check)
}

func serve(t *testing.T, h http.HandlerFunc, check func(*testing.T, *providertest.Bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { check(t, providertest.Open(t, vercel.Kind(), block, h)) })
}

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// build is a build as the get call shows it.
func build(id, substate string) string {
	return fmt.Sprintf(`{"id":%q,"projectId":"prj_1","url":"web-a.vercel.app","inspectorUrl":"https://vercel.com/acme/web/A",
	"readyState":"READY","readySubstate":%q,"target":"production","createdAt":1763700000000,"ready":1763700090000,"source":"git",
	"creator":{"uid":"u1","username":"alice"},"gitSource":{"type":"github","ref":"main","sha":%q,"prId":null},
	"meta":{"githubCommitSha":%q,"githubCommitMessage":"feat: x (#123)\n\nlong text","githubCommitAuthorLogin":"bob","githubPrId":"123"}}`, id, substate, shaA, shaB)
}

// project is a project with the given fields besides its id.
func project(fields string) string { return `{"id":"prj_1","name":"web",` + fields + `}` }

const onA = `"alias":[
	{"domain":"acme.com","target":"PRODUCTION","environment":"production","redirect":null,"deployment":{"id":"dpl_A"}},
	{"domain":"www.acme.com","target":"PRODUCTION","redirect":"acme.com","deployment":{"id":"dpl_OLD"}},
	{"domain":"new.acme.com","environment":"production","deployment":null},
	{"domain":"git-main.vercel.app","target":"PREVIEW","environment":"preview","deployment":{"id":"dpl_P"}}]`

func TestLive(t *testing.T) {
	bubble(t, map[string]string{
		"/v9/projects/prj_1": project(onA + `,"autoAssignCustomDomains":true,"rollingRelease":null,
			"link":{"productionBranch":"main"},"targets":{"production":{"id":"dpl_NEWER","readyState":"READY"}},
			"lastAliasRequest":{"fromDeploymentId":null,"toDeploymentId":"dpl_A","jobStatus":"succeeded","requestedAt":1763700100000,"type":"promote"},
			"crons":{"enabledAt":1763000000000,"disabledAt":null,"deploymentId":"dpl_A","definitions":[{"host":"acme.com","path":"/api/cron/x","schedule":"*/15 * * * *"}]},
			"webAnalytics":{"id":"wa","enabledAt":1763000000000}`),
		"/v13/deployments/dpl_A": build("dpl_A", "PROMOTED"),
	}, func(t *testing.T, b *providertest.Bench) {
		want := provider.Live{
			Deployment: provider.Deployment{
				ID: "dpl_A", URL: "https://web-a.vercel.app", InspectorURL: "https://vercel.com/acme/web/A",
				Commit: shaA, Message: "feat: x (#123)", Branch: "main", Author: "bob", Creator: "alice", PullRequest: 123,
				State: provider.Ready, Target: provider.TargetProduction, Stage: provider.Promoted, Source: "git",
				CreatedAt: time.UnixMilli(1763700000000).UTC(), ReadyAt: time.UnixMilli(1763700090000).UTC(),
			},
			Domains:    []provider.Domain{{Name: "acme.com", DeploymentID: "dpl_A"}, {Name: "new.acme.com"}},
			AutoAssign: new(true), ProductionBranch: "main", Measured: true,
			Switch: &provider.Switch{To: "dpl_A", Kind: "promote", Status: "succeeded", RequestedAt: time.UnixMilli(1763700100000).UTC()},
			Crons: &provider.CronSet{
				DeploymentID: "dpl_A", LiveID: "dpl_A", Enabled: true,
				Jobs: []provider.CronJob{{Path: "/api/cron/x", Schedule: "*/15 * * * *", Host: "acme.com"}},
			},
		}
		for range 3 {
			got, err := deployer(b.API).Live(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("live (-want +got):\n%s", diff)
			}
		}
		if n := b.Requests.Load(); n != 4 {
			t.Errorf("%d requests for three looks at one build, want 4", n)
		}
	})
}

func TestWhatIsLive(t *testing.T) {
	alias := func(ids ...string) string {
		var all []string
		for i, id := range ids {
			d := "null"
			if id != "" {
				d = fmt.Sprintf(`{"id":%q}`, id)
			}
			all = append(all, fmt.Sprintf(`{"domain":"d%d.com","target":"PRODUCTION","deployment":%s}`, i, d))
		}
		return `"alias":[` + strings.Join(all, ",") + `]`
	}
	request := func(kind, status, to string) string {
		return fmt.Sprintf(`,"lastAliasRequest":{"toDeploymentId":%q,"jobStatus":%q,"type":%q,"requestedAt":1}`, to, status, kind)
	}
	for name, c := range map[string]struct {
		project    string
		live       string
		split      bool
		rolledBack bool
		rolling    bool
		kind       fault.Kind
	}{
		"all on one":                {project: alias("dpl_A", "dpl_A"), live: "dpl_A"},
		"not the production target": {project: alias("dpl_A") + `,"targets":{"production":{"id":"dpl_B"}}`, live: "dpl_A"},
		"split, most win":           {project: alias("dpl_B", "dpl_A", "dpl_A"), live: "dpl_A", split: true},
		"split, tie":                {project: alias("dpl_B", "dpl_A") + `,"targets":{"production":{"id":"dpl_A"}}`, live: "dpl_A", split: true},
		"split, tie, no target":     {project: alias("dpl_A", "dpl_B"), live: "dpl_A", split: true},
		"one domain on nothing":     {project: alias("", "dpl_A"), live: "dpl_A"},
		"no domains":                {project: `"targets":{"production":{"id":"dpl_A","readyState":"READY"}}`, live: "dpl_A"},
		"nothing at all":            {project: `"targets":{}`, kind: fault.NotFound},
		"rolled back":               {project: alias("dpl_A") + `,"autoAssignCustomDomains":false` + request("rollback", "succeeded", "dpl_A"), live: "dpl_A", rolledBack: true},
		"staged by habit":           {project: alias("dpl_A") + `,"autoAssignCustomDomains":false` + request("promote", "succeeded", "dpl_A"), live: "dpl_A"},
		"rollback still running":    {project: alias("dpl_A") + `,"autoAssignCustomDomains":false` + request("rollback", "in-progress", "dpl_A"), live: "dpl_A"},
		"rolled back, then moved":   {project: alias("dpl_A") + `,"autoAssignCustomDomains":false` + request("rollback", "succeeded", "dpl_Z"), live: "dpl_A"},
		"auto-assign not said":      {project: alias("dpl_A") + request("rollback", "succeeded", "dpl_A"), live: "dpl_A"},
		"rolling release":           {project: alias("dpl_A") + `,"rollingRelease":{"target":"production","stages":[]}`, live: "dpl_A", rolling: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]string{
				"/v9/projects/prj_1":     project(c.project),
				"/v13/deployments/dpl_A": build("dpl_A", "PROMOTED"),
			}, func(t *testing.T, b *providertest.Bench) {
				got, err := deployer(b.API).Live(t.Context())
				if c.kind != 0 {
					if f := b.Fault(t, err); f.Kind != c.kind {
						t.Errorf("%s, want %s", f.Kind, c.kind)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got.Deployment.ID != c.live || got.Split != c.split || got.RolledBack != c.rolledBack || got.Rolling != c.rolling {
					t.Errorf("live %s, split %v, rolled back %v, rolling %v; want %+v", got.Deployment.ID, got.Split, got.RolledBack, got.Rolling, c)
				}
			})
		})
	}
}

func TestMeasured(t *testing.T) {
	for analytics, want := range map[string]bool{
		`null`:                                 false,
		`{"id":"a","enabledAt":2000000000000}`: true,
		`{"id":"a"}`:                           true,
		`{"id":"a","enabledAt":1700000000000,"disabledAt":1800000000000}`: false,
		`{"id":"a","enabledAt":1900000000000,"disabledAt":1800000000000}`: true,
	} {
		bubble(t, map[string]string{
			"/v9/projects/prj_1":                   project(onA + `,"webAnalytics":` + analytics),
			"/v13/deployments/dpl_A":               build("dpl_A", "PROMOTED"),
			"/v1/query/web-analytics/visits/count": `{"data":{"pageviews":9,"visitors":4},"version":"1"}`,
		}, func(t *testing.T, b *providertest.Bench) {
			live, err := deployer(b.API).Live(t.Context())
			if err != nil || live.Measured != want {
				t.Errorf("%s: measured %v (%v), want %v", analytics, live.Measured, err, want)
			}
			n, err := api(b).Visitors(t.Context(), time.Unix(0, 0), time.Unix(3600, 0))
			if want && (n != 4 || err != nil) || !want && !fault.Is(err, fault.Unsupported) {
				t.Errorf("%s: visitors %d, %v", analytics, n, err)
			}
		})
	}
}

func api(b *providertest.Bench) *vercel.Client { return b.API.(*vercel.Client) }

// one is a build as a list shows it.
func one(id string, createdAt int64, fields string) string {
	return fmt.Sprintf(`{"uid":%q,"url":"%s.vercel.app","createdAt":%d,"state":"READY","readyState":"READY"%s}`, id, id, createdAt, fields)
}

func list(next string, items ...string) string {
	return `{"deployments":[` + strings.Join(items, ",") + `],"pagination":{"count":1,"next":` + next + `}}`
}

func TestTranslation(t *testing.T) {
	const at = 1763700000000
	created := time.UnixMilli(at).UTC()
	base := provider.Deployment{ID: "d1", URL: "https://d1.vercel.app", State: provider.Ready, Target: "preview", CreatedAt: created}
	for name, c := range map[string]struct {
		json string
		want func(*provider.Deployment)
	}{
		"bare":    {one("d1", at, ""), func(*provider.Deployment) {}},
		"seconds": {one("d1", at/1000, ""), func(*provider.Deployment) {}},
		"production, staged": {one("d1", at, `,"target":"production","readySubstate":"STAGED","isRollbackCandidate":false`), func(d *provider.Deployment) {
			d.Target, d.Stage, d.RollbackCandidate = "production", provider.Staged, new(false)
		}},
		"preview has no stage": {one("d1", at, `,"target":null,"readySubstate":"STAGED","isRollbackCandidate":null`), func(*provider.Deployment) {}},
		"staging target":       {one("d1", at, `,"target":"staging"`), func(*provider.Deployment) {}},
		"custom environment":   {one("d1", at, `,"target":null,"customEnvironment":{"id":"env_1","slug":"qa"}`), func(d *provider.Deployment) { d.Custom = "qa" }},
		"unknown state":        {strings.Replace(one("d1", at, ""), `"readyState":"READY"`, `"readyState":"HOVERING"`, 1), func(d *provider.Deployment) { d.State = "HOVERING" }},
		"gitlab":               {one("d1", at, `,"meta":{"gitlabCommitSha":"`+shaA+`","gitlabCommitRef":"r","gitlabCommitAuthorName":"N"}`), func(d *provider.Deployment) { d.Commit, d.Branch, d.Author = shaA, "r", "N" }},
		"command line":         {one("d1", at, `,"meta":{"gitCommitSha":"`+shaA+`","gitCommitRef":"r","gitDirty":"1"},"source":"cli"`), func(d *provider.Deployment) { d.Commit, d.Branch, d.Source = shaA, "r", "cli" }},
		"github before git":    {one("d1", at, `,"meta":{"gitCommitSha":"`+shaB+`","githubCommitSha":"`+shaA+`"}`), func(d *provider.Deployment) { d.Commit = shaA }},
		"no such commit":       {one("d1", at, `,"meta":{"githubCommitSha":"main","gitCommitSha":"`+strings.ToUpper(shaA)+`"}`), func(*provider.Deployment) {}},
		"meta of other types":  {one("d1", at, `,"meta":{"githubPrId":77,"x":{"y":1},"z":null,"githubCommitRef":["r"]}`), func(d *provider.Deployment) { d.PullRequest = 77 }},
		"creator by login":     {one("d1", at, `,"creator":{"uid":"u","githubLogin":"gh"}`), func(d *provider.Deployment) { d.Creator = "gh" }},
		"failed":               {one("d1", at, `,"errorCode":"BUILD_FAILED","errorMessage":"secret words"`), func(d *provider.Deployment) { d.Problem = "BUILD_FAILED" }},
		"hostile links":        {one("d1", at, `,"inspectorUrl":"javascript:alert(1)","url":"x@evil"`), func(d *provider.Deployment) { d.URL = "" }},
		"foreign inspector":    {one("d1", at, `,"inspectorUrl":"https://vercel.com.evil.example/x"`), func(*provider.Deployment) {}},
		"plain http inspector": {one("d1", at, `,"inspectorUrl":"http://vercel.com/x"`), func(*provider.Deployment) {}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]string{"/v6/deployments": list("null", c.json)}, func(t *testing.T, b *providertest.Bench) {
				got, err := deployer(b.API).Deployments(t.Context(), provider.DeploymentQuery{})
				if err != nil {
					t.Fatal(err)
				}
				want := base
				c.want(&want)
				if diff := cmp.Diff([]provider.Deployment{want}, got.Items); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		pages      map[string]string // by until
		ids        string
		incomplete bool
		requests   int64
	}{
		"one page":          {map[string]string{"": list("null", one("d1", 9, ""))}, "d1", false, 1},
		"out of order":      {map[string]string{"": list("null", one("d1", 1e12, ""), one("d2", 2e12, ""))}, "d2 d1", false, 1},
		"two pages":         {map[string]string{"": list("8", one("d1", 9, "")), "8": list("null", one("d2", 8, ""))}, "d1 d2", false, 2},
		"repeated item":     {map[string]string{"": list("8", one("d1", 9, "")), "8": list("null", one("d1", 9, ""), one("d2", 8, ""))}, "d1 d2", false, 2},
		"circle":            {map[string]string{"": list("8", one("d1", 9, "")), "8": list("8", one("d2", 8, ""))}, "d1 d2", true, 2},
		"backwards":         {map[string]string{"": list("8", one("d1", 9, "")), "8": list("99", one("d2", 8, ""))}, "d1 d2", true, 2},
		"second page lost":  {map[string]string{"": list("8", one("d1", 9, ""))}, "d1", true, 2},
		"second is no list": {map[string]string{"": list("8", one("d1", 9, "")), "8": "[]"}, "d1", true, 2},
		"empty pages":       {map[string]string{"": list("8"), "8": list("7"), "7": list("null", one("d1", 6, ""))}, "d1", false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, ok := c.pages[r.URL.Query().Get("until")]
				if !ok {
					w.WriteHeader(http.StatusNotFound)
				}
				_, _ = w.Write([]byte(body))
			}, func(t *testing.T, b *providertest.Bench) {
				got, err := deployer(b.API).Deployments(t.Context(), provider.DeploymentQuery{Limit: 100})
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for _, d := range got.Items {
					ids = append(ids, d.ID)
				}
				if strings.Join(ids, " ") != c.ids || got.Incomplete != c.incomplete || b.Requests.Load() != c.requests {
					t.Errorf("%v, incomplete %v, %d requests; want %+v", ids, got.Incomplete, b.Requests.Load(), c)
				}
			})
		})
	}
	t.Run("endless", func(t *testing.T) {
		serve(t, func(w http.ResponseWriter, r *http.Request) {
			until, _ := strconv.Atoi(r.URL.Query().Get("until"))
			if until == 0 {
				until = 1000
			}
			_, _ = w.Write([]byte(list(strconv.Itoa(until-1), one("d1", 9, ""))))
		}, func(t *testing.T, b *providertest.Bench) {
			got, err := deployer(b.API).Deployments(t.Context(), provider.DeploymentQuery{})
			if err != nil || !got.Incomplete || len(got.Items) != 1 || b.Requests.Load() != 50 {
				t.Errorf("%+v, %v after %d requests", got, err, b.Requests.Load())
			}
		})
	})
}

func TestNewest(t *testing.T) {
	items := []string{
		one("live", 10, `,"target":"production","readySubstate":"PROMOTED"`),
		one("staged", 30, `,"target":"production","readySubstate":"STAGED"`),
		strings.ReplaceAll(one("failed", 50, `,"target":"production"`), "READY", "ERROR"),
		one("qa", 20, `,"target":null,"customEnvironment":{"slug":"qa"}`),
		one("branch", 25, `,"target":null,"meta":{"githubCommitRef":"next"}`),
		one("prod-branch", 60, `,"target":"production","meta":{"githubCommitRef":"next"}`),
	}
	for _, c := range []struct {
		from catalog.Source
		want string
		kind fault.Kind
	}{
		{catalog.Source{Mode: catalog.FromStaged}, "prod-branch", 0},
		{catalog.Source{Mode: catalog.FromCustom, Name: "qa"}, "qa", 0},
		{catalog.Source{Mode: catalog.FromBranch, Name: "next"}, "branch", 0},
		{catalog.Source{Mode: catalog.FromBranch, Name: "gone"}, "", fault.NotFound},
		{catalog.Source{Mode: catalog.FromCustom, Name: "gone"}, "", fault.NotFound},
		{catalog.Source{Mode: catalog.FromReport}, "", fault.Unsupported},
	} {
		t.Run(c.from.String(), func(t *testing.T) {
			// A vendor that passes over every filter.
			bubble(t, map[string]string{"/v6/deployments": list("null", items...)}, func(t *testing.T, b *providertest.Bench) {
				got, err := deployer(b.API).Newest(t.Context(), c.from)
				if c.kind != 0 {
					if f := b.Fault(t, err); f.Kind != c.kind {
						t.Errorf("%v, want %s", err, c.kind)
					}
					return
				}
				if err != nil || got.ID != c.want {
					t.Errorf("%s, %v; want %s", got.ID, err, c.want)
				}
			})
		})
	}
}

func TestAnotherProjectsBuildIsNotOurs(t *testing.T) {
	bubble(t, map[string]string{
		"/v13/deployments/dpl_A": strings.Replace(build("dpl_A", "PROMOTED"), "prj_1", "prj_2", 1),
	}, func(t *testing.T, b *providertest.Bench) {
		_, err := deployer(b.API).Deployment(t.Context(), "dpl_A")
		if f := b.Fault(t, err); f.Kind != fault.NotFound {
			t.Errorf("%s, want not_found", f.Kind)
		}
		for _, id := range []string{"", "a/b", "../x", "dpl_A?x=1", "a b"} {
			if _, err := deployer(b.API).Deployment(t.Context(), id); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v, want invalid", id, err)
			}
		}
	})
}

func TestBlock(t *testing.T) {
	token := secret.New("t")
	for name, c := range map[string]struct {
		block vercel.Block
		place string
	}{
		"good":            {vercel.Block{Project: "prj_1", Token: token}, ""},
		"team by slug":    {vercel.Block{Project: "web", Team: "acme", Token: token, APIVersion: "v7"}, ""},
		"no project":      {vercel.Block{Token: token}, "vercel.project"},
		"odd project":     {vercel.Block{Project: "a/b", Token: token}, "vercel.project"},
		"odd team":        {vercel.Block{Project: "a", Team: "a b", Token: token}, "vercel.team"},
		"no token":        {vercel.Block{Project: "a"}, "vercel.token"},
		"unknown version": {vercel.Block{Project: "a", Token: token, APIVersion: "v5"}, "vercel.api_version"},
		"plain http":      {vercel.Block{Project: "a", Token: token, BaseURL: "http://api.vercel.com"}, "vercel.base_url"},
	} {
		err := c.block.Validate()
		if c.place == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || len(f.Places) != 1 || f.Places[0].Where != c.place {
			t.Errorf("%s: %+v, want a fault of %s", name, f, c.place)
		}
	}
	env := map[string]string{"VERCEL_TOKEN": "t", "VERCEL_PROJECT_ID": "p", "VERCEL_TEAM_ID": "acme"}
	got, ok := vercel.Kind().FromEnv(func(k string) string { return env[k] })
	if b := got.(*vercel.Block); !ok || b.Project != "p" || b.Team != "acme" || b.Token.Reveal() != "t" {
		t.Errorf("from the environment: %+v, %v", got, ok)
	}
	if _, ok := vercel.Kind().FromEnv(func(string) string { return "" }); ok {
		t.Error("an empty environment configures Vercel")
	}
}
