package alert

import (
	"crypto/rand"
	"strings"
	"time"
)

// Message is one notification to one receiver.
type Message struct {
	ID       string
	Receiver string
	Incident string // "" for news that is no incident
	Event    Event
	Kind     MessageKind
	Content
	CreatedAt time.Time
	DueAt     time.Time
	Attempts  int
	// DoneAt is when it was sent or given up.
	DoneAt  time.Time
	Outcome Outcome
	Problem string // of the last try, ours and never the service's words
}

// Content is what a message says.
type Content struct {
	Project     string   `json:"project,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Subject     string   `json:"subject,omitempty"`
	Severity    Severity `json:"severity,omitempty"`
	Title       string   `json:"title"`
	Text        string   `json:"text,omitempty"`
	// Operation is the one that it is about, or that a job has been silent since.
	Operation string `json:"operation,omitempty"`
	// Path is the page about it; the sender puts the server's address before.
	Path string `json:"path,omitempty"`
	// Seq and Hash are of the audit chain's head.
	Seq  int64  `json:"seq,omitempty"`
	Hash string `json:"hash,omitempty"`
	// At is when it happened.
	At time.Time `json:"at"`
}

// MessageKind is what a message tells of its incident.
type MessageKind string

// The kinds of messages. They are stored.
const (
	TellOpened   MessageKind = "opened"
	TellClosed   MessageKind = "closed"
	TellReminder MessageKind = "reminder"
	TellFlapping MessageKind = "flapping"
	TellNews     MessageKind = "news" // of something that is no incident
)

// Outcome is how a message ended.
type Outcome string

// The outcomes; "" is on its way.
const (
	Delivered Outcome = "sent"
	GivenUp   Outcome = "failed"
	Dropped   Outcome = "dropped" // nobody needs it any more
)

// Delivery is a message with what only exists while it is sent.
type Delivery struct {
	Message
	URL    string // the page about it, "" without a public address
	Snooze string // a link that silences it for an hour, "" for none
}

// Line is a delivery in plain words, for services that take text.
func (d *Delivery) Line() string {
	var b strings.Builder
	b.WriteString(d.Title)
	for _, part := range []string{d.Text, d.URL} {
		if part != "" {
			b.WriteString("\n" + part)
		}
	}
	if d.Snooze != "" {
		b.WriteString("\nSilence it for an hour: " + d.Snooze)
	}
	return b.String()
}

func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

// tell makes the messages about an incident for everybody who asked for it.
func (e *Engine) tell(i *Incident, kind MessageKind, title, text string) []Message {
	return e.tellAll(Message{
		Incident: i.ID, Event: i.Event, Kind: kind, Content: Content{
			Project: i.Project, Environment: i.Environment, Subject: i.Subject, Severity: i.Severity, Title: title, Text: text, Operation: i.Operation,
			Path: Path + "/" + i.ID, At: e.clock.Now(),
		},
	})
}

func (e *Engine) tellAll(m Message) (all []Message) {
	now := e.clock.Now()
	for i := range e.receivers {
		if r := &e.receivers[i]; r.wants(m.Event) {
			one := m
			one.ID, one.Receiver, one.CreatedAt, one.DueAt = newID("msg"), r.Name, now, now
			all = append(all, one)
		}
	}
	return all
}
