package github

import (
	"testing"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/secret"
)

func FuzzGraph(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"repository":{"defaultBranchRef":{"name":"main"},"c0":{"oid":"x","associatedPullRequests":{"nodes":[{"number":1,"mergedAt":"2026-11-20T10:00:00Z"},null]}}}}}`,
		`{"data":null,"errors":[{"type":"NOT_FOUND"}]}`,
		`{"data":{"repository":{"c0":null}},"errors":null}`,
	} {
		f.Add([]byte(seed))
	}
	c, err := open(&Block{Repo: "a/b", Token: secret.New("t")}, provider.Deps{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := outbound.Decode[graphAnswer](body)
		if err != nil || c.graphFault(w) != nil {
			return
		}
		for _, raw := range w.Data.Repository {
			got, err := outbound.Decode[graphCommit](raw)
			if err != nil {
				continue
			}
			if pr, ok := c.brought(&got, "main"); ok && pr.Number <= 0 {
				t.Errorf("a pull request that brought nothing: %+v", pr)
			}
		}
	})
}
