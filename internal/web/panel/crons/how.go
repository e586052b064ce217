package crons

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// How says how a job reports, with lines to copy that work as they are.
type How struct {
	Ways    []Way
	Ping    string // the job's own address, "" for those who may not know it
	NoPing  bool   // there is one, and whoever looks may not know it
	Example bool   // no real job: the path is an example
}

// Way is one way to report.
type Way struct {
	ID, Name string
	Note     string
	Text     string
}

// newHow writes the instructions of a job. What comes from outside stands in
// the quotes of the language it is put into: a path that was reported must not
// become a command of whoever copies the line.
func newHow(j cron.Job, ping, address string, v panel.Viewer) *How {
	address = strings.TrimSuffix(address, "/")
	h := &How{Example: ping == "" && j.ID == 0}
	if ping != "" {
		h.Ping = address + ping
	} else if j.ID != 0 {
		h.NoPing = !access.Permits(v.Actor, access.ManageCrons)
	}
	path := cmp.Or(j.Path, "/api/cron/my-job")
	name := cmp.Or(cron.Slug(path[strings.LastIndexByte(path, '/')+1:]), "my-job")
	body := quoteJSON(map[string]string{"path": path, "status": "success", "environment": j.Environment, "project": v.Project})
	ways := []Way{
		{"curl", "curl", "One line at the end of the job. The ping answers when the report is on disk.", curl(h.Ping, address, name, j)},
		{
			"next", "Next.js", "The npm package of clients/typescript: start, end, duration, schedule, and what the handler threw. It never delays or breaks the job.",
			"// ENVDECK_URL=" + address + "\n// ENVDECK_TOKEN=… (scope: report)\nimport { cronRoute } from \"@envdeck/cron\";\n\nexport const GET = cronRoute(" + quoteJSON(path) + ", async (request) => {\n  // … the work …\n  return Response.json({ ok: true });\n});",
		},
		{
			"go", "Go", "The package instrument, for programs that keep their own time.",
			"import \"github.com/envdeck/envdeck/instrument\"\n\ndeck := instrument.New(instrument.Options{URL: " + strconv.Quote(address) + ", Token: os.Getenv(\"ENVDECK_TOKEN\")})\nerr := deck.Run(ctx, " + strconv.Quote(path) + ", func(ctx context.Context) error {\n\t// … the work …\n\treturn nil\n})\ndeck.Flush(ctx) // before the process ends",
		},
		{
			"shell", "Shell and crontab", "Runs the command, reports its start, end, exit code and output, and ends with its exit code.",
			"export ENVDECK_URL=" + address + " ENVDECK_TOKEN=…\nenvdeck cron exec --path " + quoteShell(path) + flag("--environment", j.Environment) + flag("--project", v.Project) + " -- ./job.sh",
		},
		{
			"json", "Any language", "The body that jobs of an app have always written, and more where it is known.",
			"curl -fsS -X POST " + quoteShell(address+"/api/cron/report") + " \\\n  -H \"Authorization: Bearer $ENVDECK_TOKEN\" -H 'Content-Type: application/json' \\\n  -d " + quoteShell(body),
		},
	}
	h.Ways = ways
	return h
}

// curl is a ping by the job's own address, or by that of a token of scope ping:
// what stands in an address ends up in logs, so no other scope may.
func curl(ping, address, name string, j cron.Job) string {
	start, end := ping+"/start", ping+"/$?"
	if ping == "" {
		query := "?create=1"
		if j.Schedule != "" {
			query += "&schedule=" + strings.ReplaceAll(url.QueryEscape(j.Schedule), "+", "%20")
		}
		start, end = address+"/ping/$ENVDECK_PING_KEY/"+name+"/start"+query, address+"/ping/$ENVDECK_PING_KEY/"+name+"/$?"
	}
	const call = "curl -fsS -m 10 --retry 5 -o /dev/null \""
	return call + start + "\"   # when it begins; may be left out\n./job.sh\n" + call + end + "\"   # how it ended: the exit code"
}

func flag(name, value string) string {
	if value == "" {
		return ""
	}
	return " " + name + " " + quoteShell(value)
}

// quoteShell is text as one word of a shell.
func quoteShell(s string) string {
	s = string(ui.Reason(s))
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/-_.:=", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// quoteJSON is a value as JSON, which is a literal of JavaScript too; what is
// empty is left out.
func quoteJSON(v any) string {
	if m, ok := v.(map[string]string); ok {
		for k, s := range m {
			if s == "" {
				delete(m, k)
			}
		}
	}
	b, err := json.Marshal(v)
	if err != nil { // strings always encode
		return ""
	}
	return string(b)
}
