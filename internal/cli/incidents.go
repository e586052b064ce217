package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

func newIncidents(s Streams) *cobra.Command {
	var c client
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use: "incidents [ID]", Short: "What went wrong; with an id, its timeline", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			if len(args) == 1 {
				return showIncident(cmd.Context(), s, &c, args[0])
			}
			q := url.Values{"open": {strconv.FormatBool(!all)}, "limit": {strconv.Itoa(limit)}}
			var answer struct {
				Incidents []alert.Incident `json:"incidents"`
			}
			raw, err := c.get(cmd.Context(), base+"/incidents?"+q.Encode(), &answer)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			if len(answer.Incidents) == 0 && !all {
				_, err = fmt.Fprintln(s.Out, "Nothing is open.")
				return err
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "INCIDENT\tSTATE\tEVENT\tENVIRONMENT\tSINCE\tWHAT")
			for i := range answer.Incidents {
				inc := &answer.Incidents[i]
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", inc.ID, incidentState(inc), inc.Event, cmp.Or(inc.Environment, "-"), when(&inc.OpenedAt), hostile.Line(inc.Title, 80))
			}
			return w.Flush()
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.Flags().BoolVar(&all, "all", false, "those that are over, too")
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "how many, up to 200")
	cmd.AddCommand(newIncidentAct(s, "acknowledge", "Say that you are on it"), newIncidentAct(s, "snooze", "Silence an incident for a while"), newIncidentAct(s, "close", "End an incident by hand"))
	return cmd
}

func incidentState(i *alert.Incident) string {
	switch {
	case !i.Open():
		return "over"
	case i.Snoozed(time.Now()):
		return "silenced"
	case i.AcknowledgedAt != nil:
		return "acknowledged"
	default:
		return "OPEN"
	}
}

func newIncidentAct(s Streams, act, short string) *cobra.Command {
	var c client
	var reason string
	var span time.Duration
	cmd := &cobra.Command{
		Use: act + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			body := map[string]any{"reason": reason}
			if act == "snooze" {
				if span < time.Minute {
					return fault.New(fault.Invalid, "--for takes a duration of a minute or more, such as 2h.")
				}
				body["minutes"] = int(span / time.Minute)
			}
			var inc alert.Incident
			raw, err := c.do(cmd.Context(), http.MethodPost, base+"/incidents/"+url.PathEscape(args[0])+"/"+act, body, &inc)
			if err != nil {
				return err
			}
			if c.output == "json" {
				_, err = s.Out.Write(raw)
				return err
			}
			_, err = fmt.Fprintf(s.Out, "%s is %s: %s\n", inc.ID, incidentState(&inc), hostile.Line(inc.Title, 200))
			return err
		},
	}
	c.flags(cmd.Flags(), s)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	if act == "snooze" {
		cmd.Flags().DurationVar(&span, "for", time.Hour, "for how long, at most 168h")
	}
	return cmd
}

func showIncident(ctx context.Context, s Streams, c *client, id string) error {
	var inc alert.Incident
	raw, err := c.get(ctx, base+"/incidents/"+url.PathEscape(id), &inc)
	if err != nil {
		return err
	}
	if c.output == "json" {
		_, err = s.Out.Write(raw)
		return err
	}
	fmt.Fprintf(s.Out, "%s (%s, %s)\n%s\n", hostile.Line(inc.Title, 300), inc.Event, incidentState(&inc), hostile.Line(inc.Reason, 300))
	for _, x := range inc.Suspects {
		fmt.Fprintf(s.Out, "suspect: %s (%s) to %s %s\n", x.Operation, x.Action, hostile.Short(x.To), hostile.FirstLine(x.Message, 80))
	}
	for _, r := range inc.Remains {
		fmt.Fprintf(s.Out, "not undone: %s\n", hostile.Line(r, 200))
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, e := range inc.Timeline {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.At.Local().Format("2006-01-02 15:04:05"), e.Kind, hostile.Line(e.Text, 300), e.By)
	}
	return w.Flush()
}
