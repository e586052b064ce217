package stories

import (
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/worker"
)

// Fleet is what a story knows of the programs beside the app.
type Fleet struct {
	Workers worker.Workers
	History worker.History
	Ages    []panel.Age
}

// Fleets lists a fleet for every state of the workers, by name.
func Fleets() map[string]Fleet {
	normal, source := fleet(), status.Source{Name: "cloudflare", FetchedAt: at(40 * time.Second)}
	broken := fleet()
	broken.Workers.Sources = []status.Source{{Name: "cloudflare", Error: &status.Problem{Kind: "denied", Message: "Cloudflare did not allow it (403 denied): the token (cloudflare.token, or CF_API_TOKEN) is unknown, or lacks the permission Account Analytics: Read"}}}
	for i := range broken.Workers.Workers {
		blind(&broken.Workers.Workers[i], "Cloudflare did not allow it (403 denied): the token lacks the permission Account Analytics: Read")
	}
	blind(&broken.History.Worker, "Cloudflare did not allow it.")
	broken.History.Rollouts, broken.History.Versions, broken.History.Triggers = nil, nil, nil
	old := fleet()
	old.Workers.Sources = []status.Source{{Name: "cloudflare", FetchedAt: at(22 * time.Minute), Stale: true, Error: &status.Problem{Kind: "unavailable", Message: "Cloudflare is failing (503): the fault is on its side; envdeck asks again later"}}}
	old.Ages = []panel.Age{{Source: "cloudflare", Age: 22 * time.Minute, Stale: true}}
	nasty := fleet()
	for i := range nasty.Workers.Workers {
		foul(&nasty.Workers.Workers[i], i)
	}
	foul(&nasty.History.Worker, 9)
	for i := range nasty.History.Rollouts {
		nasty.History.Rollouts[i].Message, nasty.History.Rollouts[i].By = foulText, foulText
	}
	for i := range nasty.History.Versions {
		nasty.History.Versions[i].Message, nasty.History.Versions[i].Tag = foulText, foulText
	}
	nasty.History.Triggers = []worker.Trigger{{Schedule: foulText, Problem: foulText}}
	return map[string]Fleet{
		"normal": normal, "broken": broken, "stale": old, "hostile": nasty,
		"none":     {Workers: worker.Workers{Sources: []status.Source{}}, History: worker.History{Sources: []status.Source{}}},
		"empty":    {Workers: worker.Workers{Sources: []status.Source{source}}, History: normal.History, Ages: normal.Ages},
		"waiting":  {Workers: worker.Workers{Sources: []status.Source{{Name: "cloudflare"}}}, History: broken.History, Ages: []panel.Age{{Source: "cloudflare", Never: true}}},
		"no names": {Workers: worker.Workers{Sources: broken.Workers.Sources}, History: broken.History},
	}
}

const foulText = `<script>alert(1)</script> "><img src=x onerror=alert(1)> ` + "\u202e{{.}} ${x}"

func foul(w *worker.Worker, i int) {
	w.Name = fmt.Sprint(i, foulText)
	w.ScriptName, w.Message, w.DeployedBy, w.DeployedWith = foulText+"/..", new(foulText), new(foulText), new(foulText)
	w.Routes = []string{"javascript:alert(1)", foulText, "https://user:pass@example.com", strings.Repeat("x", 200) + ".example.com/*"}
	for j := range w.Serving {
		w.Serving[j].Tag, w.Serving[j].Message, w.Serving[j].VersionID = new(foulText), new(foulText), foulText
	}
	w.Notes = []status.Note{{Code: "routes_incomplete", Text: foulText}}
}

func blind(w *worker.Worker, why string) {
	unknown := map[string]string{}
	for _, f := range []string{"lastDeployed", "routes", "hours", "serving", "deployments", "versions", "triggers", "stats.requests24h", "stats.errors24h", "stats.errorRate", "stats.p50Latency", "stats.p99Latency", "stats.cpuTimeAvg"} {
		unknown[f] = why
	}
	*w = worker.Worker{Name: w.Name, ScriptName: w.ScriptName, Stats: worker.Traffic{Flow: worker.FlowUnknown}, Notes: []status.Note{}, Unknown: unknown}
}

