package vercel

import (
	"strings"
	"testing"
	"unicode"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

func FuzzProject(f *testing.F) {
	for _, seed := range []string{
		`{"id":"prj_1","alias":[{"domain":"a.com","target":"PRODUCTION","deployment":{"id":"dpl_A"}}],"targets":{"production":{"id":"dpl_A"}}}`,
		`{"id":"prj_1","crons":{"definitions":[{"path":"/x","schedule":"* * * * *"}],"disabledAt":null},"lastAliasRequest":{"toDeploymentId":"x","requestedAt":1e3}}`,
		`{"id":"prj_1","rollingRelease":{},"webAnalytics":{"enabledAt":1,"disabledAt":2},"autoAssignCustomDomains":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := outbound.Decode[projectWire](body)
		if err != nil {
			return
		}
		domains := w.domains()
		id, split := w.liveID(domains)
		if split && id == "" {
			t.Error("the domains disagree about nothing")
		}
		_, _, _ = w.lastSwitch(), w.schedule(), w.measured()
	})
}

func FuzzList(f *testing.F) {
	for _, seed := range []string{
		`{"deployments":[{"uid":"d","state":"READY","createdAt":1763700000000,"meta":{"githubCommitSha":"` + strings.Repeat("a", 40) + `","githubPrId":7}}],"pagination":{"next":5}}`,
		`{"deployments":[{"uid":"d","readyState":"READY","url":"http://[::1","inspectorUrl":"https://vercel.com/%zz","creator":null,"gitSource":{"prId":"1"}}]}`,
	} {
		f.Add([]byte(seed))
	}
	c, err := open(&Block{Project: "prj_1", Token: secret.New("t")}, provider.Deps{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := outbound.Decode[listWire](body)
		if err != nil {
			return
		}
		for i := range w.Deployments {
			d, ok := c.deployment(&w.Deployments[i])
			if !ok {
				continue
			}
			if d.Commit != "" && !sha.MatchString(d.Commit) {
				t.Errorf("commit %q", d.Commit)
			}
			if d.InspectorURL != "" && !strings.HasPrefix(d.InspectorURL, "http") || d.URL != "" && !strings.HasPrefix(d.URL, "http") {
				t.Errorf("links %q, %q", d.URL, d.InspectorURL)
			}
			if strings.ContainsFunc(d.Message+d.Branch+d.Author+d.Creator+string(d.State), unicode.IsControl) {
				t.Errorf("control characters in %+v", d)
			}
		}
	})
}
