package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func runCron(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newCron(Streams{In: strings.NewReader(stdin), Out: &out, Err: &out, Getenv: func(string) string { return "" }})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCronNext(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{
			[]string{"next", "30 2 * * *", "--tz", "America/New_York", "--from", "2026-03-07T12:00:00Z", "-n", "2"},
			"UTC                   America/New_York\n2026-03-08T07:00:00Z  Sun 2026-03-08 03:00 -04:00\n2026-03-09T06:30:00Z  Mon 2026-03-09 02:30 -04:00\n",
		},
		{
			[]string{"next", "0 0 * * 1", "--dialect", "cloudflare", "--from", "2026-11-22T12:00:00Z", "-n", "1", "-o", "json"},
			"{\"next\":[\"2026-11-29T00:00:00Z\"]}\n",
		},
		{[]string{"next", "0 0 30 2 *"}, "It does not run again.\n"},
		{[]string{"next", "0 0 30 2 *", "-o", "json"}, "{\"next\":[]}\n"},
		{
			[]string{"explain", "30 2 * * *", "--tz", "America/New_York", "--from", "2026-03-07T12:00:00Z", "-n", "1"},
			"At 02:30 every day.\n" +
				"Note: The clock in America/New_York skips 02:30 on 8 March 2026. The run comes once, at 03:00 when the skipped time ends.\n\n" +
				"UTC                   America/New_York\n2026-03-08T07:00:00Z  Sun 2026-03-08 03:00 -04:00\n",
		},
		{
			[]string{"explain", "@hourly", "--from", "2026-03-07T12:00:00Z", "-n", "1", "-o", "json"},
			`{"expr":"0 * * * *","dialect":"unix","text":"Every hour, on the hour","next":["2026-03-07T13:00:00Z"],"warnings":[]}` + "\n",
		},
	} {
		got, err := runCron(t, "", c.args...)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.args, diff)
		}
	}
}

func TestCronNextRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"next", "61 * * * *"}, "minute field"},
		{[]string{"next", "* * * * *", "--tz", "Mars/Olympus"}, "no time zone"},
		{[]string{"next", "* * * * *", "--tz", "Local"}, "no time zone"},
		{[]string{"next", "* * * * *", "--from", "tomorrow"}, "is not a time"},
		{[]string{"next", "* * * * *", "-n", "0"}, "between 1 and 1000"},
		{[]string{"next", "* * * * *", "--dialect", "quartz"}, "no cron dialect"},
		{[]string{"next", "* * * * *", "-o", "yaml"}, "table or json"},
		{[]string{"explain", "* * * * *", "-o", "yaml"}, "table or json"},
		{[]string{"next"}, "accepts 1 arg"},
	} {
		out, err := runCron(t, "", c.args...)
		if err == nil || !strings.Contains(err.Error(), c.says) || out != "" {
			t.Errorf("%v: %q, %v; want an error that says %q and no output", c.args, out, err, c.says)
		}
	}
}

func TestCronNextAnswersLines(t *testing.T) {
	in := `{"expr":"0 3 * * *","tz":"Europe/Berlin","from":"2026-11-22T10:00:00Z","n":2}
{"expr":"0 0 * * MON","dialect":"vercel"}
not json

{"expr":"0 0 30 2 *","from":"2026-11-22T10:00:00+01:00"}
{"expr":"0 0 * * 6","dialect":"cloudflare","from":"2026-11-22T10:00:00Z"}
`
	got, err := runCron(t, in, "next", "-", "-n", "1")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	want := []string{
		`{"next":["2026-11-23T02:00:00Z","2026-11-24T02:00:00Z"]}`,
		`{"error":"cron expression \"0 0 * * MON\", day of week field (character 9): Vercel takes no names; write 1 for MON"}`,
		`{"error":"the line is not a question in JSON; write it as in {\"expr\":\"0 3 * * *\",\"tz\":\"UTC\",\"n\":3}"}`,
		`{"error":"the line is not a question in JSON; write it as in {\"expr\":\"0 3 * * *\",\"tz\":\"UTC\",\"n\":3}"}`,
		`{"next":[]}`,
		`{"next":["2026-11-27T00:00:00Z"]}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := runCron(t, strings.Repeat("x", longestLine+1), "next", "-"); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a line without end: %v", err)
	}
}
