package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// auditEntry is access.Entry, field for field, with what the document says of
// it.
type auditEntry struct {
	Seq         int64         `json:"seq" doc:"Its place in the chain, from 1 without a gap."`
	At          time.Time     `json:"at"`
	ActorKind   access.Kind   `json:"actorKind" doc:"person, token, system (envdeck itself), operator (the command line beside the database), or empty for nobody."`
	ActorID     string        `json:"actorId"`
	ActorName   string        `json:"actorName"`
	TokenID     string        `json:"tokenId,omitempty"`
	SessionID   string        `json:"sessionId,omitempty"`
	Face        access.Face   `json:"face,omitempty" doc:"Where it came in: web, api, ping, mcp, cli."`
	Action      string        `json:"action" doc:"What, such as user.manage.created."`
	Project     string        `json:"project,omitempty"`
	Environment string        `json:"environment,omitempty"`
	Object      string        `json:"object,omitempty" doc:"The id of what it was done to."`
	Reason      string        `json:"reason,omitempty" doc:"In the person's words."`
	Result      access.Result `json:"result" enum:"done,requested,refused,denied,failed"`
	RequestID   string        `json:"requestId,omitempty"`
	Address     string        `json:"address,omitempty"`
	Detail      string        `json:"detail,omitempty" doc:"JSON, as the exact text that the hash covers."`
	PrevHash    string        `json:"prevHash" doc:"The hash of the entry before."`
	Hash        string        `json:"hash" doc:"HMAC-SHA256 over all the other fields, under a key that is kept outside of the database."`
}

type auditQuery struct {
	Format      string    `query:"format" enum:"json,csv,jsonl" default:"json" doc:"json: a page. csv, jsonl: a download of everything that the filter lets through, newest first."`
	Person      string    `query:"person" maxLength:"200" doc:"The id or name of a person, or the id of a token."`
	Action      string    `query:"action" maxLength:"200" doc:"A whole action, or its front up to a dot: user, user.manage."`
	Environment string    `query:"environment" maxLength:"200"`
	Project     string    `query:"project" maxLength:"200"`
	Result      string    `query:"result" enum:"done,requested,refused,denied,failed"`
	From        time.Time `query:"from" doc:"From this time on."`
	To          time.Time `query:"to" doc:"Before this time."`
	Cursor      int64     `query:"cursor" minimum:"1" doc:"next of the page before."`
	Limit       int       `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Entries of a page."`
	Reason      string    `query:"reason" maxLength:"1000" doc:"Why it is downloaded, for the record."`
}

func (q *auditQuery) filter() access.AuditFilter {
	return access.AuditFilter{
		Actor: q.Person, Action: q.Action, Environment: q.Environment, Project: q.Project, Result: access.Result(q.Result),
		From: q.From, To: q.To, Before: q.Cursor, Limit: q.Limit,
	}
}

type auditPage struct {
	Entries []auditEntry `json:"entries" nullable:"false" doc:"Newest first."`
	Next    *int64       `json:"next" doc:"The cursor of the next page. null: this is the last."`
}

// auditAnswer is a page or a download; which, is known when the query is read.
type auditAnswer struct{ Body func(huma.Context) }

type auditPath struct {
	Seq int64 `path:"seq" minimum:"1"`
}

type auditHead struct {
	Seq  int64     `json:"seq"`
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
}

type auditCheck struct {
	Heads []string `query:"head,explode" maxItems:"100" doc:"Heads that were kept elsewhere, as SEQ:HASH. Only they show that an end was cut off."`
}

type auditVerdict struct {
	Sound   bool      `json:"sound" doc:"Every hash, every link and every given head fits, and nothing is missing."`
	Entries int64     `json:"entries" doc:"How many are sound, from the first on."`
	Head    auditHead `json:"head" doc:"The last sound entry."`
	BadSeq  int64     `json:"badSeq,omitempty" doc:"The place of the first entry that is wrong or missing."`
	Problem string    `json:"problem,omitempty" doc:"What is wrong with it."`
	From    int64     `json:"from" doc:"The first entry that is still here: what is before it was archived."`
	// Unchecked heads are told of, or a check would seem to hold more than it does.
	Unchecked int `json:"unchecked,omitempty" doc:"How many of the given heads lie in an archive, where only its file can be checked."`
}

