package github_test

import (
	"testing"
	"testing/synctest"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/github"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/github"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// simulate runs a test against a fresh simulated GitHub, in virtual time.
func simulate(t *testing.T, token, path string, run func(*testing.T, *github.Client, *world.World, *wire.Exchange)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, x, network := world.New(world.Options{Seed: 3, Clock: clock.Real()}), wire.NewExchange(clock.Real(), 3), new(providertest.Network)
		simulated.New(x, w, map[string]simulated.Token{"good": {Name: "good"}, "outside": {Name: "outside", Outside: true}, "expired": {Name: "expired", Expired: true}})
		network.Serve(t, providertest.Host, x.Handler())
		t.Cleanup(x.Release)
		var repo string
		w.View(func(s *world.State) { repo = s.Repo.FullName() })
		api, err := github.Kind().Open(&github.Block{Repo: repo, Token: secret.New(token), BaseURL: providertest.BaseURL + "/github" + path},
			provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
		if err != nil {
			t.Fatal(err)
		}
		run(t, api.(*github.Client), w, x)
	})
}

// span is the live commit and the staged one.
func span(w *world.World) (base, head string) {
	w.View(func(s *world.State) { base, head = s.Live().SHA, s.NewestStaged().SHA })
	return base, head
}

func TestTheSimulatedGitHubIsUnderstood(t *testing.T) {
	for _, path := range []string{"", "/api/v3"} {
		t.Run("at "+path, func(t *testing.T) {
			simulate(t, "good", path, func(t *testing.T, c *github.Client, w *world.World, _ *wire.Exchange) {
				if err := c.Check(t.Context()); err != nil {
					t.Error(err)
				}
				base, head := span(w)
				got, err := c.Compare(t.Context(), base, head)
				if err != nil || got.PullRequestsUnknown != "" {
					t.Fatalf("%v %s", err, got.PullRequestsUnknown)
				}
				w.View(func(s *world.State) {
					want, ok := s.Compare(base, head)
					if !ok || got.Relation != provider.AheadOf || got.Ahead != len(want.Ahead) || got.Behind != want.Behind || len(got.Commits) != len(want.Ahead) || got.Truncated {
						t.Errorf("%s, %d ahead, %d behind, %d commits; want %+v", got.Relation, got.Ahead, got.Behind, len(got.Commits), want)
					}
					numbers := map[int]bool{}
					for _, commit := range got.Commits {
						pulls := 0
						for _, p := range s.PullsOf(commit.SHA) {
							if p.Merged {
								pulls++
								numbers[p.Number] = true
							}
						}
						if (commit.PullRequest > 0) != (pulls > 0) {
							t.Errorf("commit %s is said to be of #%d, and has %d pull requests", commit.SHA, commit.PullRequest, pulls)
						}
						if commit.Author == "" || commit.Message == "" || commit.At.IsZero() || commit.URL == "" {
							t.Errorf("%+v", commit)
						}
					}
					if len(got.PullRequests) != len(numbers) || len(numbers) == 0 {
						t.Errorf("%d pull requests, want %d", len(got.PullRequests), len(numbers))
					}
				})
				back, err := c.Compare(t.Context(), head, base)
				if err != nil || back.Relation != provider.BehindOf || back.Behind != got.Ahead || len(back.Commits) != 0 {
					t.Errorf("the other way round: %+v, %v", back, err)
				}
			})
		})
	}
}

func TestOpenPullRequestsAreFound(t *testing.T) {
	simulate(t, "good", "", func(t *testing.T, c *github.Client, w *world.World, _ *wire.Exchange) {
		var branch string
		var number int
		w.View(func(s *world.State) {
			for _, p := range s.Pulls("open") {
				branch, number = p.Branch, p.Number
			}
		})
		if got, err := c.PullRequestOf(t.Context(), branch); err != nil || got.Number != number {
			t.Errorf("%+v, %v; want #%d", got, err, number)
		}
		if _, err := c.PullRequestOf(t.Context(), "no-such-branch"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v, want not_found", err)
		}
	})
}

func TestWrongCredentialsSaySo(t *testing.T) {
	for token, want := range map[string]fault.Kind{"expired": fault.Rejected, "who": fault.Rejected, "outside": fault.NotFound} {
		t.Run(token, func(t *testing.T) {
			simulate(t, token, "", func(t *testing.T, c *github.Client, w *world.World, _ *wire.Exchange) {
				if err := c.Check(t.Context()); !fault.Is(err, want) {
					t.Errorf("%v, want %s", err, want)
				}
			})
		})
	}
}

func TestAForcedPushIsNotFound(t *testing.T) {
	simulate(t, "good", "", func(t *testing.T, c *github.Client, w *world.World, _ *wire.Exchange) {
		_, head := span(w)
		if _, err := c.Compare(t.Context(), sha(0xdead), head); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v, want not_found", err)
		}
	})
}

func TestEveryPresetLeavesTheTruthOrAFault(t *testing.T) {
	for name, rule := range wire.Presets() {
		if rule.Kind == wire.AppliedButFailed || rule.Kind == wire.NotAppliedButOK {
			continue // faults of writes
		}
		t.Run(name, func(t *testing.T) {
			simulate(t, "good", "", func(t *testing.T, c *github.Client, w *world.World, x *wire.Exchange) {
				if rule.MB > 8 {
					rule.MB = 8
				}
				if _, err := x.Faults.Add(rule); err != nil {
					t.Fatal(err)
				}
				base, head := span(w)
				got, err := c.Compare(t.Context(), base, head)
				if err != nil {
					if fault.KindOf(err) == fault.Internal {
						t.Error(err)
					}
					return
				}
				w.View(func(s *world.State) {
					if want, _ := s.Compare(base, head); got.Ahead != len(want.Ahead) {
						t.Errorf("%d commits ahead, want %d", got.Ahead, len(want.Ahead))
					}
				})
				if len(got.Commits) < got.Ahead && !got.Truncated {
					t.Error("commits are missing and it does not say so")
				}
			})
		})
	}
}
