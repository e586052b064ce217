package wire_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

func TestWhichCallsARuleSpoils(t *testing.T) {
	for name, tc := range map[string]struct {
		rule wire.Rule
		want []int
	}{
		"all":            {wire.Rule{}, []int{500, 500, 500, 500}},
		"after":          {wire.Rule{After: 2}, []int{200, 200, 500, 500}},
		"times":          {wire.Rule{Times: 1}, []int{500, 200, 200, 200}},
		"after, times":   {wire.Rule{After: 1, Times: 2}, []int{200, 500, 500, 200}},
		"other provider": {wire.Rule{Provider: "other"}, []int{200, 200, 200, 200}},
		"other method":   {wire.Rule{Method: "post"}, []int{200, 200, 200, 200}},
		"path":           {wire.Rule{Path: "/th*s"}, []int{500, 500, 500, 500}},
		"route":          {wire.Rule{Route: "/things"}, []int{500, 500, 500, 500}},
		"other route":    {wire.Rule{Route: "/things/{id}"}, []int{200, 200, 200, 200}},
		"query":          {wire.Rule{Query: map[string]string{"limit": "3"}}, []int{200, 200, 500, 200}},
		"half of them":   {wire.Rule{Probability: 0.5}, []int{500, 200, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			tc.rule.Preset = "error_500"
			f.fault(t, tc.rule)
			var got []int
			for i := range tc.want {
				r, err := f.call(t, "GET", fmt.Sprintf("/things?limit=%d", i+1), "")
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, r.status)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	f := setup(t)
	for _, rule := range []wire.Rule{
		{},
		{Kind: "explode"},
		{Preset: "explode"},
		{Kind: wire.Status},
		{Kind: wire.Status, Status: 99},
		{Kind: wire.Latency},
		{Kind: wire.Redirect},
		{Kind: wire.Redirect, Location: "x", Status: 200},
		{Kind: wire.Skew},
		{Kind: wire.Malformed, Shape: "odd"},
		{Kind: wire.RateLimited, RetryAfter: "soon"},
		{Kind: wire.AppliedButFailed, Then: "sleep"},
		{Preset: "hang", Kind: wire.Reset},
		{Kind: wire.Hang, Probability: 2},
		{Kind: wire.Hang, After: -1},
	} {
		if added, err := f.exchange.Faults.Add(rule); err == nil {
			t.Errorf("%+v was accepted as %+v", rule, added)
		}
	}
	if n := len(f.exchange.Faults.List()); n != 0 {
		t.Errorf("%d rules in force", n)
	}
}

// waitFor polls without sleeping: what it waits for is caused by another
// goroutine of the same process.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("gave up waiting")
		}
	}
}
