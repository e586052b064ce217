package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

type users struct {
	Users []struct {
		ID, Login, Role string
		Disabled        bool
	}
}

type issued struct {
	ID, Token string
	ExpiresAt *time.Time
}

func TestPeopleTokensAndSessions(t *testing.T) {
	f := open(t)
	super := f.session(t, f.tokens.SuperAdminID)
	made := decode[struct{ ID, Role, Name string }](t, f.ask("POST", base+"/users", `{"login":"Kim","role":"ADMIN","name":"Kim K.","reason":"joins"}`, as(super)), 201)
	if made.ID == "" || made.Role != "ADMIN" || made.Name != "Kim K." {
		t.Errorf("made %+v", made)
	}
	if w := f.ask("POST", base+"/users", `{"login":"kim","role":"ADMIN"}`, as(super)); w.Code != 409 {
		t.Errorf("the same name again: %d", w.Code)
	}
	kim := f.session(t, made.ID)
	tok := decode[issued](t, f.ask("POST", base+"/tokens", `{"scope":"api","name":"ci","expires":"30d"}`, as(kim)), 201)
	if !strings.HasPrefix(tok.Token, "edk_api_") || tok.ExpiresAt == nil {
		t.Errorf("token %+v", tok)
	}
	if w := f.ask("GET", base+"/tokens", "", as(kim)); w.Code != 200 || !strings.Contains(w.Body.String(), tok.ID) || strings.Contains(w.Body.String(), tok.Token) {
		t.Errorf("the list: %d %s", w.Code, w.Body)
	}
	if w := f.ask("GET", base+"/tokens?all=true", "", as(kim)); w.Code != 403 {
		t.Errorf("everybody's tokens for an ADMIN: %d", w.Code)
	}
	if w := f.ask("GET", base+"/audit/head", "", as(tok.Token)); w.Code != 200 {
		t.Errorf("the token: %d %s", w.Code, w.Body)
	}
	list := decode[struct {
		Sessions []struct {
			ID      string
			Current bool
		}
	}](t, f.ask("GET", base+"/sessions", "", as(kim)), 200)
	if len(list.Sessions) != 1 || !list.Sessions[0].Current {
		t.Errorf("sessions %+v", list)
	}
	other := f.session(t, made.ID)
	if n := decode[struct{ Ended int }](t, f.ask("DELETE", base+"/sessions", "", as(kim)), 200); n.Ended != 1 {
		t.Errorf("%d others ended", n.Ended)
	}
	if w := f.ask("GET", base+"/sessions", "", as(other)); w.Code != 401 {
		t.Errorf("the other session: %d", w.Code)
	}
	if n := decode[struct{ Ended int }](t, f.ask("DELETE", base+"/users/"+made.ID+"/sessions?reason=left", "", as(super)), 200); n.Ended != 1 {
		t.Errorf("%d sessions of Kim ended", n.Ended)
	}
	if w := f.ask("DELETE", base+"/tokens/"+tok.ID, "", as(super)); w.Code != 204 {
		t.Errorf("revoking: %d %s", w.Code, w.Body)
	}
	if w := f.ask("GET", base+"/audit/head", "", as(tok.Token)); w.Code != 401 {
		t.Errorf("the revoked token: %d", w.Code)
	}
}

// T12: an ADMIN does not become more by any way in.
func TestT12AnAdminStaysOne(t *testing.T) {
	f := open(t)
	super, admin := f.tokens.SuperAdmin.Reveal(), f.tokens.Admin.Reveal()
	for _, credential := range []string{admin, f.session(t, f.tokens.AdminID)} {
		for _, c := range []struct {
			method, path, body string
			status             int
		}{
			{"PATCH", base + "/users/" + f.tokens.AdminID, `{"role":"SUPER_ADMIN"}`, 403},
			{"PATCH", base + "/users/" + f.tokens.SuperAdminID, `{"password":"correct horse battery staple"}`, 403},
			{"POST", base + "/users", `{"login":"me","role":"SUPER_ADMIN"}`, 403},
			{"POST", base + "/users/" + f.tokens.SuperAdminID + "/link", ``, 403},
			{"GET", base + "/users", ``, 403},
			{"POST", base + "/tokens", `{"scope":"api","name":"n","owner":"` + f.tokens.SuperAdminID + `"}`, 403},
			{"POST", base + "/tokens", `{"scope":"api","name":"n","role":"SUPER_ADMIN"}`, 400},
			{"POST", base + "/tokens", `{"scope":"*","name":"n"}`, 400},
		} {
			if w := f.ask(c.method, c.path, c.body, as(credential)); w.Code != c.status {
				t.Errorf("%s %s %s: %d, want %d: %s", c.method, c.path, c.body, w.Code, c.status, w.Body)
			}
		}
	}
	for _, u := range decode[users](t, f.ask("GET", base+"/users", "", as(super)), 200).Users {
		if u.ID == f.tokens.AdminID && u.Role != "ADMIN" {
			t.Errorf("the ADMIN is %s", u.Role)
		}
	}
	for _, body := range []string{`{"role":"ADMIN"}`, `{"disabled":true}`} {
		if w := f.ask("PATCH", base+"/users/"+f.tokens.SuperAdminID, body, as(super)); w.Code != 409 {
			t.Errorf("the last SUPER_ADMIN with %s: %d", body, w.Code)
		}
	}
}

