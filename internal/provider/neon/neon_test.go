package neon_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/neon"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
)

func block(base string, token secret.Text) any {
	return &neon.Block{Project: "cool-sea-1", Token: token, BaseURL: base}
}

func check(ctx context.Context, api any) error { return api.(provider.Checker).Check(ctx) }

func TestContract(t *testing.T) {
	busy := map[int]fault.Kind{http.StatusLocked: fault.Unavailable}
	on := func(do func(ctx context.Context, b provider.Brancher) error) func(context.Context, any) error {
		return func(ctx context.Context, api any) error { return do(ctx, api.(provider.Brancher)) }
	}
	providertest.Suite{Kind: neon.Kind(), Block: block, Calls: []providertest.Call{
		{Name: "check", Do: check},
		{Name: "branches", Do: on(func(ctx context.Context, b provider.Brancher) error {
			_, err := b.Branches(ctx)
			return err
		})},
		{Name: "branch", Do: on(func(ctx context.Context, b provider.Brancher) error {
			_, err := b.Branch(ctx, "br-1")
			return err
		})},
		{Name: "operation", Do: on(func(ctx context.Context, b provider.Brancher) error {
			_, err := b.BranchWork(ctx, "0f3daf10-2544-425c-86d3-9a9932ab25b9")
			return err
		})},
		{Name: "create", Write: true, Kinds: busy, Do: on(func(ctx context.Context, b provider.Brancher) error {
			_, err := b.CreateBranch(ctx, provider.NewBranch{Name: "n", ParentID: "br-1"})
			return err
		})},
		{Name: "delete", Write: true, Kinds: busy, Do: on(func(ctx context.Context, b provider.Brancher) error {
			_, err := b.DeleteBranch(ctx, "br-1")
			return err
		})},
		{Name: "restore", Write: true, Kinds: busy, Do: on(func(ctx context.Context, b provider.Brancher) error {
			_, err := b.RestoreBranch(ctx, "br-1", provider.BranchRestore{SourceID: "br-2"})
			return err
		})},
	}}.Run(t)
}

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := providertest.Open(t, neon.Kind(), block, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/projects/cool-sea-1" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			_, _ = w.Write([]byte(`{"project":{"id":"cool-sea-1","name":"web"}}`))
		}))
		if err := check(t.Context(), b.API); err != nil {
			t.Error(err)
		}
	})
}

func TestBlock(t *testing.T) {
	token := secret.New("t")
	for name, c := range map[string]struct {
		block neon.Block
		place string
	}{
		"good":       {neon.Block{Project: "p", Token: token}, ""},
		"no project": {neon.Block{Token: token}, "neon.project"},
		"a path":     {neon.Block{Project: "a/b", Token: token}, "neon.project"},
		"no token":   {neon.Block{Project: "p"}, "neon.token"},
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
}