func (a *API) mountAudit() {
	list := a.operation(http.MethodGet, base+"/audit", "audit", "Who did what, when and why", access.ViewAudit)
	list.Responses["200"] = a.answer("A page, or a download. A download ends with its manifest: what it holds, its SHA-256 and a signature. "+
		"The manifest is in the trailer "+manifestHeader+", and in jsonl also in the last line, which the SHA-256 does not cover.", auditPage{})
	line := &huma.Schema{Type: "string"}
	list.Responses["200"].Content["text/csv"] = &huma.MediaType{Schema: line}
	list.Responses["200"].Content["application/jsonl"] = &huma.MediaType{Schema: line}
	route(a, list, func(ctx context.Context, who access.Actor, in *auditQuery) (*auditAnswer, error) {
		if in.Format != "json" {
			return &auditAnswer{func(c huma.Context) { a.export(c, in) }}, nil
		}
		page, err := a.Control.Activity(ctx, who, in.filter())
		if err != nil {
			return nil, err
		}
		return &auditAnswer{func(c huma.Context) { a.page(c, page) }}, nil
	})

	one := a.operation(http.MethodGet, base+"/audit/{seq}", "audit-entry", "One entry of the record", access.ViewAudit)
	a.refuses(&one, http.StatusNotFound)
	route(a, one, func(ctx context.Context, who access.Actor, in *auditPath) (*body[auditEntry], error) {
		e, err := a.Control.Entry(ctx, who, in.Seq)
		return &body[auditEntry]{auditEntry(e)}, err
	})

	head := a.operation(http.MethodGet, base+"/audit/head", "audit-head", "The present end of the record, to be kept elsewhere", access.ViewAudit)
	route(a, head, func(ctx context.Context, who access.Actor, _ *none) (*body[auditHead], error) {
		h, err := a.Control.AuditHead(ctx, who)
		return &body[auditHead]{auditHead(h)}, err
	})

	verify := a.operation(http.MethodGet, base+"/audit/verify", "verify-audit", "Check the whole record", access.ViewAudit)
	route(a, verify, a.verifyAudit)
}

// page writes a page as the framework would have.
func (a *API) page(c huma.Context, page access.Page) {
	out := auditPage{Entries: make([]auditEntry, 0, len(page.Entries))}
	for _, e := range page.Entries {
		out.Entries = append(out.Entries, auditEntry(e))
	}
	if page.Next != 0 {
		out.Next = &page.Next
	}
	r, w := humago.Unwrap(c)
	body, err := json.Marshal(out)
	if err != nil {
		a.Door.Fail(w, r, access.FaceAPI, err)
		return
	}
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(append(body, '\n')) // the reader has gone: nobody is left to tell
}

func (a *API) verifyAudit(ctx context.Context, who access.Actor, in *auditCheck) (*body[auditVerdict], error) {
	heads, err := readHeads(in.Heads)
	if err != nil {
		return nil, err
	}
	select {
	case a.checking <- struct{}{}:
		defer func() { <-a.checking }()
	default:
		return nil, &fault.Error{Kind: fault.RateLimited, RetryAfter: 5 * time.Second, Message: "The record is being checked already. Ask again when that has ended."}
	}
	v, err := a.Control.VerifyAudit(ctx, who, heads...)
	if err != nil {
		return nil, err
	}
	return &body[auditVerdict]{auditVerdict{Sound: v.Sound(), Entries: v.Entries, Head: auditHead(v.Head), BadSeq: v.BadSeq, Problem: v.Problem, From: v.From, Unchecked: v.Unchecked}}, nil
}

func readHeads(texts []string) ([]access.Head, error) {
	var heads []access.Head
	for _, text := range texts {
		h, ok := access.ParseHead(text)
		if !ok {
			return nil, wrong("query.head", "takes SEQ:HASH, as audit/head answers them")
		}
		heads = append(heads, h)
	}
	return heads, nil
}