// T36: a token has its owner's present role, at once.
func TestT36ATokenLosesWhatItsOwnerLoses(t *testing.T) {
	f := open(t)
	super := f.tokens.SuperAdmin.Reveal()
	u := decode[struct{ ID string }](t, f.ask("POST", base+"/users", `{"login":"kim","role":"SUPER_ADMIN"}`, as(super)), 201)
	tok := decode[issued](t, f.ask("POST", base+"/tokens", `{"scope":"api","name":"ci","owner":"`+u.ID+`"}`, as(super)), 201)
	for _, step := range []struct {
		change string
		status int
	}{{``, 200}, {`{"role":"ADMIN"}`, 403}, {`{"role":"SUPER_ADMIN"}`, 200}, {`{"disabled":true}`, 401}, {`{"disabled":false}`, 200}} {
		if step.change != "" {
			if w := f.ask("PATCH", base+"/users/"+u.ID, step.change, as(super)); w.Code != 200 {
				t.Fatalf("%s: %d %s", step.change, w.Code, w.Body)
			}
		}
		if w := f.ask("GET", base+"/users", "", as(tok.Token)); w.Code != step.status {
			t.Errorf("after %s: %d, want %d", step.change, w.Code, step.status)
		}
	}
}

// T14: a hundred identical requests at once are one act and one answer.
func TestT14ARepeatedRequestIsOneActAndOneAnswer(t *testing.T) {
	f := open(t)
	const parallel = 100
	super := f.session(t, f.tokens.SuperAdminID)
	answers := make([]*httptest.ResponseRecorder, parallel)
	var running sync.WaitGroup
	for i := range parallel {
		running.Go(func() {
			answers[i] = f.ask("POST", base+"/tokens", `{"scope":"api","name":"ci"}`, as(super), header("Idempotency-Key", "one"))
		})
	}
	running.Wait()
	first := 0
	for _, w := range answers {
		if w.Code != 201 || w.Body.String() != answers[0].Body.String() || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%d %s %s, the first was %s", w.Code, w.Header(), w.Body, answers[0].Body)
		}
		if w.Header().Get("Idempotent-Replayed") == "" {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d answers are not replays, want 1", first)
	}
	mine, err := f.control.Tokens(t.Context(), access.Actor{Kind: access.Person, ID: f.tokens.SuperAdminID, Role: access.SuperAdmin, SessionID: "s"}, false)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, tok := range mine {
		if tok.Name == "ci" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d tokens were made, want 1", made)
	}
	for name, c := range map[string]struct {
		path, body, credential string
		status                 int
	}{
		"another body":        {"/tokens", `{"scope":"api","name":"other"}`, super, 409},
		"another address":     {"/users", `{"scope":"api","name":"ci"}`, super, 409},
		"somebody else's key": {"/tokens", `{"scope":"api","name":"ci"}`, f.session(t, f.tokens.AdminID), 201},
	} {
		w := f.ask("POST", base+c.path, c.body, as(c.credential), header("Idempotency-Key", "one"))
		if w.Code != c.status || w.Body.String() == answers[0].Body.String() || w.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	// What is kept for repetitions does not show the token to who reads the database.
	token := decode[issued](t, answers[0], 201).Token
	rows, err := storetest.Raw(t, f.db).QueryContext(t.Context(), "SELECT answer FROM idempotency_keys")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	kept := 0
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		kept++
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || strings.Contains(text, token) || strings.Contains(string(raw), token) {
			t.Error("a kept answer shows its token")
		}
	}
	if err := rows.Err(); err != nil || kept == 0 {
		t.Errorf("%d answers are kept: %v", kept, err)
	}
	// A refusal that depends on the moment is not kept.
	admin := f.tokens.Admin.Reveal()
	body := `{"scope":"api","name":"n"}`
	if w := f.ask("POST", base+"/tokens", body, as(admin), header("Idempotency-Key", "two")); w.Code != 403 {
		t.Fatalf("a token that makes a token: %d", w.Code)
	}
	role := access.SuperAdmin
	if _, err := f.control.ChangeUser(t.Context(), access.OperatorActor("test"), f.tokens.AdminID, access.UserChange{Role: &role}); err != nil {
		t.Fatal(err)
	}
	if w := f.ask("POST", base+"/tokens", body, as(admin), header("Idempotency-Key", "two")); w.Code != 201 {
		t.Errorf("the same once it is allowed: %d %s", w.Code, w.Body)
	}
	if w := f.ask("POST", base+"/tokens", body, as(super), header("Idempotency-Key", "")); w.Code != 400 {
		t.Errorf("an empty key: %d", w.Code)
	}
}

