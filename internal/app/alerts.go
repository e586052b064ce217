package app

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/notify"
)

// CheckNotify says what is wrong with the receivers of a configuration, without
// a word of their addresses.
func CheckNotify(c config.Config) error {
	_, err := receivers(c, "", access.Keys{})
	return err
}

// SendTest sends a test message to every receiver, and tells of each how it
// went. Nothing is kept.
func SendTest(ctx context.Context, c config.Config, version string, told func(receiver string, err error)) error {
	all, err := receivers(c, version, access.Keys{})
	if err != nil {
		return err
	}
	for i, r := range all {
		m := alert.Message{ID: fmt.Sprintf("test_%d", i), Receiver: r.Name, Event: alert.Test, Kind: alert.TellNews, Content: alert.Content{
			Title: "A test of envdeck's notifications", Text: "Somebody ran envdeck doctor --send. This receiver hears of: " + strings.Join(r.On, ", ") + ".",
		}}
		told(fmt.Sprintf("notify[%d] %s", i, kindOf(r.Name)), r.Send(ctx, alert.Delivery{Message: m}))
	}
	return nil
}

func kindOf(name string) string {
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

// receivers opens who is told. They are named after their kind and a keyed hash
// of their address, so that a message finds its receiver when the list changes.
func receivers(c config.Config, version string, keys access.Keys) ([]alert.Receiver, error) {
	var all []alert.Receiver
	var places []fault.Place
	for i, n := range c.Notify {
		where := fmt.Sprintf("notify[%d]", i)
		for j, on := range n.On {
			if !alert.Named(on) {
				places = append(places, fault.Place{Where: fmt.Sprintf("%s.on[%d]", where, j), Problem: "names no event; there are " + eventList()})
			}
		}
		s, err := notify.Open(notify.Config{URL: n.URL, Secret: n.Secret, Private: n.Private, UserAgent: "envdeck/" + version})
		if err != nil {
			places = append(places, fault.Place{Where: where + ".url", Problem: fault.From(err).Message})
			continue
		}
		mac := hmac.New(sha256.New, []byte(keys.Links().Reveal()))
		mac.Write([]byte("receiver\x00" + n.URL.Reveal()))
		all = append(all, alert.Receiver{Name: s.Kind + "-" + hex.EncodeToString(mac.Sum(nil)[:3]), On: n.On, Send: s.Send})
	}
	if places != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Message: "The receivers of notifications cannot be used.", Places: places}
	}
	return all, nil
}

func eventList() string {
	var all []string
	for _, e := range alert.Events() {
		all = append(all, string(e))
	}
	return strings.Join(all, ", ") + ", and patterns such as release.* or *"
}

// openAlerts opens the room that tells people.
func (a *App) openAlerts() error {
	all, err := receivers(a.o.Config, a.o.Version, a.secrets)
	if err != nil {
		return err
	}
	o := alert.Options{
		Catalog: a.o.Config.Catalog(), Store: a.db, Receivers: all, Clock: a.o.Clock, Log: a.o.Log, Interval: a.o.Config.Health.Interval,
		Sources: a.sources, HeadEvery: cmp.Or(a.o.Config.Audit.HeadEvery, 100), Links: alert.Links{Key: a.secrets.Links()},
	}
	if u := a.o.Config.PublicURL; u != nil {
		o.URL = strings.TrimSuffix(u.String(), "/")
	}
	engine := alert.NewEngine(o)
	a.alerts = alert.NewDesk(engine, a.Control.Gate)
	a.loops = append(a.loops, loop{"alerts", engine.Run})
	a.crons.OnChange(func(string) { engine.Wake() })
	return nil
}

// sources is how the outside sources of every project stand.
func (a *App) sources() []alert.Source {
	var all []alert.Source
	for _, b := range a.boards {
		for _, s := range b.Ages().Sources {
			if s.Source == "health" || s.Source == "report" {
				continue // they have alarms of their own, or are a person's machine
			}
			all = append(all, alert.Source{Project: b.Project().Name, Name: s.Source, Age: s.Age, Never: s.Never})
		}
	}
	return all
}