// fleet is an ordinary day: one of the three goes live gradually, one had
// nothing to do.
func fleet() Fleet {
	code := oneWorker("code", "spike-land-code", 48_213, 6, 3*time.Hour)
	transpiler := oneWorker("transpiler", "js-transpiler", 11_020, 0, 40*time.Minute)
	transpiler.Serving = []worker.Share{
		{VersionID: "7c1e0a94-d24f-4d8a-8be0-c91f7d2e4611", Percent: 10, Number: new(42), Tag: new("9f3c2d1"), Message: new("Parse type arguments in JSX"), Author: new("anjali@spike.land"), CreatedAt: at(41 * time.Minute)},
		{VersionID: "11ab0a94-d24f-4d8a-8be0-c91f7d2e4622", Percent: 90, Number: new(41), Tag: new("b04a77e"), Message: new("Cache the type checker between requests"), Author: new("zoltan@spike.land"), CreatedAt: at(50 * time.Hour)},
	}
	backend := oneWorker("backend", "spike-land-backend", 0, 0, 9*24*time.Hour)
	backend.Stats = worker.Traffic{Requests24h: new(int64(0)), Errors24h: new(int64(0)), Flow: worker.FlowNone}
	for i := range backend.Hours {
		backend.Hours[i].Requests, backend.Hours[i].Errors = 0, 0
	}
	ages := []panel.Age{{Source: "cloudflare", Age: 23 * time.Second}}
	sources := []status.Source{{Name: "cloudflare", FetchedAt: at(40 * time.Second)}}
	h := worker.History{Worker: transpiler, Sources: sources}
	for i := range 6 {
		v := worker.Version{
			ID: fmt.Sprintf("%08d-d24f-4d8a-8be0-c91f7d2e4622", i), Number: 42 - i, Tag: fmt.Sprintf("%07x", 0x9f3c2d1-i*77_777), Message: "Parse type arguments in JSX",
			Author: "anjali@spike.land", With: "wrangler", CreatedAt: before(time.Duration(i*30)*time.Hour + 41*time.Minute),
		}
		share := worker.Share{VersionID: v.ID, Percent: 100, Tag: &v.Tag, Number: &v.Number}
		rollout := worker.Rollout{ID: "d" + v.ID, CreatedAt: v.CreatedAt, By: v.Author, With: "wrangler", Trigger: "upload", Message: "Release " + v.Tag, Versions: []worker.Share{share}, Live: i == 0}
		if i == 0 {
			v.ID, v.Percent = transpiler.Serving[0].VersionID, 10
			rollout.Versions, rollout.Message = transpiler.Serving, ""
		}
		h.Versions, h.Rollouts = append(h.Versions, v), append(h.Rollouts, rollout)
	}
	h.Triggers = []worker.Trigger{
		{Schedule: "*/10 * * * *", Human: "Every 10 minutes", NextRun: new(Now().Add(10 * time.Minute))},
		{Schedule: "61 * * * *", Problem: "minute: 61 is more than 59"},
	}
	return Fleet{Workers: worker.Workers{Project: "spike.land", Workers: []worker.Worker{backend, code, transpiler}, LastUpdated: before(40 * time.Second), Sources: sources}, History: h, Ages: ages}
}

func oneWorker(name, script string, requests, bad int64, ago time.Duration) worker.Worker {
	w := worker.Worker{
		Name: name, ScriptName: script, LastDeployed: at(ago), Routes: []string{"https://" + name + ".spike.land", "spike.land/" + name + "/*"},
		DeploymentID: new("5b1c7e0a-94d2-4f6d-8a3b-e0c91f7d2e46"), DeployedBy: new("zoltan@spike.land"), DeployedWith: new("wrangler"), Trigger: new("upload"),
		Message: new("Release b04a77e: cache the type checker between requests, so that the second build of a box takes no second"),
		Serving: []worker.Share{{VersionID: "11ab0a94-d24f-4d8a-8be0-c91f7d2e4622", Percent: 100, Number: new(41), Tag: new("b04a77e"), Message: new("Cache the type checker"), Author: new("zoltan@spike.land"), CreatedAt: at(ago)}},
		Stats: worker.Traffic{
			Requests24h: &requests, Errors24h: &bad, ErrorRate: new(float64(bad) / float64(max(requests, 1)) * 100), P50Latency: new(42.0), P99Latency: new(910.0), CPUTimeAvg: new(2.0), Flow: worker.FlowSome,
		},
		Notes: []status.Note{}, Unknown: map[string]string{},
	}
	for i := range 24 {
		hour := worker.Hour{At: Now().Truncate(time.Hour).Add(time.Duration(i-23) * time.Hour), Requests: requests / 24 * int64(100+60*((i*7)%5)-20*(i%3)) / 200}
		if bad > 0 && i%9 == 4 {
			hour.Errors = bad / 3
		}
		w.Hours = append(w.Hours, hour)
	}
	return w
}