// FuzzAuditFilters is T42: whatever a filter says, the answer is a page in
// order or a refusal of the input.
func FuzzAuditFilters(f *testing.F) {
	for _, seed := range [][3]string{
		{"person", "' OR 1=1 --", "10"},
		{"action", "user%", "1"},
		{"action", "_____", "1"},
		{"environment", "prod'; DROP TABLE users; --", "500"},
		{"project", "\x00\xff", "0"},
		{"result", "done) UNION SELECT 1", "-1"},
		{"cursor", "1 OR 1", "50"},
		{"cursor", "9223372036854775808", "50"},
		{"from", "2026-11-22T00:00:00Z' OR ''='", "50"},
		{"to", "2026-11-22T10:00:00Z", "50"},
		{"sort", "password", "50"},
		{"order", "(SELECT password FROM users)", "50"},
		{"limit", "1;1", "50"},
		{"format", "csv'", "50"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	server := openFor(f)
	f.Fuzz(func(t *testing.T, name, value, limit string) {
		q := url.Values{name: {value}}
		if name != "limit" {
			q.Set("limit", limit)
		}
		w := server.ask("GET", base+"/audit?"+q.Encode(), "", as(server.tokens.Admin.Reveal()))
		if w.Code == http.StatusOK && w.Header().Get("Content-Type") != "application/json" {
			return // a download
		}
		if w.Code != http.StatusOK {
			decode[door.Problem](t, w, http.StatusBadRequest)
			return
		}
		page := decode[struct{ Entries []access.Entry }](t, w, 200)
		for i, e := range page.Entries[:max(0, len(page.Entries)-1)] {
			if e.Seq <= page.Entries[i+1].Seq {
				t.Errorf("entry %d comes before %d", e.Seq, page.Entries[i+1].Seq)
			}
		}
	})
}

func TestTheRecordIsPagedExportedAndVerified(t *testing.T) {
	f := open(t)
	super := f.tokens.SuperAdmin.Reveal()
	for i := range 7 {
		if w := f.ask("POST", base+"/users", fmt.Sprintf(`{"login":"u%d","role":"ADMIN","reason":"=cmd()"}`, i), as(super)); w.Code != 201 {
			t.Fatal(w.Body)
		}
	}
	var seen []int64
	for cursor := ""; ; {
		page := decode[struct {
			Entries []access.Entry
			Next    *int64
		}](t, f.ask("GET", base+"/audit?action=user.manage&limit=3"+cursor, "", as(super)), 200)
		for _, e := range page.Entries {
			seen = append(seen, e.Seq)
		}
		if page.Next == nil {
			break
		}
		cursor = fmt.Sprintf("&cursor=%d", *page.Next)
	}
	if len(seen) != 7 {
		t.Errorf("pages hold %v, want 7 entries", seen)
	}
	if e := decode[access.Entry](t, f.ask("GET", fmt.Sprintf("%s/audit/%d", base, seen[0]), "", as(super)), 200); e.Seq != seen[0] || e.Reason != "=cmd()" {
		t.Errorf("one entry: %+v", e)
	}
	if w := f.ask("GET", base+"/audit/99999", "", as(super)); w.Code != 404 {
		t.Errorf("an entry that is not there: %d", w.Code)
	}
	testDownloads(t, f, super)
	head := decode[access.Head](t, f.ask("GET", base+"/audit/head", "", as(super)), 200)
	type verdict struct {
		Sound   bool
		Entries int64
	}
	if v := decode[verdict](t, f.ask("GET", fmt.Sprintf("%s/audit/verify?head=%d:%s", base, head.Seq, head.Hash), "", as(super)), 200); !v.Sound || v.Entries != head.Seq {
		t.Errorf("verdict %+v at %+v", v, head)
	}
	if v := decode[verdict](t, f.ask("GET", fmt.Sprintf("%s/audit/verify?head=%d:%s", base, head.Seq+9, head.Hash), "", as(super)), 200); v.Sound {
		t.Error("a record whose end was cut off is called sound")
	}
}
